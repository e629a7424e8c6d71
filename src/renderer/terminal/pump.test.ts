import { describe, expect, test } from 'vitest'
import { OutputPump } from './output-pump.ts'
import { CALM_INTERVAL_MS, dueTiles, nextFrameIn, type PumpTile } from './pump-schedule.ts'

const tile = (id: number, lastAt = Number.NEGATIVE_INFINITY, waiting = true): PumpTile => ({
  id,
  lastAt,
  waiting,
})

/** Frames of 16 ms that run only when asked for, and a count of them. */
class Frames {
  now = 0
  frames = 0
  #frame: ((now: number) => void)[] = []
  #timers: { at: number; run: () => void }[] = []
  readonly clock = {
    now: () => this.now,
    frame: (run: (now: number) => void) => void this.#frame.push(run),
    later: (run: () => void, ms: number) => void this.#timers.push({ at: this.now + ms, run }),
  }

  run(ms: number): void {
    const until = this.now + ms
    while (this.now < until) {
      this.now += 16
      const due = this.#timers.filter((timer) => timer.at <= this.now)
      this.#timers = this.#timers.filter((timer) => timer.at > this.now)
      for (const timer of due) timer.run()
      const frame = this.#frame
      this.#frame = []
      if (frame.length > 0) this.frames += 1
      for (const run of frame) run(this.now)
    }
  }
}

class Source {
  left = 0
  flushes: number[] = []
  readonly #frames: Frames
  constructor(frames: Frames) {
    this.#frames = frames
  }
  waiting = () => this.left > 0
  flush = () => {
    this.left = 0
    this.flushes.push(this.#frames.now)
  }
}

describe('pump schedule', () => {
  test('the focused tile is due in every frame, others four times a second', () => {
    expect(dueTiles([tile(1, 990), tile(2, 990)], 1, 1000)).toEqual([1])
    expect(dueTiles([tile(1, 990), tile(2, 990)], 1, 990 + CALM_INTERVAL_MS)).toEqual([1, 2])
    expect(dueTiles([tile(1, 990, false)], 1, 1000)).toEqual([])
  })

  test('many calm tiles are spread: one in a frame, the longest wait first', () => {
    const tiles = [tile(1, 300), tile(2, 100), tile(3, 200), tile(4, 0)]
    expect(dueTiles(tiles, null, 2000)).toEqual([4])
  })

  test('in a window that is behind calm tiles wait, but not for ever', () => {
    expect(dueTiles([tile(1, 990), tile(2, 300)], 1, 1000, true)).toEqual([1])
    expect(dueTiles([tile(1, 990), tile(2, 300)], 1, 1300, true)).toEqual([1, 2])
  })

  test('nothing waiting wants no frame', () => {
    expect(nextFrameIn([tile(1, 0, false)], 1, 100)).toBeNull()
    expect(nextFrameIn([tile(1, 100)], null, 150)).toBe(CALM_INTERVAL_MS - 50)
    expect(nextFrameIn([tile(1, 100), tile(2, 100)], 2, 150)).toBe(0)
  })
})

describe('output pump', () => {
  test('one second of steady output: each frame for the focused one, about four writes for each other', () => {
    const frames = new Frames()
    const pump = new OutputPump(frames.clock)
    const sources = Array.from({ length: 8 }, () => new Source(frames))
    const ids = sources.map((source) => pump.add(source))
    pump.focus(ids[0] ?? null)
    for (let ms = 0; ms < 1024; ms += 16) {
      sources.forEach((source, index) => {
        source.left = 1
        pump.notify(ids[index] ?? 0)
      })
      frames.run(16)
    }
    expect(sources[0]?.flushes.length).toBeGreaterThan(60)
    for (const source of sources.slice(1)) {
      expect(source.flushes.length).toBeGreaterThanOrEqual(3)
      expect(source.flushes.length).toBeLessThanOrEqual(6)
    }
    const perFrame = new Map<number, number>()
    for (const source of sources.slice(1))
      for (const at of source.flushes) perFrame.set(at, (perFrame.get(at) ?? 0) + 1)
    expect(Math.max(...perFrame.values())).toBe(1)
  })

  test('what comes to the focused tile after a quiet frame is written at once, and nothing more within that frame', () => {
    const frames = new Frames()
    const pump = new OutputPump(frames.clock)
    const source = new Source(frames)
    const id = pump.add(source)
    pump.focus(id)
    frames.run(160)
    for (let piece = 0; piece < 5; piece++) {
      source.left = 1
      pump.notify(id)
    }
    expect(source.flushes).toEqual([160])
    expect(source.left).toBe(1)
    frames.run(16)
    expect(source.flushes).toEqual([160, 176])
    expect(source.left).toBe(0)
  })

  test('a quiet pump asks for no frame at all', () => {
    const frames = new Frames()
    const pump = new OutputPump(frames.clock)
    const source = new Source(frames)
    const id = pump.add(source)
    source.left = 1
    pump.notify(id)
    frames.run(400)
    expect(source.flushes).toHaveLength(1)
    const before = frames.frames
    frames.run(10_000)
    expect(frames.frames).toBe(before)
  })

  test('a calm tile that gets the focus does not wait for its turn', () => {
    const frames = new Frames()
    const pump = new OutputPump(frames.clock)
    const source = new Source(frames)
    const id = pump.add(source)
    source.left = 1
    pump.notify(id)
    frames.run(32)
    source.left = 1
    pump.notify(id)
    pump.focus(id)
    const asked = frames.now
    frames.run(64)
    expect((source.flushes.at(-1) ?? 0) - asked).toBeLessThanOrEqual(32)
  })
})
