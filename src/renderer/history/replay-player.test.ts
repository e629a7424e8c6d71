import { describe, expect, test } from 'vitest'
import { ReplayPlayer, type ReplaySource } from './replay-player.ts'
import { replayTimeline } from './replay-time.ts'

const PAGE = 64
const TEXT = Array.from({ length: 300 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('')
const BYTES = new TextEncoder().encode(TEXT)

/** Output at 0–1 s, silence of a minute, output again; wider from byte 50 on. */
function recording() {
  const timeline = replayTimeline(
    [
      { kind: 'open', at: 0, offset: 0, cols: 80, rows: 24 },
      { kind: 'time', at: 0, offset: 0 },
      { kind: 'size', at: 500, offset: 50, cols: 100, rows: 30 },
      { kind: 'time', at: 60_000, offset: 100 },
      { kind: 'exit', at: 61_000, offset: 300 },
    ],
    BYTES.length,
  )
  if (!timeline) throw new Error('no timeline')
  const asked: string[] = []
  const source: ReplaySource = {
    read: async (offset) => {
      asked.push(`read ${offset}`)
      const bytes = BYTES.slice(offset, offset + PAGE)
      return { start: offset, next: offset + bytes.length, bytes }
    },
    screen: async (offset) => {
      asked.push(`screen ${offset}`)
      return { offset, cols: 100, rows: 30, bytes: BYTES.slice(0, offset) }
    },
  }
  const shown = { text: '', size: '' }
  const player = new ReplayPlayer(timeline, source, {
    reset: (cols, rows) => {
      shown.text = ''
      shown.size = `${cols}x${rows}`
    },
    resize: (cols, rows) => {
      shown.size = `${cols}x${rows}`
    },
    write: async (bytes) => {
      shown.text += new TextDecoder().decode(bytes)
    },
  })
  return { player, shown, asked }
}

describe('a replay', () => {
  test('shows exactly what was written until then, forward and back, in the size of then', async () => {
    const { player, shown } = recording()
    await player.seek(250)
    expect(shown).toEqual({ text: TEXT.slice(0, 25), size: '80x24' })
    await player.seek(61_000)
    expect(shown).toEqual({ text: TEXT, size: '100x30' })
    await player.seek(60_500)
    expect(shown).toEqual({ text: TEXT.slice(0, 200), size: '100x30' })
    await player.seek(-5)
    expect(shown).toEqual({ text: '', size: '80x24' })
    expect(player.get().at).toBe(0)
  })

  test('goes to the newest of many wishes and tells when it is there', async () => {
    const { player, shown } = recording()
    const first = player.seek(100)
    for (const at of [900, 61_000, 300, 60_250]) void player.seek(at)
    await first
    expect(shown.text).toBe(TEXT.slice(0, 150))
    expect(player.get()).toMatchObject({ at: 60_250, drawing: false })
  })

  test('reads a page once, and asks for a screen only to go back', async () => {
    const { player, asked } = recording()
    for (let at = 0; at <= 600; at += 10) await player.seek(at)
    expect(asked).toEqual(['read 0'])
    await player.seek(60_900)
    await player.seek(60_100)
    expect(asked.filter((what) => what.startsWith('screen'))).toEqual(['screen 100'])
  })

  test('passes over silence when it shall, and stops at its end', async () => {
    const { player, shown } = recording()
    player.play()
    let ticks = 0
    while (player.get().playing && ticks < 1_000) {
      player.tick(50)
      await player.seek(player.get().at)
      ticks += 1
    }
    expect(shown.text).toBe(TEXT)
    expect(ticks).toBeLessThan(80)
    player.setSkipSilence(false)
    player.play()
    await player.seek(2_000)
    player.tick(1_000)
    expect(player.get().at).toBe(3_000)
  })

  test('says what went wrong and can go on after it', async () => {
    const { player, shown } = recording()
    const broken = new ReplayPlayer(
      { start: 0, end: 1_000, bytes: 9, points: [{ at: 0, offset: 0 }], sizes: [] },
      {
        read: () => Promise.reject(new Error('The core is away.')),
        screen: () => Promise.reject(new Error('x')),
      },
      { reset: () => {}, resize: () => {}, write: async () => {} },
    )
    broken.play()
    await broken.seek(1_000)
    expect(broken.get()).toMatchObject({ playing: false, problem: 'The core is away.', drawing: false })
    await player.seek(100)
    expect(shown.text).toBe(TEXT.slice(0, 10))
  })
})
