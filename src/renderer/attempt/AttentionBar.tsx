import { TriangleAlert } from 'lucide-react'
import type { Attempt, Attention } from '../../shared/domain/attempt.ts'
import { isOver } from '../../shared/machines/attempt-machine.ts'
import { Age } from '../ui/Elapsed.tsx'
import { plainLine } from '../ui/format.ts'

/** Kinds that nothing else on the tile puts into words: questions have their box, ends their bar. */
const SAID_HERE: ReadonlySet<Attention['kind']> = new Set<Attention['kind']>([
  'limit',
  'auth',
  'trust',
  'tamper',
  'conflict',
  'base_dirty',
  'ci_stuck',
])

/** Why the attempt waits for the engineer: a limit until when, a login that is needed, a conflict. */
export function AttentionBar({ attempt }: { attempt: Attempt }) {
  const { attention } = attempt
  if (!attention || !SAID_HERE.has(attention.kind)) return null
  if (isOver(attempt.status) || (attempt.verdict && attempt.status !== 'landing')) return null
  return (
    <div className="end-bar" data-tone="warn" data-testid="attention" role="status">
      <TriangleAlert size={14} className="status-icon" data-tone="warn" aria-hidden="true" />
      <span className="end-reason">{plainLine(attention.detail, 400)}</span>
      <span className="spacer" />
      <span className="rail-quiet num">
        <Age since={attention.since} />
      </span>
    </div>
  )
}
