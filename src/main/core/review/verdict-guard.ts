import type { Attempt, Check, Finding } from '../../../shared/domain/attempt.ts'
import { blocksVerdict } from '../../../shared/state/review-selectors.ts'

/** Why `attempt` should not be called mergeable, as sentences; empty when nothing speaks against it. Pure. */
export function objections(
  attempt: Pick<Attempt, 'headSha'>,
  checks: readonly Check[],
  findings: readonly Finding[],
): string[] {
  const current = checks.filter((check) => check.headSha === attempt.headSha)
  const red = current.filter((check) => check.required && check.status !== 'passed')
  return [
    ...(red.length > 0
      ? [`Required checks are not green: ${red.map((check) => check.name).join(', ')}.`]
      : []),
    ...findings.filter(blocksVerdict).map((finding) => `P0 of ${finding.reviewer}: ${finding.title}`),
  ]
}
