import type { Attempt, AttemptStatus } from '../../shared/domain/attempt.ts'

const WHAT: Partial<Record<AttemptStatus, string>> = {
  failed: 'It failed.',
  lost: 'Its terminal is gone; what it wrote and its files are kept.',
  cancelled: 'It was stopped.',
  stalled: 'It has been silent for a while.',
  trashed: 'It is in the trash, with everything it changed.',
}

const END_TEXT: Partial<Record<NonNullable<Attempt['endReason']>, string>> = {
  agent_missing: 'The agent’s program was not found.',
  prepare_failed: 'Its worktree could not be prepared.',
  worktree_missing: 'Its worktree disappeared.',
  exited_with_error: 'The agent ended with an error.',
}

/** Why the attempt came to its end, as one sentence; null for an end that needs no explaining, or that explains itself. */
export function endText(attempt: Attempt): string | null {
  const what = WHAT[attempt.status]
  if (!what) return null
  // Until it is kept aside the undo banner says all; what lost to a sibling has none.
  if (
    attempt.status === 'trashed' &&
    !attempt.trashRef &&
    !attempt.verdict?.reasons.includes('lost to sibling')
  )
    return null
  return attempt.reason ?? (attempt.endReason ? END_TEXT[attempt.endReason] : null) ?? what
}

/** It has no terminal to show and is not on its way to one: it ended before its agent ran. */
export const neverRan = (attempt: Attempt): boolean =>
  attempt.terminalId === null && !['pending', 'preparing', 'starting'].includes(attempt.status)
