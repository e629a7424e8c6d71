import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { isGeneratedPath } from '../../shared/domain/generated-files.ts'
import { useEntities } from '../state/entities.ts'
import {
  dropComment,
  putComment,
  setViewed,
  useComments,
  useReviewDrafts,
  useViewedMarks,
} from '../state/review-drafts.ts'
import { toast } from '../state/toasts.ts'
import { Button } from '../ui/Button.tsx'
import { CommentsBar } from './CommentsBar.tsx'
import { CommentThread } from './CommentThread.tsx'
import { commentOn } from './comment-on.ts'
import type { DraftComment } from './comments.ts'
import { showDiff } from './diff-controller.ts'
import type { DiffFile } from './diff-model.ts'
import { FileTree, type TreeFile } from './FileTree.tsx'
import { type PatchHandle, PatchView } from './PatchView.tsx'
import { PictureDiff } from './PictureDiff.tsx'
import { evidenceRow } from './review-state.ts'
import type { ReadFile, Reading, Relation } from './use-diff.ts'
import { lineKey } from './view-rows.ts'

interface ReaderProps {
  attempt: Attempt
  other: Attempt | null
  reading: Extract<Reading, { state: 'there' }>
  readFile: (path: string) => void
}

const MEANING: Record<string, string> = {
  A: 'added',
  M: 'changed',
  D: 'deleted',
  R: 'renamed',
  C: 'copied',
  T: 'of another type',
}

