import { ExternalLink, GitPullRequest, RefreshCw } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type { Pull } from '../../shared/domain/pull.ts'
import type { Task } from '../../shared/domain/task.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { Badge, type Tone } from '../ui/Badge.tsx'
import { Ago } from '../ui/Elapsed.tsx'
import { clockTime, plainLine, plural, sha7 } from '../ui/format.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { openLink, safeLink } from '../ui/open-link.ts'
import { PullChecks } from './PullChecks.tsx'
import { PullThreads } from './PullThreads.tsx'
import {
  CHECKS_LOOK,
  checksOfHead,
  DECISION_LOOK,
  distance,
  MERGE_LOOK,
  pullOfTask,
  pullState,
} from './pull-look.ts'
import './pull.css'

/** The task's pull request as the forge last showed it, with how old that is. */
export function PullCard({ task }: { task: Task }) {
  const pull = useEntities((state) => pullOfTask(state.pulls, task.id))
  return pull ? <Card pull={pull} /> : null
}

function Card({ pull }: { pull: Pull }) {
  const checks = useEntities(useShallow((state) => checksOfHead(state.pullChecks, pull)))
  const link = pull.url === null ? null : safeLink(pull.url)
  const state = pullState(pull)
  const far = distance(pull)
  const over = pull.state !== 'open'
  const title = plainLine(pull.title, 300)
  return (
    <section
      className="pull"
      data-testid="pull-card"
      data-state={pull.state}
      data-stale={pull.staleSince !== null}
      aria-label="Pull request"
    >
      <div className="pull-head">
        <GitPullRequest size={15} className="status-icon" data-tone={state.tone} aria-hidden="true" />
        {link ? (
          <a
            className="pull-title"
            href={link.href}
            title={`${title}\n${link.href}`}
            rel="noreferrer noopener"
            onClick={(event) => {
              event.preventDefault()
              openLink(link.href)
            }}
          >
            <span className="num">#{pull.number}</span> {title}{' '}
            <ExternalLink size={11} aria-label="opens the forge" />
          </a>
        ) : (
          <span className="pull-title" title={title}>
            <span className="num">#{pull.number}</span> {title}
          </span>
        )}
        <Badge tone={state.tone}>{state.text}</Badge>
      </div>
      <Observed pull={pull} />
      <p className="pull-branches mono truncate" title={`${pull.headBranch} → ${pull.baseBranch}`}>
        {sha7(pull.headSha)} → {plainLine(pull.baseBranch)}
      </p>
      {pull.labels.length > 0 ? (
        <p className="pull-labels">
          {pull.labels.map((label) => (
            <Badge key={label}>{plainLine(label, 60)}</Badge>
          ))}
        </p>
      ) : null}
      <dl className="pull-facts">
        {over ? null : (
          <Line name="Merge" tone={MERGE_LOOK[pull.mergeability].tone}>
            {MERGE_LOOK[pull.mergeability].text}
          </Line>
        )}
        {pull.mergedSha ? (
          <Line name="Merged" tone="ok">
            as <span className="mono">{sha7(pull.mergedSha)}</span>
          </Line>
        ) : null}
        {far ? (
          <Line name="Commits" tone={pull.behind ? 'warn' : 'quiet'}>
            {far}
          </Line>
        ) : null}
        {pull.queuePosition === null ? null : (
          <Line name="Queue" tone="run">
            place {pull.queuePosition} of the forge’s merge queue
          </Line>
        )}
        <Line name="Review" tone={DECISION_LOOK[pull.decision].tone}>
          {DECISION_LOOK[pull.decision].text}
        </Line>
        <Line name="Threads" tone={pull.unresolved ? 'warn' : 'quiet'}>
          {pull.unresolved === null ? 'could not be read' : threadText(pull.unresolved)}
        </Line>
        <Line name="Checks" tone={CHECKS_LOOK[pull.checks].tone}>
          {CHECKS_LOOK[pull.checks].text}
        </Line>
      </dl>
      <Reviews pull={pull} />
      <PullChecks checks={checks} />
      <PullThreads pullId={pull.id} canAnswer={!over} />
    </section>
  )
}

const threadText = (open: number): string =>
  open === 0 ? 'nothing waits for an answer' : `${plural(open, 'thread')} without an answer`

function Line({ name, tone, children }: { name: string; tone: Tone; children: ReactNode }) {
  return (
    <div className="pull-fact">
      <dt>{name}</dt>
      <dd data-tone={tone}>{children}</dd>
    </div>
  )
}

/** How old the card is. What cannot be observed is shown as old, never as gone. */
function Observed({ pull }: { pull: Pull }) {
  const { core } = useApp()
  const [busy, setBusy] = useState(false)
  const look = async () => {
    setBusy(true)
    await callOrToast(() => core().pulls.refresh({ id: pull.id }))
    setBusy(false)
  }
  return (
    <div className="pull-observed">
      {pull.staleSince === null ? (
        <p className="rail-quiet num">
          {pull.observedAt === null ? (
            'not observed yet'
          ) : (
            <>
              observed <Ago since={pull.observedAt} />
            </>
          )}
        </p>
      ) : (
        <p className="pull-stale" role="status">
          stale since {clockTime(pull.staleSince)}
          {pull.problem ? ` because: ${plainLine(pull.problem, 300)}` : ''}
        </p>
      )}
      <span className="spacer" />
      <IconButton
        label={busy ? 'Looking at the forge' : 'Look at the forge now'}
        size="s"
        off={busy}
        onClick={() => void look()}
      >
        <RefreshCw size={12} data-spin={busy} className="status-icon" />
      </IconButton>
    </div>
  )
}

const REVIEW_LOOK: Record<Pull['reviews'][number]['state'], { tone: Tone; text: string }> = {
  approved: { tone: 'ok', text: 'approved' },
  changes_requested: { tone: 'bad', text: 'requested changes' },
  commented: { tone: 'quiet', text: 'commented' },
  dismissed: { tone: 'quiet', text: 'was dismissed' },
  pending: { tone: 'warn', text: 'was asked' },
}

function Reviews({ pull }: { pull: Pull }) {
  if (pull.reviews.length === 0) return null
  return (
    <ul className="pull-reviews" aria-label="Reviews">
      {pull.reviews.map((review) => {
        const old = review.headSha !== null && review.headSha !== pull.headSha
        return (
          <li key={`${review.author}-${review.state}-${review.at}`} data-old={old}>
            <strong>{plainLine(review.author, 60)}</strong>{' '}
            <span className="pull-review-state" data-tone={old ? 'quiet' : REVIEW_LOOK[review.state].tone}>
              {REVIEW_LOOK[review.state].text}
            </span>
            {old ? (
              <span className="rail-quiet">
                {' '}
                at <span className="mono">{sha7(review.headSha)}</span>, not the head
              </span>
            ) : null}
          </li>
        )
      })}
    </ul>
  )
}
