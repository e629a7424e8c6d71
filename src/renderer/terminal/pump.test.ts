import { describe, expect, test } from 'vitest'
import { OutputPump } from './output-pump.ts'
import {
  CALM_INTERVAL_MS,
  calmIntervalAt,
  dueCalm,
  ECHO_MS,
  LONGEST_HOLD_MS,
  nextTurnIn,
  type PumpTile,
  restAfter,
} from './pump-schedule.ts'

const tile = (id: number, lastAt = Number.NEGATIVE_INFINITY, waiting = true): PumpTile => ({
  id,
  lastAt,
  waiting,
})

/** A window: frames of 16 ms that run only when asked for, and a count of them. What was written is drawn in the next one. */
class Frames {
  now = 0
  frames = 0
  /** How long a frame takes; longer than 16 ms on a machine that has other things to do. */
  frameMs = 16
  /** Timers that were set. */
  timers = 0
  /** Ids in the order of their drawing, by frame. */
  readonly drawn: { at: number; ids: number[] }[] = []
  #written = new Set<number>()
  pump: OutputPump | null = null
  #frame: ((now: number) => void)[] = []
  #timers: { at: number; run: () => void }[] = []
  readonly clock = {
    now: () => this.now,
    frame: (run: (now: number) => void) => void this.#frame.push(run),
    later: (run: () => void, ms: number) => {
      this.timers += 1
      this.#timers.push({ at: this.now + ms, run })
    },
  }

  wrote(id: number): void {
    this.#written.add(id)
  }

