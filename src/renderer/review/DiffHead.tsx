import { AlignJustify, Columns2, RefreshCw, X } from 'lucide-react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Task } from '../../shared/domain/task.ts'
import { VerdictButtons } from '../attempt/VerdictButtons.tsx'
import { useReviewDrafts } from '../state/review-drafts.ts'
import { focusTile, useUi } from '../state/ui.ts'
import { compact, plural, sha7 } from '../ui/format.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { Select } from '../ui/Select.tsx'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { ATTEMPT_LOOK } from '../ui/status-look.ts'
import type { Reading } from './use-diff.ts'

const BASE = 'base'

/** Which attempt is read, against what, how, and the verdict on it. */
export function DiffHead(props: {
  task: Task
  attempts: readonly Attempt[]
  attempt: Attempt
  other: Attempt | null
  reading: Reading
  onAgain: () => void
}) {
  const { task, attempts, attempt, other, reading } = props
  const mode = useReviewDrafts((state) => state.mode)
  const others = attempts.filter((one) => one.id !== attempt.id)
  return (
    <div className="diff-head">
      <fieldset className="diff-tabs" aria-label="Attempt">
        {attempts.map((one) => (
          <button
            key={one.id}
            type="button"
            className="segment"
            aria-pressed={one.id === attempt.id}
            title={`${one.agent}: ${ATTEMPT_LOOK[one.status].text}`}
            onClick={() => focusTile(task.id, one.n)}
          >
            <StatusIcon look={ATTEMPT_LOOK[one.status]} size={12} />#{one.n}
          </button>
        ))}
      </fieldset>
      <span className="diff-against">
        <span className="rail-quiet">against</span>
        <Select
          label="Compare with"
          testId="diff-against"
          value={other?.id ?? BASE}
          options={[
            { value: BASE, label: `base ${sha7(attempt.baseSha)}` },
            ...others.map((one) => ({ value: one.id, label: `#${one.n} ${one.agent}` })),
          ]}
          onChange={(value) => useUi.setState({ against: value === BASE ? null : value })}
        />
      </span>
      <Sum reading={reading} other={other} attempt={attempt} />
      <span className="spacer" />
      <fieldset className="segments" aria-label="How the lines stand">
        <button
          type="button"
          className="segment"
          aria-pressed={mode === 'unified'}
          aria-label="Unified"
          title="Unified (S)"
          onClick={() => useReviewDrafts.setState({ mode: 'unified' })}
        >
          <AlignJustify size={13} />
        </button>
        <button
          type="button"
          className="segment"
          aria-pressed={mode === 'split'}
          aria-label="Side by side"
          title="Side by side (S)"
          onClick={() => useReviewDrafts.setState({ mode: 'split' })}
        >
          <Columns2 size={13} />
        </button>
      </fieldset>
      <IconButton label="Read again" size="s" onClick={props.onAgain}>
        <RefreshCw size={13} />
      </IconButton>
      <VerdictButtons attempt={attempt} />
      <IconButton
        label="Back to the terminals"
        kbd="Esc"
        size="s"
        onClick={() => useUi.setState({ pane: 'terminals' })}
      >
        <X size={14} />
      </IconButton>
    </div>
  )
}

function Sum({ reading, other, attempt }: { reading: Reading; other: Attempt | null; attempt: Attempt }) {
  if (reading.state !== 'there') return null
  const { files } = reading
  if (!other) {
    const added = files.reduce((sum, file) => sum + (file.added ?? 0), 0)
    const removed = files.reduce((sum, file) => sum + (file.removed ?? 0), 0)
    return (
      <span className="diff-sum num">
        {plural(files.length, 'file')} <span className="tile-added">+{compact(added)}</span>{' '}
        <span className="tile-removed">−{compact(removed)}</span>
      </span>
    )
  }
  const count = (relation: string) => files.filter((file) => file.relation === relation).length
  const parts = [
    [count('differs'), count('differs') === 1 ? 'differs' : 'differ'],
    [count('only-this'), `only in #${attempt.n}`],
    [count('only-other'), `only in #${other.n}`],
    [count('same'), 'the same'],
  ] as const
  return (
    <span className="diff-sum num truncate" data-testid="diff-relations">
      {parts
        .filter(([number]) => number > 0)
        .map(([number, text]) => `${number} ${text}`)
        .join(' · ')}
    </span>
  )
}
