import type { Attempt, Finding } from '../../shared/domain/attempt.ts'
import type { Evidence, Review } from '../../shared/domain/review.ts'
import type { Entities } from '../../shared/state/apply.ts'
import { evidenceOf } from '../../shared/state/review-selectors.ts'
import { isOpenFinding } from '../state/evidence.ts'

/**
 * Whether an attempt was reviewed. `missing` and `partial` say why somebody did not look: that is never the same as
 * having found nothing.
 */
export type ReviewState =
  | { kind: 'none' }
  | { kind: 'waiting'; text: string }
  | { kind: 'missing'; text: string }
  /** `missing`: how many of those that were asked did not look. */
  | { kind: 'partial'; text: string; stale: boolean; missing: number }
  | { kind: 'done'; text: string; stale: boolean }

/** The newest look of each reviewer at an attempt, in the order in which they were first asked. */
export function latestReviews(reviews: readonly Review[]): Review[] {
  const byName = new Map<string, Review>()
  for (const review of [...reviews].sort((a, b) => a.createdAt - b.createdAt || a.exchange - b.exchange))
    byName.set(review.reviewer, review)
  return [...byName.values()]
}

const names = (reviews: readonly Review[]): string => reviews.map((review) => review.reviewer).join(', ')

const why = (review: Review): string =>
  `${review.reviewer}: ${review.problem ?? (review.status === 'cancelled' ? 'cancelled' : 'no reason was given')}`

export function reviewStateOf(
  attempt: Pick<Attempt, 'headSha' | 'status'>,
  reviews: readonly Review[],
  findings: readonly Finding[],
): ReviewState {
  const latest = latestReviews(reviews)
  if (latest.length === 0)
    return attempt.status === 'reviewing'
      ? { kind: 'waiting', text: 'The reviewers are being asked.' }
      : { kind: 'none' }
  const waiting = latest.filter((review) => review.status === 'queued' || review.status === 'running')
  if (waiting.length > 0) return { kind: 'waiting', text: `Reading: ${names(waiting)}` }
  const done = latest.filter((review) => review.status === 'done')
  const missed = latest.filter((review) => review.status !== 'done')
  const stale = done.some((review) => review.headSha !== attempt.headSha)
  if (done.length === 0) return { kind: 'missing', text: missed.map(why).join('\n') }
  const said = `${names(done)} read it${stale ? ', at an older commit' : ''}, ${findings.length === 0 ? 'no findings' : `${findings.length} in all`}`
  if (missed.length > 0)
    return { kind: 'partial', text: `${said}\n${missed.map(why).join('\n')}`, stale, missing: missed.length }
  return { kind: 'done', text: said, stale }
}

export const openFindings = (findings: readonly Finding[]): Finding[] => findings.filter(isOpenFinding)

export function reviewsOf(entities: Pick<Entities, 'reviews'>, attemptId: string): Review[] {
  return Object.values(entities.reviews).filter((review) => review.attemptId === attemptId)
}

/** The row of what was gathered of an attempt: at the head that it has now when there is that, else the newest. */
export function evidenceRow(
  entities: Pick<Entities, 'evidence'>,
  attempt: Pick<Attempt, 'id' | 'headSha'>,
): Evidence | null {
  return evidenceOf(entities, attempt)?.evidence ?? null
}
