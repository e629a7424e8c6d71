import { ChevronRight, FolderClosed, FolderOpen, SquareCheck } from 'lucide-react'
import { memo, useMemo, useRef, useState } from 'react'
import { plainLine } from '../ui/format.ts'
import { type TreeRow, treeRows } from './file-tree.ts'
import { useVirtual } from './use-virtual.ts'

/** What a line of the tree says of its file. */
export interface TreeFile {
  path: string
  letter: string
  /** What the letter means, for readers of the screen. */
  meaning: string
  added: number | null
  removed: number | null
  viewed: boolean
  quiet: boolean
  comments: number
}

const ROW = 25

/** The changed files as a tree. */
export function FileTree({
  files,
  current,
  onOpen,
}: {
  files: readonly TreeFile[]
  current: string | null
  onOpen: (path: string) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const rows = useMemo(
    () =>
      treeRows(
        files.map((file) => file.path),
        closed,
      ),
    [files, closed],
  )
  const offsets = useMemo(
    () => Float64Array.from({ length: rows.length + 1 }, (_, index) => index * ROW),
    [rows],
  )
  const range = useVirtual(box, offsets)
  const toggle = (path: string) =>
    setClosed((have) => {
      const next = new Set(have)
      if (!next.delete(path)) next.add(path)
      return next
    })
  return (
    <div className="diff-files" ref={box}>
      <div className="tree-space" style={{ height: rows.length * ROW }}>
        {rows.slice(range.from, range.to).map((row, index) => (
          <Line
            key={`${row.kind}:${row.path}`}
            row={row}
            top={(range.from + index) * ROW}
            file={row.kind === 'file' ? files[row.index] : undefined}
            current={row.path === current}
            onOpen={onOpen}
            onToggle={toggle}
          />
        ))}
      </div>
    </div>
  )
}

const Line = memo(function Line(props: {
  row: TreeRow
  top: number
  file: TreeFile | undefined
  current: boolean
  onOpen: (path: string) => void
  onToggle: (path: string) => void
}) {
  const { row, top, file, current } = props
  const style = { top, paddingLeft: 6 + row.depth * 12 }
  if (row.kind === 'folder')
    return (
      <button
        type="button"
        className="diff-file"
        data-folder="true"
        aria-expanded={row.open}
        title={row.path}
        style={style}
        onClick={() => props.onToggle(row.path)}
      >
        <ChevronRight size={11} className="group-arrow" aria-hidden="true" />
        {row.open ? (
          <FolderOpen size={13} aria-hidden="true" />
        ) : (
          <FolderClosed size={13} aria-hidden="true" />
        )}
        <span className="truncate">{plainLine(row.name)}</span>
      </button>
    )
  if (!file) return null
  return (
    <button
      type="button"
      className="diff-file"
      data-letter={file.letter}
      data-viewed={file.viewed}
      data-quiet={file.quiet}
      aria-current={current}
      title={file.path}
      style={style}
      onClick={() => props.onOpen(file.path)}
    >
      <span className="diff-file-status" role="img" aria-label={file.meaning} title={file.meaning}>
        {file.letter}
      </span>
      <span className="diff-path truncate">{plainLine(row.name)}</span>
      {file.comments > 0 ? <span className="diff-file-comments num">{file.comments}</span> : null}
      {file.viewed ? (
        <SquareCheck size={12} role="img" aria-label="viewed" className="diff-file-viewed" />
      ) : null}
      <span className="num tile-added">{file.added ? `+${file.added}` : ''}</span>
      <span className="num tile-removed">{file.removed ? `−${file.removed}` : ''}</span>
    </button>
  )
})