  run(ms: number): void {
    const until = this.now + ms
    while (this.now < until) {
      this.now += this.frameMs
      const due = this.#timers.filter((timer) => timer.at <= this.now)
      this.#timers = this.#timers.filter((timer) => timer.at > this.now)
      for (const timer of due) timer.run()
      const frame = this.#frame
      this.#frame = []
      if (frame.length > 0) this.frames += 1
      for (const run of frame) run(this.now)
      const ids = [...this.#written]
      this.#written.clear()
      if (ids.length > 0) this.drawn.push({ at: this.now, ids })
      for (const id of ids) this.pump?.drawn(id)
    }
  }
}

class Source {
  left = 0
  /** Bytes that were written. */
  written = 0
  flushes: number[] = []
  id = 0
  readonly #frames: Frames
  constructor(frames: Frames) {
    this.#frames = frames
  }
  waiting = () => this.left > 0
  flush = () => {
    this.written += this.left
    this.left = 0
    this.flushes.push(this.#frames.now)
    this.#frames.wrote(this.id)
  }
}

/** `count` terminals in one window, the first of them focused. */
function windowOf(count: number) {
  const frames = new Frames()
  const pump = new OutputPump(frames.clock)
  frames.pump = pump
  const sources = Array.from({ length: count }, () => new Source(frames))
  for (const source of sources) source.id = pump.add(source)
  const [focused, ...others] = sources
  if (!focused) throw new Error('no terminal')
  pump.focus(focused.id)
  const output = (source: Source, bytes = 1) => {
    source.left += bytes
    pump.notify(source.id)
  }
  /** One frame in which every other tile writes. */
  const busyFrame = () => {
    for (const source of others) output(source)
    frames.run(16)
  }
  return { frames, pump, focused, others, output, busyFrame }
}

describe('pump schedule', () => {
  test('of those whose rest is over the one that waits longest has its turn; the focused one takes none', () => {
    expect(dueCalm([tile(1, 300), tile(2, 100), tile(3, 200), tile(4, 0)], null, 2000, 250)).toBe(4)
    expect(dueCalm([tile(1, 990), tile(2, 990)], 1, 1000, 250)).toBeNull()
    expect(dueCalm([tile(1, 0), tile(2, 750)], 1, 1000, 250)).toBe(2)
    expect(dueCalm([tile(2, 0, false)], 1, 1000, 250)).toBeNull()
  })

  test('a key without echo holds for a moment, an echo gives one turn, and then typing holds', () => {
    const key = { keyAt: 1000, echoed: false, turnTaken: false }
    expect(calmIntervalAt(1000, null, false)).toBe(CALM_INTERVAL_MS)
    expect(calmIntervalAt(1000, key, false)).toBe(LONGEST_HOLD_MS)
    expect(calmIntervalAt(1000 + ECHO_MS, key, false)).toBe(CALM_INTERVAL_MS)
    expect(calmIntervalAt(1010, { ...key, echoed: true }, false)).toBe(CALM_INTERVAL_MS)
    expect(calmIntervalAt(1010, { ...key, echoed: true, turnTaken: true }, false)).toBe(LONGEST_HOLD_MS)
    expect(calmIntervalAt(1150, { ...key, echoed: true, turnTaken: true }, false)).toBe(CALM_INTERVAL_MS)
  })

  test('nothing waiting wants no turn; a held tile has its turn at the end of the hold at the latest', () => {
    expect(nextTurnIn([tile(1, 0, false)], null, 100, null)).toBeNull()
    expect(nextTurnIn([tile(1, 0)], 1, 100, null)).toBeNull()
    expect(nextTurnIn([tile(1, 100)], null, 150, null)).toBe(CALM_INTERVAL_MS - 50)
    const key = { keyAt: 1000, echoed: false, turnTaken: false }
    expect(nextTurnIn([tile(1, 700)], null, 1000, key)).toBe(ECHO_MS)
    expect(nextTurnIn([tile(1, 990)], null, 1000, key)).toBe(CALM_INTERVAL_MS - 10)
    expect(nextTurnIn([tile(1, 505)], null, 1000, key)).toBe(5)
  })
})

describe('output pump', () => {
  test('one second of steady output: each frame for the focused one, about four writes for each other, one a frame', () => {
    const { frames, focused, others, output, busyFrame } = windowOf(8)
    for (let ms = 0; ms < 1024; ms += 16) {
      output(focused)
      busyFrame()
    }
    expect(focused.flushes.length).toBeGreaterThan(60)
    for (const source of others) {
      expect(source.flushes.length).toBeGreaterThanOrEqual(3)
      expect(source.flushes.length).toBeLessThanOrEqual(6)
    }
    const together = frames.drawn.map(({ ids }) => ids.filter((id) => id !== focused.id).length)
    expect(Math.max(...together)).toBe(1)
  })

  test('what comes to the focused tile after a quiet frame is written at once, and nothing more within that frame', () => {
    const { frames, focused, output } = windowOf(1)
    frames.run(160)
    for (let piece = 0; piece < 5; piece++) output(focused)
    expect(focused.flushes).toEqual([160])
    expect(focused.left).toBe(4)
    frames.run(16)
    expect(focused.flushes).toEqual([160, 176])
    expect(focused.left).toBe(0)
  })

  test('a quiet pump asks for no frame and no timer', () => {
    const { frames, others, output } = windowOf(2)
    output(others[0] as Source)
    frames.run(400)
    expect(others[0]?.flushes).toHaveLength(1)
    const before = [frames.frames, frames.timers]
    frames.run(10_000)
    expect([frames.frames, frames.timers]).toEqual(before)
  })

  test('a calm tile that gets the focus does not wait for its turn', () => {
    const { frames, pump, others, output } = windowOf(2)
    const [other] = others as [Source]
    output(other)
    frames.run(32)
    output(other)
    pump.focus(other.id)
    const asked = frames.now
    frames.run(64)
    expect((other.flushes.at(-1) ?? 0) - asked).toBeLessThanOrEqual(32)
  })

  test('a calm tile that is drawn late keeps the next one waiting, and one that is never drawn does not for long', () => {
    const { frames, others, output } = windowOf(3)
    frames.pump = null
    const [first, second] = others as [Source, Source]
    output(first)
    output(second)
    frames.run(32)
    expect([first.flushes.length, second.flushes.length]).toEqual([1, 0])
    frames.run(224)
    expect(second.flushes.length).toBe(1)
  })
})

describe('in a window that is slow', () => {
  test('a turn that took long is followed by a rest, a swift one is not', () => {
    expect(restAfter(20)).toBe(0)
    expect(restAfter(60)).toBeGreaterThan(30)
    expect(restAfter(2_000)).toBe(100)
  })

  test('calm tiles paint less often, each still has its turn, and the focused one paints in every frame', () => {
    const turnsIn = (frameMs: number) => {
      const { frames, focused, others, output } = windowOf(8)
      frames.frameMs = frameMs
      let frameCount = 0
      for (; frames.now < 6_000; frameCount++) {
        output(focused)
        for (const source of others) output(source)
        frames.run(frameMs)
      }
      expect(focused.flushes.length).toBeGreaterThanOrEqual(frameCount - 1)
      for (const source of others) expect(source.flushes.length).toBeGreaterThanOrEqual(3)
      return others.reduce((sum, source) => sum + source.flushes.length, 0) / frameCount
    }
    // Turns for each frame that there is: of few frames the smaller part.
    expect(turnsIn(50)).toBeLessThan(turnsIn(16) * 0.8)
  })
})

describe('while the engineer types', () => {
  test('no other tile is drawn from a key to its echo, and the echo is written when it comes', () => {
    const { frames, pump, focused, others, output, busyFrame } = windowOf(4)
    for (let i = 0; i < 32; i++) busyFrame()
    let between = 0
    for (let key = 0; key < 30; key++) {
      pump.typed()
      const pressed = frames.now
      const turns = others.reduce((sum, source) => sum + source.flushes.length, 0)
      busyFrame()
      output(focused)
      expect(focused.flushes.at(-1)).toBe(frames.now)
      frames.run(16)
      expect(frames.drawn.find(({ at, ids }) => at > pressed && ids.includes(focused.id))?.at).toBe(
        pressed + 32,
      )
      between += others.reduce((sum, source) => sum + source.flushes.length, 0) - turns
      for (let i = 0; i < 2; i++) busyFrame()
    }
    expect(between).toBe(0)
  })

  test('every echo gives one of them its turn, so that none falls behind', () => {
    const { frames, pump, focused, others, output, busyFrame } = windowOf(8)
    for (let i = 0; i < 32; i++) busyFrame()
    const since = frames.now
    while (frames.now < since + 3_000) {
      pump.typed()
      output(focused)
      for (let i = 0; i < 3; i++) busyFrame()
    }
    for (const source of others) {
      const times = source.flushes.filter((at) => at >= since)
      const gaps = times.map((at, i) => at - (times[i - 1] ?? since))
      expect(Math.max(...gaps)).toBeLessThanOrEqual(LONGEST_HOLD_MS + 64)
    }
  })

  test('keys that are never answered hold the others for half a second at most', () => {
    const { frames, pump, others, busyFrame } = windowOf(3)
    for (let i = 0; i < 32; i++) busyFrame()
    const since = frames.now
    while (frames.now < since + 3_000) {
      pump.typed()
      busyFrame()
    }
    for (const source of others) {
      const times = [since, ...source.flushes.filter((at) => at >= since)]
      const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0))
      expect(gaps.length).toBeGreaterThanOrEqual(5)
      expect(Math.max(...gaps)).toBeLessThanOrEqual(LONGEST_HOLD_MS + 48)
    }
  })

  test('what was held is written whole once typing ends', () => {
    const { frames, pump, focused, others, output } = windowOf(2)
    const [other] = others as [Source]
    output(other, 10)
    frames.run(32)
    pump.typed()
    for (let i = 0; i < 5; i++) output(other, 7)
    frames.run(64)
    expect(other.written).toBe(10)
    output(focused)
    frames.run(300)
    expect(other.written).toBe(45)
    expect(other.left).toBe(0)
  })
})
