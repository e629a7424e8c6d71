import headlessModule from '@xterm/headless'
import { describe, expect, test } from 'vitest'
import { OldestLine } from './oldest-line.ts'

const ROWS = 5
const SCROLLBACK = 20

function tile() {
  const term = new headlessModule.Terminal({
    cols: 20,
    rows: ROWS,
    scrollback: SCROLLBACK,
    allowProposedApi: true,
  })
  const told: boolean[] = []
  const oldest = new OldestLine(term, () => told.push(oldest.shown))
  const write = (text: string) => new Promise<void>((done) => term.write(text, done))
  const lines = (from: number, to: number) =>
    write(Array.from({ length: to - from }, (_, i) => `line ${from + i}\r\n`).join(''))
  return { term, oldest, told, write, lines }
}

describe('the oldest line of a tile', () => {
  test('is said when it comes into view, and only where more was written before it', async () => {
    const { term, oldest, told, lines } = tile()
    oldest.begins(1, 0)
    await lines(0, 12)
    term.scrollToTop()
    expect(oldest.shown).toBe(false)
    term.scrollToBottom()
    await lines(12, 60)
    expect(oldest.shown).toBe(false)
    term.scrollToTop()
    expect(oldest.shown).toBe(true)
    term.scrollLines(1)
    expect(told).toEqual([true, false])
  })

  test('is the first of a snapshot, or of a run after others; never of a screen without lines above', async () => {
    for (const [epoch, offset] of [
      [1, 70_000],
      [2, 0],
    ] as const) {
      const { term, oldest, lines, write } = tile()
      oldest.begins(epoch, offset)
      await lines(0, 3)
      expect(oldest.shown).toBe(false)
      await lines(3, 10)
      term.scrollToTop()
      expect(oldest.shown).toBe(true)
      term.scrollToBottom()
      await write('\u001b[?1049h')
      term.scrollToTop()
      expect(oldest.shown).toBe(false)
    }
  })

  test('names its place by three whole lines, without the end of one whose beginning is gone', async () => {
    const { oldest, write } = tile()
    // Twenty-five rows are kept: the first of them is the second half of a wrapped line.
    await write(`${'x'.repeat(30)}\r\n\r\n${'y'.repeat(25)}\r\n  three  \r\nfour\r\n`)
    expect(oldest.lines()).toEqual(['x'.repeat(30), 'y'.repeat(25), 'three'])
    await write('\r\n'.repeat(19))
    expect(oldest.lines()).toEqual(['y'.repeat(25), 'three', 'four'])
  })
})
