import { GitMerge, Trash2, Undo2 } from 'lucide-react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { useApp } from '../connection/app-context.ts'
import { Button } from '../ui/Button.tsx'
import { useCountdown } from '../ui/now.ts'
import { undoVerdict } from './verdict-actions.ts'
import './tile.css'
import './verdict.css'

/** While a verdict can be taken back: what it was, how long, and the way back. */
export function UndoBanner({ attempt }: { attempt: Attempt }) {
  const app = useApp()
  const verdict = attempt.verdict
  const leftMs = useCountdown(verdict?.undoUntil ?? 0)
  // Siblings follow their winner: its undo brings them back, theirs would be a second button for the same.
  if (!verdict || verdict.reasons.includes('lost to sibling') || leftMs === 0) return null
  const left = Math.min(10, Math.ceil(leftMs / 1000))
  const good = verdict.kind === 'mergeable'
  return (
    <div className="undo" data-kind={verdict.kind} role="status">
      {good ? <GitMerge size={14} /> : <Trash2 size={14} />}
      <span className="truncate">
        {good ? 'Mergeable: it lands' : 'Trashed: it is kept aside'} in {left} s
      </span>
      <span className="undo-bar" style={{ width: `${(leftMs / 10_000) * 100}%` }} />
      <span className="spacer" />
      <Button size="s" kbd="U" data-testid="undo" onClick={() => void undoVerdict(app, attempt)}>
        <Undo2 size={13} /> Undo
      </Button>
    </div>
  )
}
