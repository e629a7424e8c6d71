import { stripEscapes } from '../../shared/terminal/plain-text.ts'

/** Bytes of a recording from `from` on. */
export type ReadRaw = (from: number, maxBytes: number) => Promise<{ bytes: Uint8Array; start: number }>

/** Read at once. */
const PAGE_BYTES = 512 * 1024
/** Pages overlap by more than a few lines are long, so that none is missed at a border. */
const OVERLAP_BYTES = 8 * 1024
/** Looked through at most: 8 MiB, more than a tile holds even of the longest lines. */
const MAX_PAGES = 16

/**
 * Where in a recording of `end` bytes the given lines were written last: the offset behind the last of them; null when they
 * are not found (they were drawn in another way than line by line, or are too far back). Searches backwards, page by page.
 */
export async function findPlace(
  read: ReadRaw,
  end: number,
  lines: readonly string[],
): Promise<number | null> {
  if (lines.length === 0) return null
  let to = end
  for (let page = 0; page < MAX_PAGES && to > 0; page++) {
    const from = Math.max(0, to - PAGE_BYTES)
    const { bytes, start } = await read(from, to - from)
    const found = lastMatch(bytes, lines)
    if (found !== null) return start + found
    if (from === 0) break
    to = from + OVERLAP_BYTES
  }
  return null
}

/** Offset behind the last place in `bytes` where `lines` follow each other, blank ones between them left out; null for none. */
export function lastMatch(bytes: Uint8Array, lines: readonly string[]): number | null {
  const last = lines.at(-1)
  if (last === undefined) return null
  // One character a byte, so that places are the same. Taking escapes out costs a thousand times what looking for a word does.
  const text = new TextDecoder('latin1').decode(bytes)
  const word = longestWord(last)
  for (let at = text.length; at >= 0; ) {
    const hit = text.lastIndexOf(word, at)
    if (hit < 0) return null
    const { start, end } = lineAround(text, hit)
    if (plain(bytes, start, end) === last && stand(bytes, text, start, lines.slice(0, -1))) return end
    at = start - 1
  }
  return null
}

/** Whether the lines before `start` that have anything on them are `lines`. */
function stand(bytes: Uint8Array, text: string, start: number, lines: readonly string[]): boolean {
  let left = lines.length
  for (let before = start; left > 0 && before > 0; ) {
    const line = lineAround(text, before - 1)
    const found = plain(bytes, line.start, line.end)
    before = line.start
    if (found === '') continue
    if (found !== lines[left - 1]) return false
    left--
  }
  return left === 0
}

/** The line that the byte at `at` belongs to; a line feed belongs to the one that it ends. */
function lineAround(text: string, at: number): { start: number; end: number } {
  const end = text.indexOf('\n', at)
  return { start: at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1, end: end < 0 ? text.length : end }
}

function plain(bytes: Uint8Array, start: number, end: number): string {
  return stripEscapes(bytes.subarray(start, end)).trim()
}

/** Letters and digits next to each other are seldom parted by a change of colour. Empty when there are none. */
function longestWord(line: string): string {
  const words = line.match(/[A-Za-z0-9]+/g) ?? []
  return words.reduce((best, word) => (word.length > best.length ? word : best), '')
}
