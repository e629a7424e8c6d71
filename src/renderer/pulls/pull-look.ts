import type {
  ChecksVerdict,
  Mergeability,
  Pull,
  PullCheck,
  ReviewDecision,
} from '../../shared/domain/pull.ts'
import type { Tone } from '../ui/Badge.tsx'

export interface Look {
  tone: Tone
  text: string
}

/** What the head of the card says about a pull request. A draft is open, but nobody may merge it. */
export function pullState(pull: Pick<Pull, 'state' | 'draft'>): Look {
  if (pull.state === 'merged') return { tone: 'ok', text: 'merged' }
  if (pull.state === 'closed') return { tone: 'bad', text: 'closed' }
  return pull.draft ? { tone: 'quiet', text: 'draft' } : { tone: 'accent', text: 'open' }
}

export const MERGE_LOOK: Record<Mergeability, Look> = {
  clean: { tone: 'ok', text: 'can be merged' },
  behind: { tone: 'warn', text: 'is behind its base' },
  conflict: { tone: 'bad', text: 'conflicts with its base' },
  blocked: { tone: 'warn', text: 'held by the forge’s rules' },
  draft: { tone: 'quiet', text: 'a draft cannot be merged' },
  unknown: { tone: 'quiet', text: 'the forge has not said whether it merges' },
}

export const DECISION_LOOK: Record<ReviewDecision, Look> = {
  approved: { tone: 'ok', text: 'approved' },
  changes_requested: { tone: 'bad', text: 'changes requested' },
  review_required: { tone: 'warn', text: 'review required' },
  none: { tone: 'quiet', text: 'no review asked for' },
  unknown: { tone: 'quiet', text: 'reviews could not be read' },
}

export const CHECKS_LOOK: Record<ChecksVerdict, Look> = {
  green: { tone: 'ok', text: 'green' },
  red: { tone: 'bad', text: 'red' },
  running: { tone: 'run', text: 'running' },
  none: { tone: 'quiet', text: 'none' },
  unknown: { tone: 'quiet', text: 'not all could be read' },
}

/** How one check looks. Only what the forge calls a success lets a change pass: cancelled and stale do not. */
export function checkLook(check: Pick<PullCheck, 'status' | 'conclusion'>): Look {
  if (check.status === 'queued') return { tone: 'quiet', text: 'queued' }
  if (check.status === 'running') return { tone: 'run', text: 'running' }
  switch (check.conclusion) {
    case 'success':
      return { tone: 'ok', text: 'passed' }
    case 'neutral':
      return { tone: 'ok', text: 'neutral' }
    case 'skipped':
      return { tone: 'quiet', text: 'skipped' }
    case 'failure':
      return { tone: 'bad', text: 'failed' }
    case 'timed_out':
      return { tone: 'bad', text: 'timed out' }
    case 'cancelled':
      return { tone: 'bad', text: 'cancelled' }
    case 'action_required':
      return { tone: 'warn', text: 'needs an action' }
    case 'stale':
      return { tone: 'warn', text: 'stale' }
    case null:
      return { tone: 'quiet', text: 'without a result' }
  }
}

const ORDER: Record<Tone, number> = { bad: 0, warn: 1, run: 2, accent: 3, quiet: 4, ok: 5 }

/** Checks of the pull request's head, what is red first; a check of an older commit is no evidence and left out. */
export function checksOfHead(
  checks: Readonly<Record<string, PullCheck>>,
  pull: Pick<Pull, 'id' | 'headSha'>,
): PullCheck[] {
  return Object.values(checks)
    .filter((check) => check.pullId === pull.id && check.headSha === pull.headSha)
    .sort(
      (a, b) =>
        ORDER[checkLook(a).tone] - ORDER[checkLook(b).tone] ||
        Number(b.required) - Number(a.required) ||
        a.name.localeCompare(b.name),
    )
}

/** Where the head stands against its base; null when the forge did not say. */
export function distance(pull: Pick<Pull, 'ahead' | 'behind'>): string | null {
  const parts = [
    pull.ahead === null ? '' : `${pull.ahead} ahead`,
    pull.behind === null ? '' : `${pull.behind} behind`,
  ]
  return parts.filter(Boolean).join(', ') || null
}

/** The pull request that a task's card shows: the open one, else the newest. */
export function pullOfTask(pulls: Readonly<Record<string, Pull>>, taskId: string): Pull | undefined {
  let shown: Pull | undefined
  for (const pull of Object.values(pulls)) {
    if (pull.taskId !== taskId) continue
    if (!shown || rank(pull) > rank(shown)) shown = pull
  }
  return shown
}

/** Open ones lead by more than any time can. */
const rank = (pull: Pull): number =>
  pull.createdAt + (pull.state === 'open' ? Number.MAX_SAFE_INTEGER / 2 : 0)
