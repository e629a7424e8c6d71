import { Failure } from '../domain/failure.ts'
import type { TaskStatus } from '../domain/task.ts'

/** What can happen to a task. */
export type TaskEvent =
  | 'fire'
  | 'work'
  | 'decide'
  | 'approve'
  | 'landed'
  | 'return'
  | 'trash_all'
  | 'abandon'
  | 'reopen'

const TRANSITIONS: Record<TaskStatus, Partial<Record<TaskEvent, TaskStatus>>> = {
  draft: { fire: 'queued', abandon: 'abandoned' },
  queued: {
    work: 'working',
    decide: 'deciding',
    trash_all: 'rework',
    approve: 'landing',
    abandon: 'abandoned',
  },
  working: { decide: 'deciding', approve: 'landing', trash_all: 'rework', abandon: 'abandoned' },
  deciding: { work: 'working', approve: 'landing', trash_all: 'rework', abandon: 'abandoned' },
  // `return`: the landing was undone or could not go on without the engineer.
  landing: { landed: 'landed', return: 'deciding', abandon: 'abandoned' },
  landed: {},
  rework: { fire: 'queued', reopen: 'deciding', abandon: 'abandoned' },
  abandoned: { reopen: 'deciding' },
}

/** The status after `event`; throws `illegal_state` when that cannot happen in this status. */
export function nextTaskStatus(status: TaskStatus, event: TaskEvent): TaskStatus {
  const next = TRANSITIONS[status][event]
  if (!next)
    throw new Failure('illegal_state', `A task that is ${status} cannot ${event.replace('_', ' ')}.`, {
      status,
      event,
    })
  return next
}

/** True when `event` can happen in this status. */
export function canTask(status: TaskStatus, event: TaskEvent): boolean {
  return TRANSITIONS[status][event] !== undefined
}

export const isTaskOver = (status: TaskStatus): boolean => status === 'landed' || status === 'abandoned'
