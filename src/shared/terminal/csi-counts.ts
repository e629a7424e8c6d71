import { concat } from './byte-pieces.ts'

/** Of a family emoji, 10,000 repeats take 10 ms; a program that fills more than this by repeating is not drawing. */
const MAX_REPEATS = 4_096

/** What one step of each repeating function moves over: more steps than that change nothing more. */
const LIMITS: Readonly<Record<string, (cols: number, rows: number) => number>> = {
  b: (cols, rows) => Math.min(cols * rows, MAX_REPEATS), // repeat character
  '@': (cols) => cols, // insert characters
  ' @': (cols) => cols, // scroll left
  ' A': (cols) => cols, // scroll right
  "'}": (cols) => cols, // insert columns
  "'~": (cols) => cols, // delete columns
  P: (cols) => cols, // delete characters
  X: (cols) => cols, // erase characters
  I: (cols) => cols, // tabs forward
  Z: (cols) => cols, // tabs backward
  L: (_cols, rows) => rows, // insert lines
  M: (_cols, rows) => rows, // delete lines
  S: (_cols, rows) => rows, // scroll up
  T: (_cols, rows) => rows, // scroll down
}

/**
 * Where the CSI whose parameters start at `at` ends, when it is short, complete and either counts below ten or is of a
 * function that repeats nothing (m H K h l); -1 when it needs a closer look. SGR and cursor moves, nine of ten sequences, take this way.
 */
export function harmlessCsiEnd(bytes: Uint8Array, at: number): number {
  const stop = Math.min(bytes.length, at + 24)
  for (let next = at; next < stop; next++) {
    const byte = bytes[next]!
    if (byte >= 0x30 && byte < 0x40) continue
    if (byte < 0x40 || byte >= 0x7f) return -1
    const safe =
      next - at < 2 || byte === 0x6d || byte === 0x48 || byte === 0x4b || byte === 0x68 || byte === 0x6c
    return safe ? next + 1 : -1
  }
  return -1
}

/** The CSI in `bytes` from `start` to `end` with its count cut to the limit; null when it may pass as it is. */
export function clampCsi(
  bytes: Uint8Array,
  start: number,
  end: number,
  cols: number,
  rows: number,
): Uint8Array | null {
  let at = start + 2
  let count = 0
  while (at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) {
    count = Math.min(count * 10 + bytes[at]! - 0x30, 0x7fffffff)
    at++
  }
  // Private functions (CSI ? …) have no digit here; small counts are cheap on every screen.
  if (count < 10) return null
  let rest = at
  while (rest < end && bytes[rest]! >= 0x30 && bytes[rest]! <= 0x3f) rest++
  const limit = LIMITS[String.fromCharCode(...bytes.subarray(rest, end))]?.(cols, rows)
  if (limit === undefined || count <= limit) return null
  const digits = Uint8Array.from(String(limit), (digit) => digit.charCodeAt(0))
  return concat([bytes.subarray(start, start + 2), digits, bytes.subarray(at, end)])
}
