import type { Attempt } from '../../shared/domain/attempt.ts'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { ATTEMPT_LOOK } from '../ui/status-look.ts'
import { EndActions } from './EndActions.tsx'
import { endText } from './end-text.ts'

/** Explains an end that needs explaining, and offers the way on. */
export function EndBar({ attempt }: { attempt: Attempt }) {
  const reason = endText(attempt)
  if (reason === null) return null
  return (
    <div className="end-bar" data-tone={ATTEMPT_LOOK[attempt.status].tone} role="status">
      <StatusIcon look={ATTEMPT_LOOK[attempt.status]} size={14} />
      <span className="end-reason">{reason}</span>
      <span className="spacer" />
      <EndActions attempt={attempt} />
    </div>
  )
}
