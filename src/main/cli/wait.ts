import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Task } from '../../shared/domain/task.ts'
import { isUnfinished } from '../../shared/machines/attempt-machine.ts'
import type { Entities } from '../../shared/state/apply.ts'

export type WaitGoal = 'ready' | 'landed'

/** What a wait shows of the state it last saw. */
export interface WaitView {
  /** The wait is over. */
  done: boolean
  /** The task ended in a way that cannot reach the goal any more, as a sentence. */
  failed: string | null
  /** Lines for the person about what changed since the view before. */
  notes: string[]
}

/** Cannot go on without the engineer: a question, or no sign of life. */
const isStuck = (attempt: Attempt) => attempt.status === 'waiting' || attempt.status === 'stalled'

const label = (attempt: Attempt) => `#${attempt.n} ${attempt.agent}`

/**
 * True when nothing will move any more by itself: every attempt has come to its end, or waits for the engineer while no
 * other is at work.
 */
export function isSettled(attempts: readonly Attempt[]): boolean {
  const open = attempts.filter((attempt) => isUnfinished(attempt.status))
  return attempts.length > 0 && open.every(isStuck)
}

/** What a person wants to hear; of the first state only what they would have to act on. */
function changes(before: Entities | null, attempts: readonly Attempt[]): string[] {
  return attempts.flatMap((attempt) => {
    const old = before?.attempts[attempt.id]
    const lines: string[] = []
    if (before && old?.status !== attempt.status) {
      const why = attempt.reason ? `: ${attempt.reason}` : ''
      lines.push(`${label(attempt)} ${attempt.status}${why}`)
    }
    const asks = attempt.attention?.kind === 'question' && old?.attention?.since !== attempt.attention.since
    if (asks)
      lines.push(`${label(attempt)} asks: ${attempt.attention?.detail} (quartet answer ${attempt.id} TEXT)`)
    return lines
  })
}

function taskFailure(task: Task): string | null {
  if (task.status === 'rework') return 'All attempts were trashed: the task is in rework.'
  if (task.status === 'abandoned') return 'The task was abandoned.'
  return null
}

/**
 * Judges `after` for a wait on the current round of task `taskId`; `before` is the state that was judged last. A pure
 * function of the two: whoever waits feeds it every state.
 */
export function judge(goal: WaitGoal, taskId: string, before: Entities | null, after: Entities): WaitView {
  const task = after.tasks[taskId]
  // The snapshot may be older than the answer to our own call.
  if (!task) return { done: false, failed: null, notes: [] }
  const attempts = Object.values(after.attempts)
    .filter((attempt) => attempt.taskId === taskId && attempt.round === task.round)
    .sort((a, b) => a.n - b.n)
  const notes = changes(before, attempts)
  if (
    before &&
    task.status !== before.tasks[taskId]?.status &&
    (task.status === 'landing' || task.status === 'landed')
  )
    notes.push(`task ${task.status}${task.reason ? `: ${task.reason}` : ''}`)
  if (goal === 'ready') return { done: isSettled(attempts), failed: null, notes }
  const failed = taskFailure(task)
  return { done: failed !== null || task.status === 'landed', failed, notes }
}
