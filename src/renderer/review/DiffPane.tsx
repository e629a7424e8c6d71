import { RefreshCw, X } from 'lucide-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type { FileChange } from '../../shared/contract/attempts.ts'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Task } from '../../shared/domain/task.ts'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { focusedOf, shownAttempts } from '../state/selection.ts'
import { focusTile, useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { EmptyState } from '../ui/EmptyState.tsx'
import { plural, sha7 } from '../ui/format.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { Skeleton } from '../ui/Skeleton.tsx'
import { PatchView } from './PatchView.tsx'
import { parsePatch } from './patch.ts'
import './review.css'

type Loaded =
  | { state: 'loading' }
  | { state: 'failed'; message: string }
  | {
      state: 'there'
      files: readonly FileChange[]
      patch: string
      truncated: boolean
      headSha: string | null
    }

const LETTER: Record<FileChange['status'], string> = {
  added: 'A',
  modified: 'M',
  deleted: 'D',
  renamed: 'R',
  copied: 'C',
  typechange: 'T',
  untracked: 'A',
}

/** What the focused attempt changed against the base; the digits change the attempt. */
export default function DiffPane({ task }: { task: Task }) {
  const attempts = useEntities(useShallow((state) => shownAttempts(state, task)))
  const remembered = useUi((state) => state.focusedTile[task.id])
  const attempt = focusedOf(attempts, remembered)
  if (!attempt) return <EmptyState title="Nothing was fired yet" />
  return <AttemptDiff key={attempt.id} task={task} attempts={attempts} attempt={attempt} />
}

function AttemptDiff({ task, attempts, attempt }: { task: Task; attempts: Attempt[]; attempt: Attempt }) {
  const { core } = useApp()
  const [loaded, setLoaded] = useState<Loaded>({ state: 'loading' })
  const [path, setPath] = useState<string | null>(null)
  const id = attempt.id

  const load = useCallback(async () => {
    const outcome = await outcomeOf(async () => {
      const [changes, patch] = await Promise.all([
        core().attempts.changes({ id }),
        core().attempts.patch({ id }),
      ])
      return { ...changes, ...patch }
    })
    setLoaded(
      outcome.ok ? { state: 'there', ...outcome.value } : { state: 'failed', message: outcome.message },
    )
  }, [core, id])

  useEffect(() => {
    void load()
  }, [load])

  const patch = loaded.state === 'there' ? loaded.patch : null
  const rows = useMemo(() => (patch === null ? [] : parsePatch(patch)), [patch])
  const moved = loaded.state === 'there' && loaded.headSha !== attempt.headSha

  return (
    <div className="diff-pane" data-testid="diff">
      <div className="diff-side">
        <fieldset className="diff-tabs" aria-label="Attempt">
          {attempts.map((one) => (
            <button
              key={one.id}
              type="button"
              className="segment"
              aria-pressed={one.id === attempt.id}
              onClick={() => focusTile(task.id, one.n)}
            >
              #{one.n} {one.agent}
            </button>
          ))}
        </fieldset>
        <div className="diff-files">
          {loaded.state === 'loading' ? <Skeleton height={60} /> : null}
          {loaded.state === 'there'
            ? loaded.files.map((file) => (
                <button
                  key={file.path}
                  type="button"
                  className="diff-file"
                  data-status={file.status}
                  aria-current={path === file.path}
                  title={file.oldPath ? `${file.oldPath} → ${file.path}` : file.path}
                  onClick={() => setPath(file.path)}
                >
                  <span className="diff-file-status" title={file.status}>
                    {LETTER[file.status]}
                  </span>
                  <span className="diff-path truncate">
                    <bdi>{file.path}</bdi>
                  </span>
                  <span className="num tile-added">{file.added === null ? '' : `+${file.added}`}</span>
                  <span className="num tile-removed">{file.removed ? `−${file.removed}` : ''}</span>
                </button>
              ))
            : null}
        </div>
      </div>
      <div className="diff-main">
        <div className="diff-head">
          <span>
            <strong>#{attempt.n}</strong> against <span className="mono">{sha7(attempt.baseSha)}</span>
          </span>
          {loaded.state === 'there' ? (
            <span className="rail-quiet">{plural(loaded.files.length, 'file')}</span>
          ) : null}
          <span className="spacer" />
          <IconButton label="Read again" size="s" onClick={() => void load()}>
            <RefreshCw size={13} />
          </IconButton>
          <IconButton
            label="Back to the terminals"
            kbd="Esc"
            size="s"
            onClick={() => useUi.setState({ pane: 'terminals' })}
          >
            <X size={14} />
          </IconButton>
        </div>
        {moved ? (
          <p className="diff-note">
            The attempt has moved on since this was read.{' '}
            <Button size="s" kind="ghost" onClick={() => void load()}>
              Read again
            </Button>
          </p>
        ) : null}
        {loaded.state === 'there' && loaded.truncated ? (
          <p className="diff-note">Only the first 4 MiB are shown; the list at the side has all files.</p>
        ) : null}
        {loaded.state === 'failed' ? (
          <EmptyState
            title="The changes could not be read"
            actions={<Button onClick={() => void load()}>Try again</Button>}
          >
            {loaded.message}
          </EmptyState>
        ) : loaded.state === 'there' && rows.length === 0 ? (
          <EmptyState title="No changes">
            This attempt has changed nothing against its base so far.
          </EmptyState>
        ) : (
          <PatchView rows={rows} showPath={path} />
        )}
      </div>
    </div>
  )
}
