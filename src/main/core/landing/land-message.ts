import type { Attempt } from '../../../shared/domain/attempt.ts'
import type { Task } from '../../../shared/domain/task.ts'

const SUBJECT_CHARS = 72

/** Commit message of a landed change: the task's title and brief, and trailers that lead back to the attempt. */
export function landMessage(
  task: Pick<Task, 'id' | 'title' | 'brief'>,
  attempt: Pick<Attempt, 'id'>,
): string {
  const title = task.title.replace(/\s+/g, ' ').trim()
  const subject = title.length > SUBJECT_CHARS ? `${title.slice(0, SUBJECT_CHARS - 1)}…` : title
  const brief = task.brief.trim()
  // A brief that is only its title needs no body; a very long one belongs into the task, not into the history.
  const body = brief === title ? '' : brief.length > 4_000 ? `${brief.slice(0, 4_000)}…` : brief
  return [subject, body, `Quartet-Task: ${task.id}\nQuartet-Attempt: ${attempt.id}`]
    .filter(Boolean)
    .join('\n\n')
}
