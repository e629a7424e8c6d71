import type { DiffFile } from './diff-model.ts'
import { isPicture } from './picture-sides.ts'
import { splitLines } from './split-lines.ts'

export type DiffMode = 'unified' | 'split'

/** One row of the drawn diff; numbers are indices into the files, their hunks and the hunks' lines. */
export type ViewRow =
  | { kind: 'file'; file: number }
  | { kind: 'note'; file: number; text: string }
  | { kind: 'picture'; file: number }
  | { kind: 'hunk'; file: number; hunk: number }
  | { kind: 'line'; file: number; hunk: number; line: number }
  | { kind: 'pair'; file: number; hunk: number; left: number | null; right: number | null }
  /** What was said about the line above; `key` names the line. */
  | { kind: 'thread'; file: number; key: string }

export const ROW_PX = 20
export const FILE_PX = 34
export const HUNK_PX = 24
export const PICTURE_PX = 280
/** A thread before it was measured. */
export const THREAD_PX = 120

/** Names a line of a file, across modes: the number that it has on its side. */
export const lineKey = (path: string, side: 'old' | 'new', line: number): string => `${side}:${line}:${path}`

export interface LayoutOptions {
  mode: DiffMode
  /** Paths of files that show only their head. */
  folded: ReadonlySet<string>
  /** Keys of lines with a thread below. */
  threads: ReadonlySet<string>
}

/** The rows of a diff from top to bottom. */
export function viewRows(files: readonly DiffFile[], options: LayoutOptions): ViewRow[] {
  const rows: ViewRow[] = []
  files.forEach((file, index) => {
    rows.push({ kind: 'file', file: index })
    if (options.folded.has(file.path)) return
    if (isPicture(file)) rows.push({ kind: 'picture', file: index })
    else if (file.hunks.length === 0)
      rows.push({ kind: 'note', file: index, text: file.notes.join(', ') || 'No lines changed' })
    file.hunks.forEach((hunk, hunkIndex) => {
      rows.push({ kind: 'hunk', file: index, hunk: hunkIndex })
      const thread = (lineIndex: number | null) => {
        const line = lineIndex === null ? undefined : hunk.lines[lineIndex]
        const key = line ? keyOfLine(file.path, line) : null
        if (key !== null && options.threads.has(key)) rows.push({ kind: 'thread', file: index, key })
      }
      if (options.mode === 'unified')
        hunk.lines.forEach((_, line) => {
          rows.push({ kind: 'line', file: index, hunk: hunkIndex, line })
          thread(line)
        })
      else
        for (const pair of splitLines(hunk.lines)) {
          rows.push({ kind: 'pair', file: index, hunk: hunkIndex, ...pair })
          if (pair.left !== pair.right) thread(pair.left)
          thread(pair.right)
        }
    })
  })
  return rows
}

/** The name of a line: removed ones by their old number, others by their new one; null for notes. */
export function keyOfLine(
  path: string,
  line: { kind: string; oldLine?: number | null; newLine?: number | null },
): string | null {
  if (line.kind === 'note') return null
  if (line.kind === 'del') return lineKey(path, 'old', line.oldLine ?? 0)
  return lineKey(path, 'new', line.newLine ?? 0)
}

/** Where each row begins, in px, and after the last one where it ends. */
export function rowOffsets(rows: readonly ViewRow[], threadPx: ReadonlyMap<string, number>): Float64Array {
  const offsets = new Float64Array(rows.length + 1)
  let top = 0
  rows.forEach((row, index) => {
    offsets[index] = top
    top += heightOf(row, threadPx)
  })
  offsets[rows.length] = top
  return offsets
}

function heightOf(row: ViewRow, threadPx: ReadonlyMap<string, number>): number {
  switch (row.kind) {
    case 'file':
      return FILE_PX
    case 'hunk':
      return HUNK_PX
    case 'picture':
      return PICTURE_PX
    case 'thread':
      return threadPx.get(row.key) ?? THREAD_PX
    default:
      return ROW_PX
  }
}

/** The row that covers `px`: the last one that begins at or before it. */
export function rowAt(offsets: Float64Array, px: number): number {
  let low = 0
  let high = Math.max(0, offsets.length - 2)
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((offsets[middle] ?? 0) <= px) low = middle
    else high = middle - 1
  }
  return low
}

/**
 * The next row of `kinds` after (or before) row `from`; null at the end. Folded files are passed over when hunks are
 * looked for, because they show none.
 */
export function stepRow(
  rows: readonly ViewRow[],
  from: number,
  by: 1 | -1,
  kinds: readonly ViewRow['kind'][],
): number | null {
  for (let at = from + by; at >= 0 && at < rows.length; at += by) {
    const row = rows[at]
    if (row && kinds.includes(row.kind)) return at
  }
  return null
}

/** The longest line in characters, tabs counted as four: what the diff must be able to scroll to. */
export function widestLine(files: readonly DiffFile[]): number {
  let widest = 0
  for (const file of files)
    for (const hunk of file.hunks)
      for (const line of hunk.lines) {
        if (line.text.length <= widest / 4) continue
        let width = line.text.length
        for (let i = line.text.indexOf('\t'); i >= 0; i = line.text.indexOf('\t', i + 1)) width += 3
        if (width > widest) widest = width
      }
  return widest
}
