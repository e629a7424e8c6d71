/** One file of a unified diff: the new side of its hunks, and what was taken away. */
export interface PatchFile {
  path: string
  /** Lines of the new side as far as the hunks show it, with their numbers. */
  lines: { line: number; text: string; added: boolean }[]
  removed: string[]
}

/** Reads a patch as git writes it (`a/` and `b/` prefixes). Binary files and pure renames have no lines. */
export function readPatch(patch: string): PatchFile[] {
  const files: PatchFile[] = []
  let file: PatchFile | null = null
  let line = 0
  /** Lines of the old and the new side that the current hunk still has. */
  let left = { old: 0, new: 0 }
  for (const row of patch.split('\n')) {
    if (left.old > 0 || left.new > 0) {
      const mark = row[0]
      if (mark === '+') {
        file?.lines.push({ line: line++, text: row.slice(1), added: true })
        left.new--
        continue
      }
      if (mark === '-') {
        file?.removed.push(row.slice(1))
        left.old--
        continue
      }
      if (mark === ' ' || row === '') {
        file?.lines.push({ line: line++, text: row.slice(1), added: false })
        left = { old: left.old - 1, new: left.new - 1 }
        continue
      }
      if (mark === '\\') continue
      left = { old: 0, new: 0 }
    }
    const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(row)
    if (hunk) {
      line = Number(hunk[2])
      left = { old: Number(hunk[1] ?? 1), new: Number(hunk[3] ?? 1) }
    } else if (row.startsWith('diff --git ')) {
      file = null
    } else if (row.startsWith('--- ') || row.startsWith('+++ ')) {
      const name = pathOf(row.slice(4))
      if (name === null) continue
      if (!file) {
        file = { path: name, lines: [], removed: [] }
        files.push(file)
      } else if (row.startsWith('+++ ')) file.path = name
    }
  }
  return files
}

/** `b/src/x.ts`, or git's quoted form of a name with special characters; null for /dev/null. */
function pathOf(text: string): string | null {
  const name = text.replace(/\t$/, '')
  if (name === '/dev/null') return null
  if (!name.startsWith('"')) return name.slice(2)
  const bytes: number[] = []
  const inner = name.slice(1, -1)
  const escapes: Record<string, number> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11 }
  for (let at = 0; at < inner.length; at++) {
    if (inner[at] !== '\\') {
      const char = String.fromCodePoint(inner.codePointAt(at) ?? 0)
      bytes.push(...Buffer.from(char))
      at += char.length - 1
      continue
    }
    const octal = /^[0-7]{3}/.exec(inner.slice(at + 1))?.[0]
    if (octal) {
      bytes.push(Number.parseInt(octal, 8))
      at += 3
    } else {
      const next = inner[++at] ?? ''
      bytes.push(escapes[next] ?? next.charCodeAt(0))
    }
  }
  return Buffer.from(bytes).toString('utf8').slice(2)
}
