import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import type { DiffFile } from './diff-model.ts'
import { FileHead } from './FileHead.tsx'
import { highlighter } from './highlight/highlighter.ts'
import { tokensOf, wantColours } from './hunk-view.ts'
import { LineRow, PairRow } from './PatchRows.tsx'
import { useVirtual } from './use-virtual.ts'
import {
  type DiffMode,
  FILE_PX,
  rowAt,
  rowOffsets,
  stepRow,
  type ViewRow,
  viewRows,
  widestLine,
} from './view-rows.ts'

/** Rows that the keyboard chose: comments are written on them. */
export interface Choice {
  from: number
  to: number
}

export interface PatchHandle {
  showFile(path: string): void
  step(kind: 'hunk' | 'file', by: 1 | -1): void
  moveLine(by: number, extend: boolean): void
  currentFile(): DiffFile | null
  choice(): { rows: readonly ViewRow[]; choice: Choice } | null
  focus(): void
}

interface PatchViewProps {
  files: readonly DiffFile[]
  mode: DiffMode
  folded: ReadonlySet<string>
  /** Keys of lines with a thread, and how one is drawn. */
  threads: ReadonlySet<string>
  thread: (key: string, top: number, onHeight: (px: number) => void) => ReactNode
  /** How a changed picture is drawn. */
  picture: (file: DiffFile, top: number) => ReactNode
  viewed: ((file: DiffFile) => boolean) | null
  badge: (file: DiffFile) => string | null
  onFold: (path: string) => void
  onViewed: (file: DiffFile) => void
  /** A key went to another file. */
  onFile: (path: string | null) => void
  /** Somebody pointed at the number of a line, or pressed Enter on it. */
  onComment: (() => void) | null
  handle: React.Ref<PatchHandle>
}

