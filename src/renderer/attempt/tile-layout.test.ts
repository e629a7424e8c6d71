import { describe, expect, test } from 'vitest'
import { columnLines, tileLayout } from './tile-layout.ts'

/** The middle of the window at 1280×800 and at 2560×1440. */
const SMALL = [762, 700] as const
const LARGE = [2030, 1340] as const

describe('tile layout', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('%i tiles cover the grid exactly once', (count) => {
    for (const [width, height] of [SMALL, LARGE, [3400, 700], [500, 1500]] as const) {
      const layout = tileLayout(count, width, height)
      const covered = new Set<string>()
      for (const place of layout.places)
        for (let column = place.column; column < place.column + place.columnSpan; column++) {
          const cell = `${column},${place.row}`
          expect(covered.has(cell), `${layout.id}: ${cell} twice`).toBe(false)
          covered.add(cell)
        }
      expect(layout.places).toHaveLength(count)
      expect(covered.size).toBe(layout.columns * layout.rows)
    }
  })

  test('the usual counts lie as an engineer would lay them', () => {
    const shape = (count: number, [width, height]: readonly [number, number]) => {
      const { columns, rows } = tileLayout(count, width, height)
      return `${columns}x${rows}`
    }
    expect(shape(1, SMALL)).toBe('1x1')
    expect(shape(4, SMALL)).toBe('2x2')
    expect(shape(2, LARGE)).toBe('2x1')
    expect(shape(3, LARGE)).toBe('3x1')
    expect(shape(4, LARGE)).toBe('2x2')
    expect(shape(6, LARGE)).toBe('3x2')
    expect(shape(4, [3400, 700])).toBe('4x1')
    expect(shape(2, [500, 1500])).toBe('1x2')
  })

  test('no tile is too small to read at the smallest window', () => {
    for (let count = 1; count <= 8; count++) {
      const { columns, rows } = tileLayout(count, ...SMALL)
      expect(SMALL[0] / columns, `width of ${count}`).toBeGreaterThan(220)
      expect(SMALL[1] / rows, `height of ${count}`).toBeGreaterThan(150)
    }
  })

  test('a line between columns leaves out the rows where a tile covers both', () => {
    const five = tileLayout(5, 1800, 900)
    expect(five.columns).toBe(3)
    expect(columnLines(five, 1)).toEqual([{ row: 0, rowSpan: 2 }])
    expect(columnLines(five, 2)).toEqual([{ row: 0, rowSpan: 1 }])
  })
})
