import type { Attempt, Check, Finding } from '../domain/attempt.ts'
import { type Evidence, type Review, SLOW_CHECK_MS } from '../domain/review.ts'
import type { Entities } from './apply.ts'

/**
 * A P0 stands in the way of “mergeable” until a reviewer calls it resolved or the engineer answers it for good: the
 * author's own word does not lift it, and a P0 that is accepted has still to be mended.
 */
export function blocksVerdict(finding: Pick<Finding, 'priority' | 'status' | 'answeredBy'>): boolean {
  if (finding.priority !== 'P0' || finding.status === 'resolved') return false
  const settled =
    finding.status === 'pushed_back' || finding.status === 'clarified' || finding.status === 'deferred'
  return !(settled && finding.answeredBy === 'engineer')
}

/** A check that takes longer than the inner loop should. */
export const isSlowCheck = (check: Pick<Check, 'durationMs'>): boolean =>
  (check.durationMs ?? 0) > SLOW_CHECK_MS

/** The evidence of an attempt: of its head if there is one, else the newest, which is then `stale`. Null before the first. */
export function evidenceOf(
  entities: Pick<Entities, 'evidence'>,
  attempt: Pick<Attempt, 'id' | 'headSha'>,
): { evidence: Evidence; stale: boolean } | null {
  const rows = Object.values(entities.evidence).filter((row) => row.attemptId === attempt.id)
  const current = rows.find((row) => row.headSha === attempt.headSha)
  const evidence = current ?? rows.sort((a, b) => b.createdAt - a.createdAt)[0]
  return evidence ? { evidence, stale: evidence.headSha !== attempt.headSha } : null
}

/** The newest look of each reviewer at an attempt; `stale` when it was at another head. */
export function reviewsOf(
  entities: Pick<Entities, 'reviews'>,
  attempt: Pick<Attempt, 'id' | 'headSha'>,
): { review: Review; stale: boolean }[] {
  const newest = new Map<string, Review>()
  for (const row of Object.values(entities.reviews)) {
    if (row.attemptId !== attempt.id) continue
    const have = newest.get(row.reviewer)
    if (!have || row.createdAt > have.createdAt || (row.createdAt === have.createdAt && row.rev > have.rev))
      newest.set(row.reviewer, row)
  }
  return [...newest.values()]
    .sort((a, b) => a.reviewer.localeCompare(b.reviewer))
    .map((review) => ({ review, stale: review.headSha !== attempt.headSha }))
}
