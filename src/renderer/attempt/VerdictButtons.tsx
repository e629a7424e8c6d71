import { GitMerge, Trash2 } from 'lucide-react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { focusTile, useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { TrashPopover } from './TrashPopover.tsx'
import { markMergeable, mergeableBlocked, trashBlocked } from './verdict-actions.ts'
import './verdict.css'

/** The two buttons that decide about an attempt, wherever it is looked at. */
export function VerdictButtons({ attempt, quiet }: { attempt: Attempt; quiet?: boolean }) {
  const app = useApp()
  // While a sibling lands nobody is asked to decide, though one may.
  const asked = useEntities(
    (state) => attempt.status === 'ready' && state.tasks[attempt.taskId]?.status !== 'landing',
  )
  const focus = () => focusTile(attempt.taskId, attempt.n)
  return (
    <span className="verdict-buttons">
      <Button
        size="s"
        kind={asked && !quiet ? 'ok' : 'plain'}
        className="tile-verdict"
        aria-label={`Mergeable: attempt ${attempt.n}`}
        data-testid={`verdict-mergeable-${attempt.n}`}
        blocked={mergeableBlocked(attempt)}
        onClick={() => {
          focus()
          void markMergeable(app, attempt)
        }}
      >
        <GitMerge size={13} />
        <span className="tile-verdict-text">Mergeable</span>
      </Button>
      <TrashPopover attempt={attempt}>
        <Button
          size="s"
          className="tile-verdict"
          aria-label={`Trash: attempt ${attempt.n}`}
          data-testid={`verdict-trash-${attempt.n}`}
          blocked={trashBlocked(attempt)}
          onClick={() => {
            focus()
            useUi.setState({ trashing: attempt.id })
          }}
        >
          <Trash2 size={13} />
          <span className="tile-verdict-text">Trash</span>
        </Button>
      </TrashPopover>
    </span>
  )
}