/** All lines of a diff; only the rows that can be seen exist, so 20,000 lines cost as much as fifty. */
export function PatchView(props: PatchViewProps) {
  const { files, mode, folded, threads, onFold, onViewed, onComment } = props
  const box = useRef<HTMLElement>(null)
  const bar = useRef<HTMLDivElement>(null)
  const [threadPx, setThreadPx] = useState<ReadonlyMap<string, number>>(new Map())
  const [choice, setChoice] = useState<Choice | null>(null)
  useSyncExternalStore(highlighter.subscribe, highlighter.version)

  const rows = useMemo(() => viewRows(files, { mode, folded, threads }), [files, mode, folded, threads])
  const offsets = useMemo(() => rowOffsets(rows, threadPx), [rows, threadPx])
  const widest = useMemo(() => widestLine(files), [files])
  const fileOf = useCallback((row: number) => rows[row]?.file ?? 0, [rows])
  const range = useVirtual(box, offsets, fileOf)

  const scrollTo = useCallback(
    (row: number, place: 'top' | 'near') => {
      const element = box.current
      if (!element) return
      const top = offsets[row] ?? 0
      // What stays in sight at the top covers the first rows.
      const above = rows[row]?.kind === 'file' ? 0 : FILE_PX + 8
      if (place === 'top') element.scrollTop = top - above
      else if (top - FILE_PX < element.scrollTop) element.scrollTop = top - above
      else if (top + 60 > element.scrollTop + element.clientHeight)
        element.scrollTop = top + 60 - element.clientHeight
    },
    [offsets, rows],
  )

  /** The file that a key went to last, as long as it can be seen: at the end of the diff it need not be the upper one. */
  const [fileAt, setFileAt] = useState<number | null>(null)
  const scrollTop = () => box.current?.scrollTop ?? 0
  const isSeen = (row: number) => {
    const top = offsets[row] ?? 0
    return top >= scrollTop() - 1 && top < scrollTop() + (box.current?.clientHeight ?? 0)
  }
  const fileHere = (): number => {
    if (choice) return stepRow(rows, choice.to + 1, -1, ['file']) ?? 0
    if (fileAt !== null && isSeen(fileAt)) return fileAt
    return stepRow(rows, rowAt(offsets, scrollTop() + 1) + 1, -1, ['file']) ?? 0
  }
  /** The row before the first one below what stays in sight at the top. */
  const aboveEdge = () => rowAt(offsets, scrollTop() + FILE_PX + 1) - 1

  const measured = useCallback(
    (key: string, row: number, px: number) => {
      const before = threadPx.get(key)
      if (before === px) return
      const element = box.current
      const old = (offsets[row + 1] ?? 0) - (offsets[row] ?? 0)
      setThreadPx(new Map(threadPx).set(key, px))
      // What is read must not move because something above it grew.
      if (element && (offsets[row] ?? 0) < element.scrollTop) element.scrollTop += px - old
    },
    [offsets, threadPx],
  )

  // The choice names rows: other rows, other choice. The file stays the one that it was.
  const filePath = useRef<string | null>(null)
  useEffect(() => {
    setChoice(null)
    const row = rows.findIndex((one) => one.kind === 'file' && files[one.file]?.path === filePath.current)
    setFileAt(row < 0 ? null : row)
  }, [rows, files])
  const goToFile = (row: number | null) => {
    filePath.current = row === null ? null : (files[rows[row]?.file ?? -1]?.path ?? null)
    setFileAt(row)
    setChoice(null)
    if (row === null) return
    scrollTo(row, 'top')
    props.onFile(filePath.current)
  }
  const step = (kind: 'hunk' | 'file', by: 1 | -1) => {
    if (kind === 'file') {
      const next = stepRow(rows, fileHere(), by, ['file'])
      if (next !== null) goToFile(next)
      return
    }
    // The chosen line is the first of its hunk: back means the hunk before that.
    const from = choice ? (by < 0 ? (stepRow(rows, choice.to, -1, ['hunk']) ?? 0) : choice.to) : aboveEdge()
    const next = stepRow(rows, from, by, ['hunk'])
    if (next === null) return
    const line = Math.min(next + 1, rows.length - 1)
    setChoice({ from: line, to: line })
    scrollTo(next, 'top')
    props.onFile(files[rows[next]?.file ?? 0]?.path ?? null)
  }
  const moveLine = (by: number, extend: boolean) => {
    const isLine = (row: ViewRow | undefined) => row?.kind === 'line' || row?.kind === 'pair'
    let at = choice?.to ?? Math.max(0, aboveEdge())
    for (let left = Math.abs(by); left > 0; left--) {
      const next = stepRow(rows, at, by < 0 ? -1 : 1, ['line', 'pair'])
      if (next === null) break
      at = next
    }
    if (!isLine(rows[at])) return
    // Lines of one remark belong to one hunk.
    const start = choice && rows[choice.from]
    const end = rows[at]
    const together =
      extend &&
      start &&
      end &&
      'hunk' in start &&
      'hunk' in end &&
      start.file === end.file &&
      start.hunk === end.hunk
    setChoice({ from: together && choice ? choice.from : at, to: at })
    scrollTo(at, 'near')
  }

  useImperativeHandle(props.handle, () => ({
    showFile: (path) => {
      const row = rows.findIndex((one) => one.kind === 'file' && files[one.file]?.path === path)
      goToFile(row < 0 ? null : row)
    },
    step,
    moveLine,
    currentFile: () => files[rows[fileHere()]?.file ?? 0] ?? null,
    choice: () => (choice ? { rows, choice } : null),
    focus: () => box.current?.focus({ preventScroll: true }),
  }))

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== box.current || event.ctrlKey || event.metaKey || event.altKey) return
    const page = Math.max(1, Math.floor(((box.current?.clientHeight ?? 0) - FILE_PX) / 20) - 2)
    switch (event.key) {
      case 'ArrowDown':
        moveLine(1, event.shiftKey)
        break
      case 'ArrowUp':
        moveLine(-1, event.shiftKey)
        break
      case 'PageDown':
        moveLine(page, event.shiftKey)
        break
      case 'PageUp':
        moveLine(-page, event.shiftKey)
        break
      case 'ArrowRight':
        bar.current?.scrollBy(80, 0)
        break
      case 'ArrowLeft':
        bar.current?.scrollBy(-80, 0)
        break
      case 'Enter':
        if (!choice || !onComment) return
        onComment()
        break
      default:
        return
    }
    event.preventDefault()
  }

  const onPoint = (event: MouseEvent) => {
    const target = event.target instanceof HTMLElement ? event.target : null
    const number = target?.closest('.patch-no')
    const row = target?.closest('[data-row]')
    if (!number || !(row instanceof HTMLElement) || !onComment) return
    const at = Number(row.dataset.row)
    pointed.current = true
    setChoice((have) => ({ from: event.shiftKey && have ? have.from : at, to: at }))
  }
  // The comment is written on the choice, which is known only after it was drawn.
  const pointed = useRef(false)
  useEffect(() => {
    if (!pointed.current || !choice) return
    pointed.current = false
    onComment?.()
  }, [choice, onComment])

  useEffect(() => {
    const element = box.current
    if (!element) return
    const onWheel = (event: WheelEvent) => {
      const across = event.deltaX !== 0 ? event.deltaX : event.shiftKey ? event.deltaY : 0
      if (across !== 0) bar.current?.scrollBy(across, 0)
    }
    element.addEventListener('wheel', onWheel, { passive: true })
    return () => element.removeEventListener('wheel', onWheel)
  }, [])

  const drawn: ReactNode[] = []
  for (let index = range.from; index < Math.min(range.to, rows.length); index++) {
    const row = rows[index]
    const file = row ? files[row.file] : undefined
    if (row && file) drawn.push(drawRow(row, file, index))
  }

  function drawRow(row: ViewRow, file: DiffFile, index: number): ReactNode {
    const top = offsets[index] ?? 0
    const chosen =
      choice !== null &&
      index >= Math.min(choice.from, choice.to) &&
      index <= Math.max(choice.from, choice.to)
    switch (row.kind) {
      case 'file':
        return head(file, top)
      case 'note':
        return (
          <div key={index} className="patch-row" data-kind="note" style={{ top }}>
            {row.text}
          </div>
        )
      case 'hunk':
        wantColours(file, row.hunk)
        return (
          <div key={index} className="patch-row" data-kind="hunk" style={{ top }}>
            <span className="truncate">{file.hunks[row.hunk]?.head}</span>
          </div>
        )
      case 'picture':
        return props.picture(file, top)
      case 'thread':
        return props.thread(row.key, top, (px) => measured(row.key, index, px))
      case 'line':
        wantColours(file, row.hunk)
        return (
          <LineRow
            key={index}
            file={file}
            hunkIndex={row.hunk}
            lineIndex={row.line}
            tokens={tokensOf(file, row.hunk, row.line)}
            top={top}
            row={index}
            chosen={chosen}
          />
        )
      case 'pair':
        wantColours(file, row.hunk)
        return (
          <PairRow
            key={index}
            file={file}
            hunkIndex={row.hunk}
            left={row.left}
            right={row.right}
            leftTokens={row.left === null ? undefined : tokensOf(file, row.hunk, row.left)}
            rightTokens={row.right === null ? undefined : tokensOf(file, row.hunk, row.right)}
            top={top}
            row={index}
            chosen={chosen}
          />
        )
    }
  }

  function head(file: DiffFile, top: number | null): ReactNode {
    return (
      <FileHead
        key={top === null ? 'sticky' : `file:${file.path}`}
        file={file}
        top={top}
        folded={folded.has(file.path)}
        viewed={props.viewed ? props.viewed(file) : null}
        badge={props.badge(file)}
        current={fileAt !== null && top !== null && offsets[fileAt] === top}
        onFold={() => onFold(file.path)}
        onViewed={() => onViewed(file)}
      />
    )
  }

  const atTop = files[range.group]
  return (
    <div className="patch-frame" data-mode={mode} style={{ '--widest': widest } as React.CSSProperties}>
      {atTop && rows.length > 0 ? head(atTop, null) : null}
      <section
        className="patch"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled text must be reachable with the keyboard
        tabIndex={0}
        aria-label="Changes"
        onKeyDown={onKeyDown}
        onClick={onPoint}
      >
        <div className="patch-space" style={{ height: offsets.at(-1) ?? 0 }}>
          {drawn}
        </div>
      </section>
      <div
        className="patch-bar"
        ref={bar}
        aria-hidden="true"
        onScroll={(event) => {
          const { scrollLeft } = event.currentTarget
          box.current?.style.setProperty('--shift', `${-scrollLeft}px`)
          box.current?.toggleAttribute('data-shifted', scrollLeft > 0)
        }}
      >
        <div className="patch-bar-size" />
      </div>
    </div>
  )
}
