/** One line of a patch as it is drawn. */
export type PatchRow =
  /** `blob` is git's (short) id of the new content, where it says one. */
  | { kind: 'file'; path: string; oldPath: string | null; blob?: string }
  | { kind: 'hunk'; text: string }
  | { kind: 'context' | 'add' | 'del'; oldLine: number | null; newLine: number | null; text: string }
  /** What git says about a file instead of lines, and the missing newline. */
  | { kind: 'note'; text: string }

/** A line longer than this is cut: a minified file is one line of megabytes, which no layout survives. */
export const MAX_LINE_CHARS = 2_000

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/

/**
 * Rows of a unified diff as git prints it. Counts of the hunk headers decide what is a line of the file, so that a
 * removed line `-- a` is not taken for a header. What cannot be understood becomes a note: nothing is dropped silently.
 */
export function parsePatch(patch: string): PatchRow[] {
  const rows: PatchRow[] = []
  let oldLeft = 0
  let newLeft = 0
  let oldLine = 0
  let newLine = 0
  const lines = patch.split('\n')
  if (lines.at(-1) === '') lines.pop()
  for (const raw of lines) {
    if (oldLeft > 0 || newLeft > 0) {
      const sign = raw[0]
      const text = cut(raw.slice(1).replace(/\r$/, ''))
      if (sign === '+') {
        rows.push({ kind: 'add', oldLine: null, newLine: newLine++, text })
        newLeft -= 1
        continue
      }
      if (sign === '-') {
        rows.push({ kind: 'del', oldLine: oldLine++, newLine: null, text })
        oldLeft -= 1
        continue
      }
      if (sign === ' ' || sign === undefined) {
        rows.push({ kind: 'context', oldLine: oldLine++, newLine: newLine++, text })
        oldLeft -= 1
        newLeft -= 1
        continue
      }
      if (sign === '\\') {
        rows.push({ kind: 'note', text: 'No newline at the end of the file' })
        continue
      }
      // A cut patch ends in the middle of a hunk.
      oldLeft = 0
      newLeft = 0
    }
    if (raw.startsWith('diff --git ')) {
      rows.push({ kind: 'file', ...pathsOf(raw) })
      continue
    }
    const hunk = HUNK.exec(raw)
    if (hunk) {
      oldLine = Number(hunk[1])
      oldLeft = Number(hunk[2] ?? 1)
      newLine = Number(hunk[3])
      newLeft = Number(hunk[4] ?? 1)
      rows.push({ kind: 'hunk', text: cut(raw) })
      continue
    }
    if (raw.startsWith('\\')) rows.push({ kind: 'note', text: 'No newline at the end of the file' })
    else readHeader(raw, rows)
  }
  return rows
}

/** Headers that say something beyond the path become notes or correct the path of the file row above. */
function readHeader(raw: string, rows: PatchRow[]): void {
  const file = rows.findLast((row) => row.kind === 'file')
  if (raw.startsWith('rename from ') && file) file.oldPath = unquote(raw.slice(12))
  else if (raw.startsWith('index ') && file)
    file.blob = /^index [0-9a-f]+\.\.([0-9a-f]+)/.exec(raw)?.[1] ?? ''
  else if (raw.startsWith('rename to ') && file) file.path = unquote(raw.slice(10))
  else if (raw.startsWith('+++ ') && file) {
    const path = unquote(raw.slice(4)).replace(/\t$/, '')
    if (path !== '/dev/null') file.path = path.replace(/^b\//, '')
  } else if (raw.startsWith('Binary files ') || raw.startsWith('GIT binary patch'))
    rows.push({ kind: 'note', text: 'Binary file' })
  else if (raw.startsWith('new file mode')) rows.push({ kind: 'note', text: 'New file' })
  else if (raw.startsWith('deleted file mode')) rows.push({ kind: 'note', text: 'Deleted' })
  else if (raw.startsWith('new mode')) rows.push({ kind: 'note', text: `Mode becomes ${raw.slice(9)}` })
  else if (!/^(--- |similarity |dissimilarity |old mode|copy from|copy to|$)/.test(raw))
    rows.push({ kind: 'note', text: cut(raw) })
}

/** `diff --git a/x b/x`: both halves are the same path unless it was renamed, which the next lines say. */
function pathsOf(line: string): { path: string; oldPath: string | null } {
  const rest = line.slice('diff --git '.length)
  if (rest.startsWith('"')) {
    const path = rest.match(/"b\/((?:[^"\\]|\\.)*)"$/)?.[1]
    return { path: path === undefined ? rest : unquote(`"${path}"`), oldPath: null }
  }
  // Without quotes the two are of one length: a/PATH b/PATH.
  const half = (rest.length - 1) / 2
  const path =
    Number.isInteger(half) && rest.slice(2, half) === rest.slice(half + 3) ? rest.slice(2, half) : null
  return { path: path ?? rest.replace(/^.* b\//, ''), oldPath: null }
}

/** git quotes names with special bytes as C strings of UTF-8 in octal. */
function unquote(text: string): string {
  if (!text.startsWith('"') || !text.endsWith('"')) return text
  const bytes: number[] = []
  const inner = text.slice(1, -1)
  const named: Record<string, number> = { n: 10, t: 9, r: 13, a: 7, b: 8, v: 11, f: 12 }
  for (let i = 0; i < inner.length; i++) {
    const char = inner[i] as string
    if (char !== '\\') {
      bytes.push(...new TextEncoder().encode(char))
      continue
    }
    const octal = inner.slice(i + 1).match(/^[0-7]{3}/)?.[0]
    if (octal) {
      bytes.push(Number.parseInt(octal, 8))
      i += 3
    } else {
      i += 1
      const next = inner[i] ?? ''
      bytes.push(named[next] ?? next.charCodeAt(0))
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes))
}

function cut(text: string): string {
  return text.length > MAX_LINE_CHARS
    ? `${text.slice(0, MAX_LINE_CHARS)}… (${text.length - MAX_LINE_CHARS} characters more)`
    : text
}
