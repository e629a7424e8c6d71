import { type DraftComment, quoteOf } from './comments.ts'
import type { DiffFile, DiffLine } from './diff-model.ts'
import type { ViewRow } from './view-rows.ts'

type Place = Omit<DraftComment, 'id' | 'body' | 'at'>

/**
 * Where a remark on the chosen rows belongs: on the attempt's own lines when there are any among them, else on those of the
 * base. null when no line is chosen. `choice` holds row numbers, in either order.
 */
export function commentOn(
  files: readonly DiffFile[],
  rows: readonly ViewRow[],
  choice: { from: number; to: number },
  headSha: string | null,
): Place | null {
  const chosen = rows.slice(Math.min(choice.from, choice.to), Math.max(choice.from, choice.to) + 1)
  const last = chosen.at(-1)
  const file = last ? files[last.file] : undefined
  if (!file) return null
  const lines = new Set<DiffLine>()
  for (const row of chosen) {
    if (row.kind !== 'line' && row.kind !== 'pair') continue
    const hunk = files[row.file]?.hunks[row.hunk]
    for (const index of row.kind === 'line' ? [row.line] : [row.left, row.right]) {
      const line = index === null ? undefined : hunk?.lines[index]
      if (line) lines.add(line)
    }
  }
  const own = [...lines].filter((line) => line.kind === 'add' || line.kind === 'context')
  const gone = [...lines].filter((line) => line.kind === 'del')
  const side = own.length > 0 ? 'new' : 'old'
  const about = side === 'new' ? own : gone
  const numbers = about.flatMap((line) => {
    const number = line.kind === 'note' ? null : side === 'new' ? line.newLine : line.oldLine
    return number === null ? [] : [number]
  })
  if (numbers.length === 0) return null
  return {
    path: file.path,
    side,
    line: Math.min(...numbers),
    endLine: Math.max(...numbers),
    quote: quoteOf(about.map((line) => line.text)),
    headSha,
  }
}
