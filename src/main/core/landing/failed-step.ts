import type { Failure } from '../../../shared/domain/failure.ts'
import type { LandPhase } from '../../../shared/domain/landing.ts'
import { NO_FIX } from './fix-message.ts'
import { go, type Step, stop } from './step.ts'

const SHORT_MS = 15_000
const LONG_MS = 5 * 60_000
/** Five tries within about five minutes: then somebody should know. */
const QUIET_TRIES = 5
const MAX_RACES = 5

/**
 * What a landing does after a failure that can be expected. `count` is the number of failures in a row. What passes by
 * itself is waited for, longer each time; what somebody outside must mend waits for that with attention; what changes
 * what lands goes back to be judged. Pure.
 */
export function stepAfter(
  failure: Failure,
  state: { phase: LandPhase; count: number; now: number; baseBranch: string; baseSha: string | null },
): Step {
  const { count } = state
  const reason = failure.message
  const later = Math.min(SHORT_MS * 2 ** (count - 1), LONG_MS)
  switch (failure.code) {
    case 'base_dirty':
    case 'git_locked':
    case 'repository_missing':
      return { do: 'wait', ms: SHORT_MS, reason, hold: false, attention: 'base_dirty' }
    case 'disk_full':
      return { do: 'wait', ms: LONG_MS, reason, hold: true, attention: 'limit' }
    case 'forge_rate_limited': {
      const until = Number(failure.data.resetsAt)
      const ms = Math.max(1_000, (Number.isFinite(until) ? until : state.now + LONG_MS) - state.now)
      return {
        do: 'wait',
        ms,
        reason,
        hold: true,
        ...(ms > 2 * LONG_MS ? { attention: 'limit' as const } : {}),
      }
    }
    case 'forge_unavailable':
    case 'remote_unreachable':
    case 'git_timeout':
      return {
        do: 'wait',
        ms: later,
        reason,
        hold: true,
        ...(count > QUIET_TRIES ? { attention: 'ci_stuck' as const } : {}),
      }
    case 'forge_unauthorized':
    case 'forge_forbidden':
    case 'forge_not_found':
    case 'remote_denied':
      return { do: 'wait', ms: LONG_MS, reason, hold: false, attention: 'auth' }
    case 'push_rejected':
      return { do: 'wait', ms: null, reason, hold: false, attention: 'conflict' }
    // The base or the branch moved between two steps: the phases before look again.
    case 'base_moved':
    case 'stale_head':
    case 'forge_conflict':
      if (count <= MAX_RACES)
        return failure.code === 'base_moved'
          ? go('integrate')
          : { do: 'wait', ms: 1_000 * count, reason, hold: true, again: 'gate' }
      return { do: 'wait', ms: LONG_MS, reason, hold: false, attention: 'conflict' }
    case 'merge_conflict': {
      const files = Array.isArray(failure.data.files)
        ? failure.data.files.filter((file): file is string => typeof file === 'string')
        : []
      if (files.length === 0 || !state.baseSha) return stop(reason)
      return {
        do: 'fix',
        request: {
          ...NO_FIX,
          conflict: { baseBranch: state.baseBranch, baseSha: state.baseSha, files },
        },
      }
    }
    case 'worktree_missing':
    case 'worktree_tampered':
      return stop(reason, 'tamper')
    default:
      return stop(reason)
  }
}
