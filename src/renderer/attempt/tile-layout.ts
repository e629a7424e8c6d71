/** Where one tile stands: column, row and how many of each it covers. */
export interface TilePlace {
  column: number
  row: number
  columnSpan: number
}

export interface TileLayout {
  /** Names the layout: sizes are remembered for each. */
  id: string
  columns: number
  rows: number
  places: TilePlace[]
}

/** A terminal below this is hard to read; above it more is of less use. */
const GOOD_WIDTH_PX = 640
const GOOD_HEIGHT_PX = 380
/** Head and foot of a tile. */
const CHROME_PX = 92
/** Below this the head of a tile cannot say who it is. */
const MIN_WIDTH_PX = 230
/** Width by height of a pleasant tile: a little wider than high, since lines beyond a hundred columns are rare. */
const GOOD_ASPECT = 1.1

/** How readable tiles of this size are, 0 to 1; width counts more, because a short line wraps and a short screen scrolls. */
function worth(width: number, height: number): number {
  const wide = Math.min(1, width / GOOD_WIDTH_PX)
  const high = Math.min(1, Math.max(0, height - CHROME_PX) / (GOOD_HEIGHT_PX - CHROME_PX))
  // Between layouts that are all large enough the shape decides.
  const shape = 1 - 0.08 * Math.abs(Math.log(width / height / GOOD_ASPECT))
  return wide ** 1.6 * high * shape
}

/**
 * The grid for `count` tiles in a place of `width`×`height` px: the columns that keep the smallest tile most readable.
 * When the last row is not full, its last tile takes what is left.
 */
export function tileLayout(count: number, width: number, height: number): TileLayout {
  let best: { columns: number; worth: number } | null = null
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns)
    // A last row that is nearly empty wastes what the others lack.
    if (columns * rows - count >= columns) continue
    if (columns > 1 && width / columns < MIN_WIDTH_PX) break
    const filled = count / (columns * rows)
    const value = worth(width / columns, height / rows) * (0.75 + 0.25 * filled)
    if (!best || value > best.worth + 1e-9) best = { columns, worth: value }
  }
  const columns = best?.columns ?? 1
  const rows = Math.max(1, Math.ceil(count / columns))
  const places: TilePlace[] = []
  for (let i = 0; i < count; i++) {
    const column = i % columns
    const last = i === count - 1
    places.push({ column, row: Math.floor(i / columns), columnSpan: last ? columns - column : 1 })
  }
  return { id: `${count}@${columns}x${rows}`, columns, rows, places }
}

/** The pieces of the line between column `column - 1` and `column`: rows in a row where no tile covers both sides. */
export function columnLines(layout: TileLayout, column: number): { row: number; rowSpan: number }[] {
  const lines: { row: number; rowSpan: number }[] = []
  for (let row = 0; row < layout.rows; row++) {
    const covered = layout.places.some(
      (place) => place.row === row && place.column < column && place.column + place.columnSpan > column,
    )
    if (covered) continue
    const last = lines.at(-1)
    if (last && last.row + last.rowSpan === row) last.rowSpan += 1
    else lines.push({ row, rowSpan: 1 })
  }
  return lines
}
