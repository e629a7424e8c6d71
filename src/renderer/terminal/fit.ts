export interface Grid {
  cols: number
  rows: number
}

export interface Cell {
  width: number
  height: number
}

/** A terminal narrower or lower than this shows nothing that is of use, and programs break their layout. */
const MIN_COLS = 20
const MIN_ROWS = 4
const MAX_COLS = 500
const MAX_ROWS = 200
/** Keeps the last column free of xterm's scroll bar. */
export const SCROLLBAR_PX = 10

/**
 * The grid that fits into `width`×`height` px; null when the place or the cell has no size (a hidden tile must not
 * resize its program to nothing).
 */
export function fitGrid(width: number, height: number, cell: Cell | null): Grid | null {
  if (!cell || cell.width <= 0 || cell.height <= 0 || width <= 0 || height <= 0) return null
  const clamp = (value: number, min: number, max: number) => Math.min(max, Math.max(min, Math.floor(value)))
  return {
    cols: clamp((width - SCROLLBAR_PX) / cell.width, MIN_COLS, MAX_COLS),
    rows: clamp(height / cell.height, MIN_ROWS, MAX_ROWS),
  }
}

/** Runs at once, and once more after things were calm for `ms`: a drag resizes at its start and at its end. */
export function leadingAndTrailing(run: () => void, ms: number): { (): void; cancel(): void } {
  let timer: ReturnType<typeof setTimeout> | null = null
  let again = false
  const settle = () => {
    timer = null
    if (again) run()
    again = false
  }
  const call = () => {
    if (timer === null) run()
    else {
      clearTimeout(timer)
      again = true
    }
    timer = setTimeout(settle, ms)
  }
  call.cancel = () => {
    if (timer) clearTimeout(timer)
    timer = null
    again = false
  }
  return call
}
