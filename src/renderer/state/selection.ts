import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Task } from '../../shared/domain/task.ts'
import type { Entities } from '../../shared/state/apply.ts'
import { attemptsOfRound, needsMe, TASK_GROUPS, tasksByGroup } from '../../shared/state/selectors.ts'
import { useEntities } from './entities.ts'
import { openTask, useUi } from './ui.ts'

type Tables = Pick<Entities, 'attempts' | 'tasks'>

/** The attempts that a task's board shows: those of its current round. */
export function shownAttempts(entities: Pick<Entities, 'attempts'>, task: Task | undefined): Attempt[] {
  return task ? attemptsOfRound(entities, task) : []
}

/** The attempt whose tile has the focus: the remembered one, else the first. */
export function focusedOf(attempts: readonly Attempt[], remembered: number | undefined): Attempt | null {
  return attempts.find((attempt) => attempt.n === remembered) ?? attempts[0] ?? null
}

export function currentTask(): Task | null {
  const { taskId } = useUi.getState()
  return taskId ? (useEntities.getState().tasks[taskId] ?? null) : null
}

export function focusedAttempt(): Attempt | null {
  const task = currentTask()
  if (!task) return null
  return focusedOf(shownAttempts(useEntities.getState(), task), useUi.getState().focusedTile[task.id])
}

/** Tasks in the order of the list on screen. */
export function listedTasks(tables: Tables, repoId: string | null): Task[] {
  const groups = tasksByGroup(tables.tasks, repoId)
  return TASK_GROUPS.flatMap((group) => groups[group])
}

/** Goes `by` places down the list; without an open task to its begin or end. */
export function stepTask(by: 1 | -1): void {
  const { taskId, repoId } = useUi.getState()
  const tasks = listedTasks(useEntities.getState(), repoId)
  const at = tasks.findIndex((task) => task.id === taskId)
  const next = at < 0 ? (by > 0 ? tasks[0] : tasks.at(-1)) : tasks[at + by]
  if (next) openTask(next.id)
}

/**
 * The entry of the queue after the one that is looked at, so that pressing the key again and again goes through all of
 * them instead of resting on the most urgent.
 */
export function goToNextThatNeedsMe(): boolean {
  const entities = useEntities.getState()
  const queue = needsMe(entities)
  if (queue.length === 0) return false
  const { taskId } = useUi.getState()
  const attemptId = focusedAttempt()?.id ?? null
  const here = queue.findIndex(
    (entry) => entry.taskId === taskId && (entry.attemptId === null || entry.attemptId === attemptId),
  )
  const next = queue[(here + 1) % queue.length]
  if (!next) return false
  const n = next.attemptId ? entities.attempts[next.attemptId]?.n : undefined
  openTask(next.taskId, n)
  return true
}
