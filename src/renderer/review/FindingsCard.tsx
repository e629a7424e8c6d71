import { CircleAlert, CircleCheck, CircleDashed, Eye, ScanSearch, Send } from 'lucide-react'
import { useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Review } from '../../shared/domain/review.ts'
import { isUnfinished } from '../../shared/machines/attempt-machine.ts'
import { reviewAgain } from '../attempt/verify-actions.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { findingsOf } from '../state/evidence.ts'
import { toast } from '../state/toasts.ts'
import { Button } from '../ui/Button.tsx'
import { plainLine, plural, sha7, took } from '../ui/format.ts'
import { FindingItem } from './FindingItem.tsx'
import { latestReviews, openFindings, reviewsOf } from './review-state.ts'
import './review.css'

/** Who read the attempt and what they found, the gravest first. Nobody having looked never reads as nothing found. */
export function FindingsCard({ attempt }: { attempt: Attempt }) {
  const findings = useEntities(useShallow((state) => findingsOf(state, attempt.id)))
  const reviews = useEntities(useShallow((state) => reviewsOf(state, attempt.id)))
  const latest = latestReviews(reviews)
  return (
    <div className="findings-card" data-testid="findings">
      {latest.length === 0 && findings.length === 0 ? (
        <p className="rail-quiet">
          {attempt.status === 'reviewing'
            ? 'The reviewers are being asked…'
            : attempt.readyAt || attempt.verdict
              ? 'No review: no reviewer was asked.'
              : isUnfinished(attempt.status)
                ? 'Reviewed when its checks are through.'
                : 'No review: its agent did not finish.'}
        </p>
      ) : null}
      {latest.length > 0 ? (
        <ul className="reviews">
          {latest.map((review) => (
            <ReviewLine key={review.id} review={review} stale={review.headSha !== attempt.headSha} />
          ))}
        </ul>
      ) : null}
      {findings.length > 0 ? (
        <ul className="findings">
          {findings.map((finding) => (
            <FindingItem key={finding.id} finding={finding} attempt={attempt} />
          ))}
        </ul>
      ) : null}
      <div className="findings-actions">
        <AskAuthor
          attempt={attempt}
          open={openFindings(findings).filter((one) => one.status === 'open').length}
        />
        {attempt.status === 'ready' && !attempt.verdict && latest.length > 0 ? (
          <AskReviewers attempt={attempt} first={latest.every((review) => review.status !== 'done')} />
        ) : null}
      </div>
    </div>
  )
}

function ReviewLine({ review, stale }: { review: Review; stale: boolean }) {
  const look = LOOK[review.status]
  const Icon = look.icon
  return (
    <li className="review-line" data-status={review.status} title={review.focus}>
      <Icon size={13} className="status-icon" data-tone={look.tone} aria-hidden="true" />
      <div className="review-text">
        <p>
          <strong>{plainLine(review.reviewer, 60)}</strong>{' '}
          <span className="rail-quiet">
            {review.agent ? `by ${review.agent}` : ''}
            {review.exchange > 1 ? ` · exchange ${review.exchange}` : ''}
            {review.durationMs === null ? '' : ` · ${took(review.durationMs)}`}
          </span>
        </p>
        <p data-tone={look.tone} className="review-said">
          {said(review)}
          {review.tries > 1 && review.status === 'done' ? ' (asked twice)' : ''}
        </p>
        {stale && review.status === 'done' ? (
          <p className="check-stale-note">of {sha7(review.headSha)}: the head has moved on</p>
        ) : null}
        {review.status === 'done' && review.summary ? (
          <p className="rail-quiet review-summary">{plainLine(review.summary, 400)}</p>
        ) : null}
      </div>
    </li>
  )
}

const LOOK: Record<Review['status'], { icon: typeof Eye; tone: string }> = {
  queued: { icon: CircleDashed, tone: 'quiet' },
  running: { icon: Eye, tone: 'run' },
  done: { icon: CircleCheck, tone: 'ok' },
  failed: { icon: CircleAlert, tone: 'warn' },
  skipped: { icon: CircleAlert, tone: 'warn' },
  cancelled: { icon: CircleAlert, tone: 'warn' },
}

function said(review: Review): string {
  const why = review.problem ? plainLine(review.problem, 400) : null
  switch (review.status) {
    case 'queued':
      return 'waits for its turn'
    case 'running':
      return 'reads…'
    case 'done':
      return review.findings === 0 ? 'read it, no findings' : `read it, ${plural(review.findings, 'finding')}`
    case 'failed':
    case 'skipped':
      return `no review: ${why ?? 'no reason was given'}`
    case 'cancelled':
      return `no review: ${why ?? 'it was cancelled'}`
  }
}

/** Hands the open findings to the agent that wrote the change: it answers each of them. */
function AskAuthor({ attempt, open }: { attempt: Attempt; open: number }) {
  const { core } = useApp()
  const [busy, setBusy] = useState(false)
  if (open === 0 || attempt.verdict) return null
  const ask = async () => {
    setBusy(true)
    const answer = await callOrToast(() => core().review.ask({ id: attempt.id }))
    setBusy(false)
    if (answer)
      toast(
        answer.delivered ? 'ok' : 'bad',
        answer.delivered
          ? `#${attempt.n} has the findings and answers them.`
          : `The findings were typed, but #${attempt.n} did not confirm them. Look at its terminal.`,
      )
  }
  return (
    <Button
      size="s"
      busy={busy}
      blocked={attempt.status === 'ready' ? null : 'It can be asked when it is ready.'}
      onClick={() => void ask()}
    >
      <Send size={13} /> Send {plural(open, 'open finding')} to its author
    </Button>
  )
}

/** Has the reviewers look (again): after red checks nobody did, and an answer to a finding may have changed their minds. */
function AskReviewers({ attempt, first }: { attempt: Attempt; first: boolean }) {
  const app = useApp()
  const [busy, setBusy] = useState(false)
  const ask = async () => {
    setBusy(true)
    await reviewAgain(app, attempt)
    setBusy(false)
  }
  return (
    <Button size="s" busy={busy} data-testid="review-again" onClick={() => void ask()}>
      <ScanSearch size={13} /> {first ? 'Have it reviewed' : 'Review again'}
    </Button>
  )
}
