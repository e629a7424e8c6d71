import type { Attempt, StatusSource } from '../../../shared/domain/attempt.ts'
import type { Task } from '../../../shared/domain/task.ts'
import type { AttemptEvent } from '../../../shared/machines/attempt-machine.ts'
import { isDecidable, isUnfinished, nextAttemptStatus } from '../../../shared/machines/attempt-machine.ts'
import type { TaskEvent } from '../../../shared/machines/task-machine.ts'
import { canTask, isTaskOver, nextTaskStatus } from '../../../shared/machines/task-machine.ts'
import type { Ledger, Transaction } from '../db/ledger.ts'

export interface Move {
  now: number
  source?: StatusSource
  reason?: string | null
  actor?: 'engineer' | 'agent' | 'core' | 'forge'
  /** Other fields that change with the status. */
  change?: Partial<Omit<Attempt, 'id' | 'rev' | 'status' | 'statusAt' | 'statusSource' | 'reason'>>
}

/** The only way an attempt's status changes: by the machine, with a fact, and the task's status follows. */
export function moveAttempt(
  ledger: Ledger,
  tx: Transaction,
  id: string,
  event: AttemptEvent,
  move: Move,
): Attempt {
  const before = tx.require('attempts', id)
  const status = nextAttemptStatus(before.status, event)
  const source = move.source ?? 'core'
  const after = tx.patch('attempts', id, {
    ...move.change,
    status,
    statusAt: move.now,
    statusSource: source,
    reason: move.reason ?? null,
  })
  tx.fact({
    kind: 'attempt.status',
    actor: move.actor ?? 'core',
    repoId: before.repoId,
    taskId: before.taskId,
    attemptId: id,
    body: {
      n: before.n,
      from: before.status,
      to: status,
      source,
      ...(move.reason ? { reason: move.reason } : {}),
    },
  })
  settleTask(ledger, tx, before.taskId, move.now)
  return after
}

/** The only way a task's status changes. */
export function moveTask(
  tx: Transaction,
  id: string,
  event: TaskEvent,
  now: number,
  change: Partial<Omit<Task, 'id' | 'rev' | 'status'>> = {},
): Task {
  const before = tx.require('tasks', id)
  const status = nextTaskStatus(before.status, event)
  const after = tx.patch('tasks', id, {
    reason: null,
    ...change,
    status,
    statusAt: now,
    closedAt: isTaskOver(status) ? now : null,
  })
  tx.fact({
    kind: 'task.status',
    repoId: before.repoId,
    taskId: id,
    body: { from: before.status, to: status, ...(after.reason ? { reason: after.reason } : {}) },
  })
  return after
}

/** What the attempts of the current round say of the task: pure, so that it can be tested as a table. */
export function taskEventFor(statuses: readonly Attempt['status'][]): TaskEvent | null {
  if (statuses.length === 0) return null
  if (statuses.every((status) => status === 'trashed')) return 'trash_all'
  if (statuses.some((status) => status === 'mergeable' || status === 'landing' || status === 'landed'))
    return null
  if (statuses.every((status) => status === 'pending')) return null
  // One that asks or is stalled does not hold back the verdict on the others.
  const busy = statuses.some((status) => isUnfinished(status) && status !== 'waiting' && status !== 'stalled')
  if (busy) return 'work'
  return statuses.some(isDecidable) ? 'decide' : 'work'
}

function settleTask(ledger: Ledger, tx: Transaction, taskId: string, now: number): void {
  const task = tx.require('tasks', taskId)
  const statuses = ledger
    .select('attempts', 'taskId = ? AND round = ?', taskId, task.round)
    .map((attempt) => attempt.status)
  const event = taskEventFor(statuses)
  if (!event) return
  if (task.status === 'rework' && event !== 'trash_all') {
    if (canTask(task.status, 'reopen')) moveTask(tx, taskId, 'reopen', now)
  } else if (canTask(task.status, event)) {
    moveTask(tx, taskId, event, now)
  }
}
