import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Task } from '../../shared/domain/task.ts'
import type { Entities } from '../../shared/state/apply.ts'
import { attemptsOfRound } from '../../shared/state/selectors.ts'

/** What an attempt conflicts with (null: its base), and in which files. */
export type Conflicts = Readonly<
  Record<string, readonly { other: string | null; files: readonly string[] }[]>
>

/** Another task whose work conflicts with an attempt. */
export interface Clash {
  task: Task
  /** Its attempts that conflict, in slot order. */
  attempts: Attempt[]
  /** Its attempts of which this is known not to be so. */
  free: Attempt[]
  files: string[]
}

/** The conflicts of an attempt by the other task: one of its attempts lands, not all of them. */
export function clashesOf(
  entities: Pick<Entities, 'attempts' | 'tasks'>,
  conflicts: Conflicts,
  attemptId: string,
): Clash[] {
  const byTask = new Map<string, Clash>()
  for (const { other, files } of conflicts[attemptId] ?? []) {
    const attempt = other === null ? undefined : entities.attempts[other]
    const task = attempt ? entities.tasks[attempt.taskId] : undefined
    if (!attempt || !task) continue
    const clash = byTask.get(task.id) ?? { task, attempts: [], free: [], files: [] }
    clash.attempts.push(attempt)
    clash.files = [...new Set([...clash.files, ...files])]
    byTask.set(task.id, clash)
  }
  for (const clash of byTask.values()) {
    clash.attempts.sort((a, b) => a.n - b.n)
    const hit = new Set(clash.attempts.map((attempt) => attempt.id))
    clash.free = attemptsOfRound(entities, clash.task).filter(
      (attempt) => attempt.status === 'ready' && !hit.has(attempt.id),
    )
  }
  return [...byTask.values()].sort((a, b) => a.task.createdAt - b.task.createdAt)
}

export interface LandStep {
  attempt: Attempt
  /** Something before it in this order conflicts with it: it will have to be mended. */
  mends: boolean
}

/**
 * The order in which conflicting tasks should land so that few of them need mending: first what is in the lane already,
 * then whatever conflicts with the fewest others. Empty where there is nothing to order.
 */
export function landOrder(
  entities: Pick<Entities, 'attempts' | 'tasks'>,
  conflicts: Conflicts,
  attempt: Attempt,
): LandStep[] {
  const clashes = clashesOf(entities, conflicts, attempt.id)
  const inLane = (task: Task | undefined): Attempt | undefined =>
    task?.status === 'landing' && task.winnerAttemptId ? entities.attempts[task.winnerAttemptId] : undefined
  const own = entities.tasks[attempt.taskId]
  const fellows = [
    inLane(own) ?? attempt,
    ...clashes.flatMap((clash) => inLane(clash.task) ?? clash.attempts[0] ?? []),
  ].filter((one) => entities.tasks[one.taskId]?.baseBranch === own?.baseBranch)
  if (fellows.length < 2) return []
  const clash = (a: Attempt, b: Attempt) => conflicts[a.id]?.some((one) => one.other === b.id) ?? false
  const first = fellows.filter((one) => inLane(entities.tasks[one.taskId])?.id === one.id)
  const order = [...first].sort((a, b) => (a.verdict?.at ?? 0) - (b.verdict?.at ?? 0))
  let rest = fellows.filter((one) => !order.includes(one))
  while (rest.length > 0) {
    // What needs no mending comes before what does; among equals that which makes the fewest others need it.
    const cost = (one: Attempt) =>
      (order.some((before) => clash(before, one)) ? 1_000 : 0) +
      rest.filter((other) => other !== one && clash(one, other)).length
    const next = rest.reduce((best, one) => (cost(one) < cost(best) ? one : best))
    order.push(next)
    rest = rest.filter((one) => one !== next)
  }
  return order.map((one, at) => ({
    attempt: one,
    mends: order.slice(0, at).some((before) => clash(before, one)),
  }))
}
