import { Play, RotateCcw } from 'lucide-react'
import type { Attempt, AttemptStatus } from '../../shared/domain/attempt.ts'
import { useApp } from '../connection/app-context.ts'
import { Button } from '../ui/Button.tsx'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { ATTEMPT_LOOK } from '../ui/status-look.ts'
import { canRestore, canResume, startWord } from './TileMenu.tsx'
import { restoreAttempt, resumeAgent } from './verdict-actions.ts'

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

/** Explains an end that needs explaining, and offers the way on. */
export function EndBar({ attempt }: { attempt: Attempt }) {
  const app = useApp()
  const what = WHAT[attempt.status]
  if (!what) return null
  // Until it is kept aside the undo banner says all; what lost to a sibling has none.
  if (
    attempt.status === 'trashed' &&
    !attempt.trashRef &&
    !attempt.verdict?.reasons.includes('lost to sibling')
  )
    return null
  const reason = attempt.reason ?? (attempt.endReason ? END_TEXT[attempt.endReason] : null) ?? what
  return (
    <div className="end-bar" data-tone={ATTEMPT_LOOK[attempt.status].tone} role="status">
      <StatusIcon look={ATTEMPT_LOOK[attempt.status]} size={14} />
      <span className="end-reason">{reason}</span>
      <span className="spacer" />
      {canResume(attempt) && attempt.status !== 'stalled' ? (
        <Button size="s" onClick={() => void resumeAgent(app, attempt)}>
          <Play size={13} /> {startWord(attempt)}
        </Button>
      ) : null}
      {canRestore(attempt) ? (
        <Button size="s" onClick={() => void restoreAttempt(app, attempt)}>
          <RotateCcw size={13} /> Restore
        </Button>
      ) : null}
    </div>
  )
}
