import type { Attempt, Attention } from '../domain/attempt.ts'
import type { Task, TaskStatus } from '../domain/task.ts'
import { isDecidable } from '../machines/attempt-machine.ts'
import type { Entities } from './apply.ts'

/** One entry of the needs-me queue. */
export interface NeedsMe {
  taskId: string
  attemptId: string | null
  kind: Attention['kind']
  detail: string
  since: number
}

/** What outranks what when several things wait: a crash loses time, a question blocks an agent, a verdict can wait. */
const ATTENTION_ORDER: Record<Attention['kind'], number> = {
  crash: 0,
  tamper: 1,
  question: 2,
  trust: 3,
  not_delivered: 4,
  auth: 5,
  limit: 6,
  base_dirty: 7,
  conflict: 8,
  ci_stuck: 9,
  verdict: 10,
  rework: 11,
  stalled: 12,
}

/** The attempts of a task's current round, in slot order. */
export function attemptsOfRound(
  entities: Pick<Entities, 'attempts'>,
  task: Pick<Task, 'id' | 'round'>,
  round = task.round,
): Attempt[] {
  return Object.values(entities.attempts)
    .filter((attempt) => attempt.taskId === task.id && attempt.round === round)
    .sort((a, b) => a.n - b.n)
}

/** Everything that waits for the engineer: most urgent first, then the longest wait. */
export function needsMe(entities: Pick<Entities, 'attempts' | 'tasks'>): NeedsMe[] {
  const queue: NeedsMe[] = []
  for (const task of Object.values(entities.tasks)) {
    if (task.status === 'landed' || task.status === 'abandoned' || task.status === 'draft') continue
    const attempts = attemptsOfRound(entities, task)
    for (const attempt of attempts) {
      if (attempt.attention && !attempt.verdict) {
        queue.push({
          taskId: task.id,
          attemptId: attempt.id,
          kind: attempt.attention.kind,
          detail: attempt.attention.detail,
          since: attempt.attention.since,
        })
      } else if (attempt.attention && attempt.status === 'landing') {
        queue.push({
          taskId: task.id,
          attemptId: attempt.id,
          kind: attempt.attention.kind,
          detail: attempt.attention.detail,
          since: attempt.attention.since,
        })
      }
    }
    // One entry for all verdicts of a task: they are given side by side.
    if (task.status === 'deciding') {
      const due = attempts.filter((attempt) => isDecidable(attempt.status) && !attempt.verdict)
      const ready = due.filter((attempt) => attempt.status === 'ready')
      // One that waits for its verdict by name (a fix changed it) stands for the others.
      const named = queue.some((entry) => entry.taskId === task.id && entry.kind === 'verdict')
      // So does one that came back from landing with a reason of its own: it leads to the same decision.
      const told = ready.length > 0 && ready.every((attempt) => attempt.attention)
      if (due.length > 0 && !named && !told) {
        queue.push({
          taskId: task.id,
          attemptId: (ready[0] ?? due[0])?.id ?? null,
          kind: 'verdict',
          detail:
            ready.length > 0
              ? `${ready.length} of ${attempts.length} ready for a verdict`
              : 'No attempt succeeded',
          since: Math.min(...due.map((attempt) => attempt.statusAt)),
        })
      }
    }
    if (task.status === 'rework') {
      queue.push({
        taskId: task.id,
        attemptId: null,
        kind: 'rework',
        detail: 'All attempts trashed: fire the next round',
        since: task.statusAt,
      })
    }
  }
  return queue.sort((a, b) => ATTENTION_ORDER[a.kind] - ATTENTION_ORDER[b.kind] || a.since - b.since)
}

/** Groups of the task list, in the order of the screen. */
export const TASK_GROUPS = [
  'working',
  'deciding',
  'landing',
  'rework',
  'draft',
  'landed',
  'abandoned',
] as const
export type TaskGroup = (typeof TASK_GROUPS)[number]

const GROUP_OF: Record<TaskStatus, TaskGroup> = {
  draft: 'draft',
  queued: 'working',
  working: 'working',
  deciding: 'deciding',
  landing: 'landing',
  landed: 'landed',
  rework: 'rework',
  abandoned: 'abandoned',
}

/** Tasks by group, the one changed last first. */
export function tasksByGroup(
  tasks: Readonly<Record<string, Task>>,
  repoId: string | null,
): Record<TaskGroup, Task[]> {
  const groups = Object.fromEntries(TASK_GROUPS.map((group) => [group, [] as Task[]])) as Record<
    TaskGroup,
    Task[]
  >
  for (const task of Object.values(tasks)) {
    if (repoId === null || task.repoId === repoId) groups[GROUP_OF[task.status]].push(task)
  }
  for (const group of Object.values(groups)) group.sort((a, b) => b.statusAt - a.statusAt)
  return groups
}