/** The files of a diff beside their lines, with marks and comments. */
export function DiffReader({ attempt, other, reading, readFile }: ReaderProps) {
  const mode = useReviewDrafts((state) => state.mode)
  const comments = useComments(attempt.id)
  const marks = useViewedMarks(attempt.id)
  const evidence = useEntities((state) => evidenceRow(state, attempt))
  const handle = useRef<PatchHandle>(null)
  const [current, setCurrent] = useState<string | null>(null)
  const [editing, setEditing] = useState<DraftComment | null>(null)
  /** Files that were opened or closed by hand, against what they would be. */
  const [byHand, setByHand] = useState<ReadonlyMap<string, boolean>>(new Map())

  const { files } = reading
  const diffs = useMemo(() => files.map((file) => file.diff), [files])
  const byPath = useMemo(() => new Map(files.map((file) => [file.diff.path, file])), [files])
  const generated = useMemo(() => {
    // What the evidence says wins: it knows `.gitattributes`. An attempt at work has none yet, and its list is bounded.
    const said = new Map(evidence?.files.map((file) => [file.path, file.kind]))
    return new Set(
      files.flatMap(({ diff: { path } }) =>
        (said.has(path) ? said.get(path) === 'generated' : isGeneratedPath(path)) ? [path] : [],
      ),
    )
  }, [files, evidence])
  // Marks are of changes against the base; between two attempts there is nothing to tick off.
  const isViewed = useCallback(
    (file: DiffFile) => {
      const mark = other === null ? marks[file.path] : undefined
      return mark !== undefined && mark !== '' && mark === file.fingerprint
    },
    [marks, other],
  )
  const folded = useMemo(
    () =>
      new Set(
        files.flatMap(({ diff, relation }) =>
          (byHand.get(diff.path) ?? (generated.has(diff.path) || relation === 'same' || isViewed(diff)))
            ? [diff.path]
            : [],
        ),
      ),
    [files, byHand, generated, isViewed],
  )
  const tree = useMemo(
    () =>
      files.map(
        (file): TreeFile => ({
          path: file.diff.path,
          letter: file.letter,
          meaning: MEANING[file.letter] ?? file.letter,
          added: file.added,
          removed: file.removed,
          viewed: isViewed(file.diff),
          quiet: generated.has(file.diff.path) || file.relation === 'same',
          comments: comments.filter((one) => one.path === file.diff.path).length,
        }),
      ),
    [files, isViewed, generated, comments],
  )
  const keyOf = (comment: DraftComment) => lineKey(comment.path, comment.side, comment.endLine)
  const threads = useMemo(() => {
    const shown = editing ? [...comments, editing] : comments
    return new Set(shown.map((comment) => lineKey(comment.path, comment.side, comment.endLine)))
  }, [comments, editing])

  const fold = (path: string) => setByHand((have) => new Map(have).set(path, !folded.has(path)))
  const view = (file: DiffFile) => {
    if (other) return toast('info', 'Files are marked as viewed against the base.')
    setByHand((have) => {
      const next = new Map(have)
      next.delete(file.path)
      return next
    })
    setViewed(attempt.id, file.path, isViewed(file) ? null : file.fingerprint)
  }
  /** What is looked at is done with: the next file that is not comes up. */
  const viewAndGoOn = (file: DiffFile) => {
    const marking = !isViewed(file)
    const at = diffs.indexOf(file)
    const next = marking ? diffs.find((one, index) => index > at && !isViewed(one)) : undefined
    handle.current?.showFile(file.path)
    view(file)
    // The rows are others once the file is closed.
    if (next) requestAnimationFrame(() => handle.current?.showFile(next.path))
  }
  const comment = () => {
    const chosen = handle.current?.choice()
    if (!chosen)
      return toast('info', 'Choose a line first: arrow keys in the diff, or a click on its number.')
    const made = commentOn(diffs, chosen.rows, chosen.choice, reading.headSha)
    if (!made) return
    if (other && made.side === 'old')
      return toast('info', `That line is #${other.n}’s. Remarks here go to #${attempt.n}.`)
    setEditing({ ...made, id: crypto.randomUUID(), body: '', at: Date.now() })
  }
  const done = () => {
    setEditing(null)
    handle.current?.focus()
  }

  // The controller of the keyboard lives as long as the pane; what it does is what the last drawing knew.
  const keys = useRef({ fold, viewAndGoOn, comment })
  keys.current = { fold, viewAndGoOn, comment }
  useEffect(
    () =>
      showDiff({
        stepHunk: (by) => handle.current?.step('hunk', by),
        stepFile: (by) => handle.current?.step('file', by),
        moveLine: (by, extend) => handle.current?.moveLine(by, extend),
        toggleViewed: () => {
          const file = handle.current?.currentFile()
          if (file) keys.current.viewAndGoOn(file)
        },
        toggleFold: () => {
          const file = handle.current?.currentFile()
          if (!file) return
          handle.current?.showFile(file.path)
          keys.current.fold(file.path)
        },
        comment: () => keys.current.comment(),
      }),
    [],
  )
  useEffect(() => {
    // Arrow keys shall move in the diff at once, unless somebody is at a control already.
    if (document.activeElement === document.body) handle.current?.focus()
  }, [])

  const open = useCallback(
    (path: string) => {
      setCurrent(path)
      if (byPath.get(path)?.cut) readFile(path)
      handle.current?.showFile(path)
    },
    [byPath, readFile],
  )
  const badge = useCallback(
    (file: DiffFile) => {
      const relation = byPath.get(file.path)?.relation ?? null
      return relation ? RELATION(relation, attempt, other) : generated.has(file.path) ? 'generated' : null
    },
    [byPath, attempt, other, generated],
  )
  const thread = (key: string, top: number, onHeight: (px: number) => void): ReactNode => (
    <CommentThread
      key={`thread:${key}`}
      top={top}
      comments={comments.filter((one) => keyOf(one) === key)}
      editing={editing && keyOf(editing) === key ? editing : null}
      onEdit={setEditing}
      onSave={(made) => {
        putComment(attempt.id, made)
        done()
      }}
      onCancel={done}
      onDrop={(one) => dropComment(attempt.id, one.id)}
      onHeight={onHeight}
    />
  )
  const cut = files.filter((file) => file.cut)

  return (
    <div className="diff-body">
      <div className="diff-side">
        <Viewed files={files} isViewed={isViewed} shown={other === null} />
        <FileTree files={tree} current={current} onOpen={open} />
      </div>
      <div className="diff-main">
        {cut.length > 0 ? (
          <p className="diff-note">
            {cut.length} of {files.length} files are not read yet: the diff is larger than 4 MiB. A click in
            the list reads one.{' '}
            <Button size="s" kind="ghost" onClick={() => cut[0] && open(cut[0].diff.path)}>
              Read the next
            </Button>
          </p>
        ) : null}
        <PatchView
          handle={handle}
          files={diffs}
          mode={mode}
          folded={folded}
          threads={threads}
          thread={thread}
          picture={(file, top) => (
            <PictureDiff
              key={`picture:${file.path}`}
              file={file}
              attemptId={attempt.id}
              against={other?.id ?? null}
              version={`${reading.headSha}:${reading.otherSha}`}
              top={top}
            />
          )}
          viewed={other ? null : isViewed}
          badge={badge}
          onFold={fold}
          onViewed={view}
          onFile={setCurrent}
          onComment={comment}
        />
        <CommentsBar attempt={attempt} comments={comments} onShow={(path) => open(path)} />
      </div>
    </div>
  )
}

function RELATION(relation: Relation, attempt: Attempt, other: Attempt | null): string {
  switch (relation) {
    case 'only-this':
      return `only in #${attempt.n}`
    case 'only-other':
      return `only in #${other?.n ?? '?'}`
    case 'same':
      return 'same in both'
    case 'differs':
      return 'differs'
  }
}

function Viewed({
  files,
  isViewed,
  shown,
}: {
  files: readonly ReadFile[]
  isViewed: (file: DiffFile) => boolean
  shown: boolean
}) {
  if (!shown) return null
  const viewed = files.filter((file) => isViewed(file.diff)).length
  return (
    <div className="diff-viewed">
      <span className="num">
        {viewed} of {files.length} viewed
      </span>
      <span className="diff-viewed-bar" aria-hidden="true">
        <span style={{ width: `${(viewed / files.length) * 100}%` }} />
      </span>
    </div>
  )
}
