import type { Attempt } from '../../shared/domain/attempt.ts'
import { canAttempt } from '../../shared/machines/attempt-machine.ts'
import { neverRan } from './end-text.ts'

/** Why an attempt cannot be told to go on; null when it can. */
export function keepGoingBlocked(attempt: Attempt | null): string | null {
  if (!attempt) return 'No attempt is focused.'
  if (attempt.verdict) return `#${attempt.n} has its verdict. Undo or restore it first.`
  if (attempt.trashRef !== null) return `#${attempt.n} is in the trash. Restore it first.`
  if (neverRan(attempt)) return `The agent of #${attempt.n} never ran. Restart it first.`
  if (attempt.status === 'running' || attempt.status === 'waiting') return null
  return canAttempt(attempt.status, 'run') || canAttempt(attempt.status, 'start')
    ? null
    : `#${attempt.n} is ${attempt.status}: it cannot go on now.`
}
