/** Unfocused tiles paint this often: at 4 Hz sixteen busy tiles keep 60 frames a second, at 20 Hz half of that. */
export const CALM_INTERVAL_MS = 250
/** In a window that is behind they wait longer, but not for ever. */
const LONGEST_WAIT_MS = 1_000

/** Of a screen with 60 Hz. */
export const FRAME_MS = 16

export interface PumpTile {
  id: number
  /** Something waits to be written. */
  waiting: boolean
  /** When it was written last, in ms of the frame clock; -Infinity before the first time. */
  lastAt: number
}

/**
 * Which tiles write in the frame at `now`: the focused one always, and of the others the one that waits longest for its
 * turn: one paint a frame fits into it, two do not. When the window is `behind`, its frames belong to the focused tile.
 */
export function dueTiles(
  tiles: readonly PumpTile[],
  focusedId: number | null,
  now: number,
  behind = false,
): number[] {
  const due: number[] = []
  const interval = behind ? LONGEST_WAIT_MS : CALM_INTERVAL_MS
  let calm: PumpTile | null = null
  for (const tile of tiles) {
    if (!tile.waiting) continue
    if (tile.id === focusedId) due.push(tile.id)
    else if (now - tile.lastAt >= interval && (calm === null || tile.lastAt < calm.lastAt)) calm = tile
  }
  if (calm) due.push(calm.id)
  return due
}

/** When the next frame is wanted: 0 for the very next, else ms from `now` until a calm tile's turn; null for never. */
export function nextFrameIn(
  tiles: readonly PumpTile[],
  focusedId: number | null,
  now: number,
): number | null {
  let next: number | null = null
  for (const tile of tiles) {
    if (!tile.waiting) continue
    const wait = tile.id === focusedId ? 0 : Math.max(0, tile.lastAt + CALM_INTERVAL_MS - now)
    next = next === null ? wait : Math.min(next, wait)
  }
  return next
}
