import type { PatchRow } from './patch.ts'

/** A line of a hunk, or what git says between lines (the missing newline). */
export type DiffLine = Extract<PatchRow, { kind: 'context' | 'add' | 'del' | 'note' }>

export interface DiffHunk {
  /** Its header as git prints it. */
  head: string
  lines: readonly DiffLine[]
}

/** One file of a patch. */
export interface DiffFile {
  path: string
  /** Where it was before a rename; null when it was not renamed. */
  oldPath: string | null
  /** What git says of the file beside its lines: new, deleted, binary, mode. */
  notes: readonly string[]
  hunks: readonly DiffHunk[]
  added: number
  removed: number
  binary: boolean
  /** Of the lines and the path: the same change gives the same text, in whichever attempt it is. */
  readonly fingerprint: string
}

/** 53 bits of a text, mixed twice so that two changes of one patch do not share a fingerprint by chance. */
class Fingerprint {
  #a = 0xdeadbeef
  #b = 0x41c6ce57

  add(text: string): void {
    let a = this.#a
    let b = this.#b
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      a = Math.imul(a ^ code, 2654435761)
      b = Math.imul(b ^ code, 1597334677)
    }
    // The end of a text counts as well: “ab”, “c” is not “a”, “bc”.
    this.#a = Math.imul(a ^ 10, 2654435761)
    this.#b = Math.imul(b ^ 10, 1597334677)
  }

  text(): string {
    const a =
      Math.imul(this.#a ^ (this.#a >>> 16), 2246822507) ^ Math.imul(this.#b ^ (this.#b >>> 13), 3266489909)
    const b =
      Math.imul(this.#b ^ (this.#b >>> 16), 2246822507) ^ Math.imul(this.#a ^ (this.#a >>> 13), 3266489909)
    return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36)
  }
}

const SIGN = { add: '+', del: '-', context: ' ', note: '\\' } as const

/** Groups the rows of a patch by file and hunk. Rows before the first file header are given to a file without a path. */
export function diffFiles(rows: readonly PatchRow[]): DiffFile[] {
  const files: DiffFile[] = []
  let at = 0
  while (at < rows.length) {
    const first = rows[at]
    const head = first?.kind === 'file' ? first : null
    let end = at + 1
    while (end < rows.length && rows[end]?.kind !== 'file') end += 1
    files.push(oneFile(head ?? { path: '', oldPath: null }, rows.slice(head ? at + 1 : at, end)))
    at = end
  }
  return files
}

function oneFile(
  { path, oldPath, blob = '' }: { path: string; oldPath: string | null; blob?: string },
  rows: readonly PatchRow[],
): DiffFile {
  const notes: string[] = []
  const hunks: { head: string; lines: DiffLine[] }[] = []
  let added = 0
  let removed = 0
  for (const row of rows) {
    if (row.kind === 'file') continue
    if (row.kind === 'hunk') {
      hunks.push({ head: row.text, lines: [] })
      continue
    }
    const hunk = hunks.at(-1)
    if (row.kind === 'note' && !hunk) notes.push(row.text)
    else hunk?.lines.push(row)
    if (row.kind === 'add') added += 1
    if (row.kind === 'del') removed += 1
  }
  let fingerprint: string | null = null
  return {
    path,
    oldPath: oldPath === path ? null : oldPath,
    notes,
    hunks,
    added,
    removed,
    binary: notes.includes('Binary file'),
    // Only of files that are looked at: over a large diff it costs more than all else.
    get fingerprint() {
      // Of a picture no lines are here: its content is named by git.
      fingerprint ??= fingerprintOf(path, hunks.length === 0 ? [...notes, blob] : notes, hunks)
      return fingerprint
    },
  }
}

function fingerprintOf(path: string, notes: readonly string[], hunks: readonly DiffHunk[]): string {
  const fingerprint = new Fingerprint()
  fingerprint.add(path)
  for (const note of notes) fingerprint.add(note)
  for (const hunk of hunks)
    for (const line of hunk.lines) {
      fingerprint.add(SIGN[line.kind])
      fingerprint.add(line.text)
    }
  return fingerprint.text()
}

/** The letter that git gives to what happened to a file. */
export function letterOf(file: DiffFile): 'A' | 'D' | 'R' | 'M' {
  if (file.notes.includes('New file')) return 'A'
  if (file.notes.includes('Deleted')) return 'D'
  return file.oldPath ? 'R' : 'M'
}
