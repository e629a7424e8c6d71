import { describe, expect, test } from 'vitest'
import { TestScreen } from '../pty-protocol/test-screen.ts'
import { SessionScreen } from './session-screen.ts'

const COLS = 40
const ROWS = 10

const lines = (from: number, to: number) =>
  Buffer.from(Array.from({ length: to - from }, (_, i) => `line ${from + i}\r\n`).join(''))

describe('the screen of a session', () => {
  test('is known before its first byte, between that and its emulator, and after its end', async () => {
    const screen = new SessionScreen(COLS, ROWS, {})
    expect(screen.snapshot()).toEqual({
      offset: 0,
      cols: COLS,
      rows: ROWS,
      data: new Uint8Array(0),
      sizes: 0,
    })
    screen.resize(30, 5)
    expect(screen.snapshot()).toMatchObject({ cols: 30, rows: 5, sizes: 1 })
    screen.write(Buffer.from('early'), 5)
    // Not drawn yet: whoever attaches now gets the bytes themselves.
    expect(screen.snapshot()).toMatchObject({ offset: 0, sizes: 1 })
    expect(screen.queued).toBe(5)
    screen.resize(COLS, ROWS)
    await screen.settled()
    expect(screen.queued).toBe(0)
    const live = screen.snapshot()
    expect(live).toMatchObject({ offset: 5, cols: COLS, rows: ROWS, sizes: 2 })
    expect(Buffer.from(live.data).toString()).toContain('early')
    screen.freeze()
    expect(screen.snapshot()).toEqual({ ...live, data: Buffer.from(live.data) })
    screen.write(Buffer.from('late'), 9)
    expect(screen.snapshot().offset).toBe(5)
  })

  test('ends as it began when nothing was ever written', () => {
    const screen = new SessionScreen(COLS, ROWS, {})
    screen.freeze()
    expect(screen.snapshot()).toMatchObject({ offset: 0, cols: COLS, rows: ROWS, sizes: 0 })
    expect(screen.snapshot().data).toHaveLength(0)
  })

  test('has a screenful above itself even in a flood, so that a taller one shows the right lines', async () => {
    const screen = new SessionScreen(COLS, ROWS, {})
    const before = lines(0, 500)
    screen.write(before, before.length)
    await screen.settled()
    const full = screen.snapshot()
    const flood = lines(500, 20_000)
    screen.write(flood, before.length + flood.length)
    const shallow = screen.snapshot()
    expect(shallow.offset).toBe(full.offset)
    expect(shallow.data.length).toBeLessThan(full.data.length / 5)
    const shown = async (data: Uint8Array) => {
      const viewer = new TestScreen(COLS, ROWS, true)
      await viewer.write(data)
      viewer.resize(COLS, 2 * ROWS)
      return viewer.describe(0)
    }
    expect(await shown(shallow.data)).toEqual(await shown(full.data))
    await screen.settled()
    screen.freeze()
  })
})
