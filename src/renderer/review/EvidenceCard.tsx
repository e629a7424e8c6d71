import { CircleAlert, KeyRound, Package, TriangleAlert } from 'lucide-react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { DependencyChange, Evidence, FileKind } from '../../shared/domain/review.ts'
import { isUnfinished } from '../../shared/machines/attempt-machine.ts'
import { useEntities } from '../state/entities.ts'
import { compact, plainLine, plural, sha7 } from '../ui/format.ts'
import { evidenceRow } from './review-state.ts'
import { Screenshots } from './Screenshots.tsx'
import './review.css'

const KINDS: readonly { kind: FileKind; title: string }[] = [
  { kind: 'source', title: 'Source' },
  { kind: 'tests', title: 'Tests' },
  { kind: 'docs', title: 'Docs' },
  { kind: 'generated', title: 'Generated' },
]
const MAX_LISTED = 12

/** What the focused attempt can show beside its checks and findings, at exactly one head. */
export function EvidenceCard({ attempt }: { attempt: Attempt }) {
  const evidence = useEntities((state) => evidenceRow(state, attempt))
  if (!evidence)
    return (
      <p className="rail-quiet">
        {isUnfinished(attempt.status)
          ? 'Gathered when the agent is done.'
          : 'Nothing was gathered of this attempt.'}
      </p>
    )
  const stale = evidence.headSha !== attempt.headSha
  return (
    <div className="evidence" data-stale={stale} data-testid="evidence">
      {stale ? (
        <p className="evidence-stale">
          <TriangleAlert size={13} aria-hidden="true" />
          <span>
            Stale: this is of <span className="mono">{sha7(evidence.headSha)}</span>, the head is{' '}
            <span className="mono">{sha7(attempt.headSha)}</span> by now.
          </span>
        </p>
      ) : null}
      <Secrets evidence={evidence} />
      <Unusual evidence={evidence} />
      <Kinds evidence={evidence} />
      <Dependencies evidence={evidence} />
      {evidence.committedBy === 'quartet' ? (
        <p className="evidence-note">The agent left work uncommitted; Quartet committed it.</p>
      ) : null}
      {evidence.claim ? (
        <figure className="evidence-claim">
          <figcaption>The agent’s own word, not checked</figcaption>
          <blockquote>{evidence.claim}</blockquote>
        </figure>
      ) : null}
      <Screenshots evidence={evidence} />
      {evidence.gaps.length > 0 ? (
        <div className="evidence-gaps">
          <p>Not looked at:</p>
          <ul>
            {evidence.gaps.map((gap) => (
              <li key={gap}>{plainLine(gap, 400)}</li>
            ))}
          </ul>
        </div>
      ) : null}
    </div>
  )
}

function Secrets({ evidence }: { evidence: Evidence }) {
  if (evidence.secrets.length === 0) return null
  return (
    <div className="evidence-alarm" data-tone="bad" role="note">
      <p className="evidence-alarm-title">
        <KeyRound size={13} aria-hidden="true" /> {plural(evidence.secrets.length, 'secret')} in added lines
      </p>
      <ul>
        {evidence.secrets.slice(0, MAX_LISTED).map((secret) => (
          <li key={`${secret.file}:${secret.line}:${secret.rule}`}>
            <span className="mono">
              {plainLine(secret.file)}:{secret.line}
            </span>{' '}
            {plainLine(secret.message)}
          </li>
        ))}
        <More count={evidence.secrets.length} />
      </ul>
    </div>
  )
}

function Unusual({ evidence }: { evidence: Evidence }) {
  if (evidence.unusual.length === 0) return null
  return (
    <div className="evidence-alarm" data-tone="warn" role="note">
      <p className="evidence-alarm-title">
        <CircleAlert size={13} aria-hidden="true" /> {plural(evidence.unusual.length, 'unusual file')}
      </p>
      <ul>
        {evidence.unusual.slice(0, MAX_LISTED).map((file) => (
          <li key={`${file.path}:${file.why}`}>
            <span className="mono">{plainLine(file.path)}</span> {plainLine(file.why)}
          </li>
        ))}
        <More count={evidence.unusual.length} />
      </ul>
    </div>
  )
}

const More = ({ count }: { count: number }) =>
  count > MAX_LISTED ? <li className="rail-quiet">and {count - MAX_LISTED} more</li> : null

function Kinds({ evidence }: { evidence: Evidence }) {
  const shown = KINDS.filter(({ kind }) => evidence.kinds[kind].files > 0)
  if (shown.length === 0) return <p className="rail-quiet">No files changed.</p>
  const widest = Math.max(
    ...shown.map(({ kind }) => evidence.kinds[kind].added + evidence.kinds[kind].removed),
    1,
  )
  return (
    <dl className="kinds num">
      {shown.map(({ kind, title }) => {
        const stat = evidence.kinds[kind]
        const share = (lines: number) => `${(lines / widest) * 100}%`
        return (
          <div key={kind} className="kind" data-kind={kind}>
            <dt>{title}</dt>
            <dd>
              <span className="kind-bar" aria-hidden="true">
                <span data-sign="added" style={{ width: share(stat.added) }} />
                <span data-sign="removed" style={{ width: share(stat.removed) }} />
              </span>
              <span className="kind-lines" title={plural(stat.files, 'file')}>
                <span className="tile-added">+{compact(stat.added)}</span>{' '}
                <span className="tile-removed">−{compact(stat.removed)}</span>
              </span>
            </dd>
          </div>
        )
      })}
      <div className="kind">
        <dt>Test cases</dt>
        <dd>
          {evidence.tests.added === 0 && evidence.tests.removed === 0
            ? 'none added'
            : `+${evidence.tests.added}${evidence.tests.removed ? ` −${evidence.tests.removed}` : ''}`}
        </dd>
      </div>
    </dl>
  )
}

function wordFor({ from, to }: DependencyChange): string {
  if (from === null) return `added ${to ?? ''}`
  if (to === null) return `removed (${from})`
  return `${from} → ${to}`
}

function Dependencies({ evidence }: { evidence: Evidence }) {
  const { dependencies, locks } = evidence
  if (dependencies.length === 0 && locks.length === 0) return null
  return (
    <div className="evidence-deps">
      <p className="evidence-sub">
        <Package size={13} aria-hidden="true" /> Dependencies
      </p>
      <ul>
        {dependencies.slice(0, MAX_LISTED).map((one) => (
          <li key={`${one.manifest}:${one.name}`} title={one.manifest}>
            <span className="mono">{plainLine(one.name, 100)}</span>{' '}
            <span className="rail-quiet">{plainLine(wordFor(one), 100)}</span>
          </li>
        ))}
        <More count={dependencies.length} />
        {locks.map((lock) => (
          <li key={lock.file} className="rail-quiet">
            <span className="mono">{plainLine(lock.file)}</span>: {lock.added} packages new, {lock.removed}{' '}
            gone, {lock.changed} changed
          </li>
        ))}
      </ul>
    </div>
  )
}
