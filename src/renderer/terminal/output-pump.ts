import { dueTiles, FRAME_MS, nextFrameIn, type PumpTile } from './pump-schedule.ts'

/** One terminal that wants to write. */
export interface PumpSource {
  /** Something waits. */
  waiting(): boolean
  /** Writes what waits, once, now. */
  flush(): void
}

interface Entry extends PumpTile {
  source: PumpSource
}

/** Where frames and timers come from; a window in the app. */
export interface FrameClock {
  now(): number
  frame(run: (now: number) => void): void
  later(run: () => void, ms: number): void
}

/**
 * Decides in which animation frame each terminal writes. The count of paints is what costs, not the bytes: so one write
 * per frame at most, every frame only for the focused tile. Nothing waiting means no frame and no timer. What comes to the
 * focused tile after a frame of quiet, such as the echo of a key, is written at once: xterm.js draws in the next frame
 * anyway, and waiting for one here would make that the one after.
 */
export class OutputPump {
  readonly #clock: FrameClock
  readonly #entries = new Map<number, Entry>()
  #focused: number | null = null
  #nextId = 1
  /** A frame or a timer is on its way; `at` says for when. */
  #armedFor: number | null = null
  #generation = 0

  constructor(clock: FrameClock) {
    this.#clock = clock
  }

  add(source: PumpSource): number {
    const id = this.#nextId++
    this.#entries.set(id, { id, source, waiting: false, lastAt: Number.NEGATIVE_INFINITY })
    return id
  }

  remove(id: number): void {
    this.#entries.delete(id)
    if (this.#focused === id) this.#focused = null
  }

  focus(id: number | null): void {
    this.#focused = id
    this.#arm()
  }

  /** Something waits at this source. */
  notify(id: number): void {
    const entry = this.#entries.get(id)
    if (!entry || entry.waiting) return
    const now = this.#clock.now()
    if (id === this.#focused && now - entry.lastAt >= FRAME_MS) this.#flush(entry, now)
    else entry.waiting = true
    if (entry.waiting) this.#arm()
  }

  #flush(entry: Entry, now: number): void {
    entry.lastAt = now
    entry.source.flush()
    entry.waiting = entry.source.waiting()
  }

  #arm(): void {
    const now = this.#clock.now()
    const wait = nextFrameIn([...this.#entries.values()], this.#focused, now)
    if (wait === null) return
    const at = now + wait
    // An earlier wake-up finds this one's work too, when it looks again.
    if (this.#armedFor !== null && this.#armedFor <= at) return
    this.#armedFor = at
    this.#generation += 1
    const mine = this.#generation
    const onFrame = (time: number) => {
      if (mine === this.#generation) this.#run(time)
    }
    if (wait <= 16) this.#clock.frame(onFrame)
    else this.#clock.later(() => mine === this.#generation && this.#clock.frame(onFrame), wait)
  }

  #run(frameTime: number): void {
    const now = Math.max(frameTime, this.#clock.now())
    // More than a frame after the one that was asked for: what is drawn takes longer than there is time.
    const behind = this.#armedFor !== null && now - this.#armedFor > 2 * FRAME_MS
    this.#armedFor = null
    for (const id of dueTiles([...this.#entries.values()], this.#focused, now, behind)) {
      const entry = this.#entries.get(id)
      if (entry) this.#flush(entry, now)
    }
    this.#arm()
  }
}

/** The window's own frames and timers. */
export const windowClock: FrameClock = {
  now: () => performance.now(),
  frame: (run) => void requestAnimationFrame(run),
  later: (run, ms) => void setTimeout(run, ms),
}
