/** Unfocused tiles paint this often: at 4 Hz sixteen busy tiles keep 60 frames a second, at 20 Hz half of that. */
export const CALM_INTERVAL_MS = 250
/** In a window that is behind they wait longer, but not for ever. */
const LONGEST_WAIT_MS = 1_000

/** Of a screen with 60 Hz. */
export const FRAME_MS = 16

/** An echo comes within a few milliseconds; a program that shows nothing by then shows nothing (a password) or is busy. */
export const ECHO_MS = 100
/** Whoever pressed a key presses the next one soon: the time between two keys of somebody who types slowly. */
const TYPING_MS = 150
/** So long may typing keep a tile from painting. */
export const LONGEST_HOLD_MS = 500

/** From writing to the end of the frame that shows it, when nothing is in the way. */
const SWIFT_TURN_MS = 28
/** Seven tiles beside the focused one then still have a turn about once a second. */
const LONGEST_REST_MS = 100

/**
 * How long calm tiles rest after a turn that took `ms`. Where other programs need the processor a frame takes many times what it
 * costs, and more of them would only make the focused tile wait: what is slow is done less often.
 */
export function restAfter(ms: number): number {
  return Math.min(LONGEST_REST_MS, Math.max(0, ms - SWIFT_TURN_MS) * 3)
}

export interface PumpTile {
  id: number
  /** Something waits to be written. */
  waiting: boolean
  /** When it was written last, in ms of the frame clock; -Infinity before the first time. */
  lastAt: number
}

/** What the engineer's last key allows the tiles that have not the focus. */
export interface Typing {
  keyAt: number
  /** What the focused terminal wrote after that key is drawn. */
  echoed: boolean
  /** Another tile has painted since then. */
  turnTaken: boolean
}

/**
 * How long a calm tile goes without painting before it is due, at `now`. Without a GPU a frame that paints a tile takes as
 * long as a key has time to be shown at once; so while a key waits for its echo no other tile paints, and the frame right after
 * the echo is the best one for it: the next key is furthest away then. Typing holds a tile for half a second at most.
 */
export function calmIntervalAt(now: number, typing: Typing | null, late: boolean): number {
  if (late) return LONGEST_WAIT_MS
  if (typing === null) return CALM_INTERVAL_MS
  const held = typing.echoed
    ? typing.turnTaken && now < typing.keyAt + TYPING_MS
    : now < typing.keyAt + ECHO_MS
  return held ? LONGEST_HOLD_MS : CALM_INTERVAL_MS
}

/** The tile whose turn it is after `interval` ms of rest: the one that waits longest. One paint a frame fits into it, two do not. */
export function dueCalm(
  tiles: Iterable<PumpTile>,
  focusedId: number | null,
  now: number,
  interval: number,
): number | null {
  let due: PumpTile | null = null
  for (const tile of tiles) {
    if (!tile.waiting || tile.id === focusedId || now - tile.lastAt < interval) continue
    if (due === null || tile.lastAt < due.lastAt) due = tile
  }
  return due?.id ?? null
}

/** In how many ms the next calm tile may have its turn; null while none waits. */
export function nextTurnIn(
  tiles: Iterable<PumpTile>,
  focusedId: number | null,
  now: number,
  typing: Typing | null,
): number | null {
  let first = Number.POSITIVE_INFINITY
  for (const tile of tiles) if (tile.waiting && tile.id !== focusedId) first = Math.min(first, tile.lastAt)
  if (first === Number.POSITIVE_INFINITY) return null
  const interval = calmIntervalAt(now, typing, false)
  const wait = Math.max(0, first + interval - now)
  if (typing === null || interval === CALM_INTERVAL_MS) return wait
  // The hold may end before the longest wait does.
  const ends = typing.keyAt + (typing.echoed ? TYPING_MS : ECHO_MS) - now
  return Math.min(wait, Math.max(ends, first + CALM_INTERVAL_MS - now))
}
