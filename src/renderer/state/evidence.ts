import type { Attempt, Check, Finding } from '../../shared/domain/attempt.ts'
import type { Entities } from '../../shared/state/apply.ts'
import { blocksVerdict } from '../../shared/state/review-selectors.ts'

const PRIORITIES = ['P0', 'P1', 'P2', 'P3'] as const

export function checksOf(entities: Pick<Entities, 'checks'>, attemptId: string): Check[] {
  return Object.values(entities.checks)
    .filter((check) => check.attemptId === attemptId)
    .sort(
      (a, b) =>
        (a.startedAt ?? Number.MAX_SAFE_INTEGER) - (b.startedAt ?? Number.MAX_SAFE_INTEGER) ||
        a.name.localeCompare(b.name),
    )
}

export function findingsOf(entities: Pick<Entities, 'findings'>, attemptId: string): Finding[] {
  return Object.values(entities.findings)
    .filter((finding) => finding.attemptId === attemptId)
    .sort(
      (a, b) => PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority) || a.createdAt - b.createdAt,
    )
}

/** The newest run of each check by name: what was run before says nothing any more. */
export function latestChecks(checks: readonly Check[]): Check[] {
  const byName = new Map<string, Check>()
  for (const check of checks) {
    const have = byName.get(check.name)
    if (!have || check.rev >= have.rev) byName.set(check.name, check)
  }
  return [...byName.values()]
}

export const isRed = (check: Check): boolean => check.status === 'failed' || check.status === 'timed_out'

export interface CheckSummary {
  total: number
  passed: number
  failed: number
  running: number
  /** They ran on another head than the attempt has now. */
  stale: boolean
}

export function summariseChecks(attempt: Pick<Attempt, 'headSha'>, checks: readonly Check[]): CheckSummary {
  const latest = latestChecks(checks)
  return {
    total: latest.length,
    passed: latest.filter((check) => check.status === 'passed').length,
    failed: latest.filter(isRed).length,
    running: latest.filter((check) => check.status === 'running' || check.status === 'queued').length,
    stale: latest.some((check) => check.headSha !== attempt.headSha),
  }
}

export const isOpenFinding = (finding: Finding): boolean =>
  finding.status === 'open' || finding.status === 'pushed_back' || finding.status === 'clarified'

/** What stands against calling an attempt mergeable, as sentences; each needs an override with a reason. */
export function blockersOf(checks: readonly Check[], findings: readonly Finding[]): string[] {
  const sentences: string[] = []
  for (const check of latestChecks(checks))
    if (check.required && isRed(check))
      sentences.push(`The check “${check.name}” ${check.status === 'failed' ? 'failed' : 'ran out of time'}.`)
  for (const finding of findings)
    if (blocksVerdict(finding)) sentences.push(`P0 of ${finding.reviewer}: ${finding.title}`)
  return sentences
}
