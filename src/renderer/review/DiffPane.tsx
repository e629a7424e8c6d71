import { useShallow } from 'zustand/react/shallow'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Task } from '../../shared/domain/task.ts'
import { useEntities } from '../state/entities.ts'
import { focusedOf, shownAttempts } from '../state/selection.ts'
import { useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { EmptyState } from '../ui/EmptyState.tsx'
import { Skeleton } from '../ui/Skeleton.tsx'
import { DiffHead } from './DiffHead.tsx'
import { DiffReader } from './DiffReader.tsx'
import { useDiff } from './use-diff.ts'
import './diff.css'
import './patch.css'

/** What the focused attempt changed against the base, or against another attempt; the digits change the attempt. */
export default function DiffPane({ task }: { task: Task }) {
  const attempts = useEntities(useShallow((state) => shownAttempts(state, task)))
  const remembered = useUi((state) => state.focusedTile[task.id])
  const wanted = useUi((state) => state.against)
  const attempt = focusedOf(attempts, remembered)
  if (!attempt) return <EmptyState title="Nothing was fired yet" />
  const other = attempts.find((one) => one.id === wanted && one.id !== attempt.id) ?? null
  return (
    <AttemptDiff
      key={`${attempt.id}:${other?.id ?? ''}`}
      task={task}
      attempts={attempts}
      attempt={attempt}
      other={other}
    />
  )
}

function AttemptDiff(props: { task: Task; attempts: Attempt[]; attempt: Attempt; other: Attempt | null }) {
  const { attempt, other } = props
  const { reading, again, readFile } = useDiff(attempt, other?.id ?? null)
  const moved =
    reading.state === 'there' &&
    ((reading.headSha !== null && reading.headSha !== attempt.headSha) ||
      (other !== null && reading.otherSha !== other.headSha))
  return (
    <div className="diff-pane" data-testid="diff">
      <DiffHead {...props} reading={reading} onAgain={again} />
      {moved ? (
        <p className="diff-note">
          {other ? 'One of the two has' : 'The attempt has'} moved on since this was read.{' '}
          <Button size="s" kind="ghost" onClick={again}>
            Read again
          </Button>
        </p>
      ) : null}
      {reading.state === 'loading' ? (
        <div className="diff-loading">
          <Skeleton height={22} />
          <Skeleton height={160} />
        </div>
      ) : reading.state === 'failed' ? (
        <EmptyState
          title="The changes could not be read"
          actions={<Button onClick={again}>Try again</Button>}
        >
          {reading.message}
        </EmptyState>
      ) : reading.files.length === 0 ? (
        <EmptyState title={other ? 'No difference' : 'No changes'}>
          {other
            ? `#${attempt.n} and #${other.n} hold the same files.`
            : 'This attempt has changed nothing against its base so far.'}
        </EmptyState>
      ) : (
        <DiffReader attempt={attempt} other={other} reading={reading} readFile={readFile} />
      )}
    </div>
  )
}
