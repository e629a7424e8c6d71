/** Unfocused tiles paint this often: at 4 Hz sixteen busy tiles keep 60 frames a second, at 20 Hz half of that. */
export const CALM_INTERVAL_MS = 250

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
 * Which tiles write in the frame at `now`: the focused one always, of the others those whose turn has come, longest wait
 * first and at most `perFrame`, so that their paints spread over the frames instead of falling into one.
 */
export function dueTiles(
  tiles: readonly PumpTile[],
  focusedId: number | null,
  now: number,
  perFrame = 2,
): number[] {
  const due: number[] = []
  const calm: PumpTile[] = []
  for (const tile of tiles) {
    if (!tile.waiting) continue
    if (tile.id === focusedId) due.push(tile.id)
    else if (now - tile.lastAt >= CALM_INTERVAL_MS) calm.push(tile)
  }
  calm.sort((a, b) => a.lastAt - b.lastAt || a.id - b.id)
  for (const tile of calm.slice(0, perFrame)) due.push(tile.id)
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
