import { CircleCheck, CircleX, FlaskConical, MessageSquareWarning } from 'lucide-react'
import { memo } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { useEntities } from '../state/entities.ts'
import { checksOf, findingsOf, isOpenFinding, summariseChecks } from '../state/evidence.ts'
import { compact, plural } from '../ui/format.ts'
import { UsageFact } from './UsageFact.tsx'
import { VerdictButtons } from './VerdictButtons.tsx'

/** What the attempt can show, and the two buttons that decide about it. */
export const TileFoot = memo(function TileFoot({ attempt }: { attempt: Attempt }) {
  return (
    <footer className="tile-foot">
      <div className="tile-facts num">
        <Diffstat attempt={attempt} />
        <Checks attempt={attempt} />
        <Findings attempt={attempt} />
        <UsageFact attempt={attempt} />
      </div>
      <span className="spacer" />
      <VerdictButtons attempt={attempt} />
    </footer>
  )
})

function Diffstat({ attempt }: { attempt: Attempt }) {
  const stat = attempt.diffstat
  if (!stat) return null
  if (stat.files === 0) return <span className="tile-quiet">no changes</span>
  return (
    <span
      className="tile-diffstat"
      title={`${plural(stat.files, 'file')}, ${stat.added} lines added, ${stat.removed} removed${stat.uncommitted ? ', some not committed' : ''}`}
    >
      <span className="tile-added">+{compact(stat.added)}</span>{' '}
      <span className="tile-removed">−{compact(stat.removed)}</span>{' '}
      <span className="tile-files">
        {plural(stat.files, 'file')}
        {stat.uncommitted ? '*' : ''}
      </span>
    </span>
  )
}

function Checks({ attempt }: { attempt: Attempt }) {
  const checks = useEntities(useShallow((state) => checksOf(state, attempt.id)))
  if (checks.length === 0) return null
  const sum = summariseChecks(attempt, checks)
  const tone = sum.failed > 0 ? 'bad' : sum.running > 0 ? 'run' : sum.stale ? 'quiet' : 'ok'
  const Icon = sum.failed > 0 ? CircleX : sum.running > 0 ? FlaskConical : CircleCheck
  const title = `${sum.passed} of ${sum.total} checks passed${sum.failed ? `, ${sum.failed} failed` : ''}${sum.stale ? ' (of an older commit)' : ''}`
  return (
    <span className="tile-fact" title={title} role="img" aria-label={title}>
      <Icon size={13} className="status-icon" data-tone={tone} />
      {sum.passed}/{sum.total}
      {sum.stale ? '?' : ''}
    </span>
  )
}

function Findings({ attempt }: { attempt: Attempt }) {
  const findings = useEntities(useShallow((state) => findingsOf(state, attempt.id)))
  const open = findings.filter(isOpenFinding)
  if (open.length === 0) return null
  const worst = open[0]?.priority ?? 'P3'
  const title = `${plural(open.length, 'open finding')}, the worst is ${worst}`
  return (
    <span className="tile-fact" title={title} role="img" aria-label={title}>
      <MessageSquareWarning
        size={13}
        className="status-icon"
        data-tone={worst === 'P0' ? 'bad' : worst === 'P1' ? 'warn' : 'quiet'}
      />
      {worst}×{open.filter((finding) => finding.priority === worst).length}
    </span>
  )
}
