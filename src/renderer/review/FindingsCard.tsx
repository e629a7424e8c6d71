import { useShallow } from 'zustand/react/shallow'
import type { Attempt, Finding } from '../../shared/domain/attempt.ts'
import { useEntities } from '../state/entities.ts'
import { findingsOf, isOpenFinding } from '../state/evidence.ts'
import { Badge, type Tone } from '../ui/Badge.tsx'
import { Markdown } from '../ui/Markdown.tsx'

const TONE: Record<Finding['priority'], Tone> = { P0: 'bad', P1: 'warn', P2: 'accent', P3: 'quiet' }

/** What reviewers remarked, the gravest first. */
export function FindingsCard({ attempt }: { attempt: Attempt }) {
  const findings = useEntities(useShallow((state) => findingsOf(state, attempt.id)))
  if (findings.length === 0)
    return (
      <p className="rail-quiet">
        {attempt.status === 'reviewing' ? 'The reviewers are reading…' : 'No reviewer has remarked anything.'}
      </p>
    )
  return (
    <ul className="findings">
      {findings.map((finding) => (
        <li key={finding.id} className="finding" data-open={isOpenFinding(finding)}>
          <div className="finding-line">
            <Badge tone={TONE[finding.priority]}>{finding.priority}</Badge>
            <span className="finding-title">{finding.title}</span>
          </div>
          {finding.file ? (
            <p className="finding-place mono">
              {finding.file}
              {finding.line ? `:${finding.line}` : ''}
            </p>
          ) : null}
          <Markdown text={finding.body} />
          <p className="rail-quiet">
            {finding.reviewer} · {Math.round(finding.confidence * 100)} % sure ·{' '}
            {finding.status.replace('_', ' ')}
            {finding.headSha === attempt.headSha ? '' : ' · of an older commit'}
          </p>
          {finding.answer ? <p className="finding-answer">{finding.answer}</p> : null}
        </li>
      ))}
    </ul>
  )
}
