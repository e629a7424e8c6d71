import type { CheckConclusion, ChecksVerdict, PullCheck } from '../../../shared/domain/pull.ts'

const PASSING: ReadonlySet<CheckConclusion> = new Set(['success', 'neutral', 'skipped'])

export type JudgedCheck = Pick<PullCheck, 'name' | 'status' | 'conclusion'> & { context: string }

export interface Judgement<T> {
  verdict: ChecksVerdict
  /** The checks that keep the change from landing. */
  red: T[]
  /** Required checks of which the forge has not heard yet. */
  missing: string[]
}

/** True for an end that lets a change pass: cancelled is no success, nor is an end that we do not know. */
export const passes = (conclusion: CheckConclusion | null): boolean =>
  conclusion !== null && PASSING.has(conclusion)

/**
 * What the checks of one commit say together. Only required ones count where rules name them (`required`), else all do;
 * null means that the rules are not known. `unreadable` sources may hold a red check, so nothing is green without them
 * unless every required check was seen. Red checks in `accepted` were overridden by the engineer. Pure.
 */
export function judgeChecks<T extends JudgedCheck>(
  checks: readonly T[],
  required: readonly string[] | null,
  unreadable: readonly string[],
  accepted: ReadonlySet<string> = new Set(),
): Judgement<T> {
  const named = required !== null && required.length > 0
  const counted = named ? checks.filter((check) => required.includes(check.context)) : [...checks]
  const missing = (required ?? []).filter((name) => !checks.some((check) => check.context === name))
  const red = counted.filter(
    (check) => check.status === 'completed' && !passes(check.conclusion) && !accepted.has(check.context),
  )
  const running = counted.some((check) => check.status !== 'completed')
  const verdict: ChecksVerdict =
    red.length > 0
      ? 'red'
      : unreadable.length > 0 && (!named || missing.length > 0)
        ? 'unknown'
        : running || missing.length > 0
          ? 'running'
          : counted.length === 0
            ? 'none'
            : 'green'
  return { verdict, red, missing }
}

/** Words of machines that failed rather than of code that is wrong. */
const FLAKY =
  /ECONNRESET|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|socket hang up|connection (?:reset|timed out|refused)|network (?:is unreachable|error|timeout)|temporary failure|could not resolve host|TLS handshake|\b50[234]\b.*(?:gateway|unavailable|server error)|rate limit|too many requests|runner (?:has )?(?:lost|received a shutdown)|lost communication|no space left on device|out of memory|OOM ?killed|timed out waiting|Text file busy/i

/** True when a red check looks as if it could pass unchanged: it ended without a result, or its log blames the machine. */
export function looksFlaky(check: { conclusion: CheckConclusion | null; excerpt: string | null }): boolean {
  if (check.conclusion === 'timed_out' || check.conclusion === 'cancelled' || check.conclusion === 'stale')
    return true
  return check.conclusion === 'failure' && FLAKY.test(check.excerpt ?? '')
}
