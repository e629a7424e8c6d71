import {
  calmIntervalAt,
  dueCalm,
  FRAME_MS,
  nextTurnIn,
  type PumpTile,
  restAfter,
  type Typing,
} from './pump-schedule.ts'

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

/** What was written is drawn in the next frame; a program that holds its screen back (DEC 2026) must not hold the others. */
const DRAWN_AFTER_MS = 100

/**
 * Decides when each terminal writes. The count of paints is what costs, not the bytes: the focused tile writes once a frame at
 * most, the others one after the other, each when the one before it is drawn and no key waits for its echo. Nothing waiting
 * means no frame and no timer. What comes to the focused tile after a frame of quiet, such as the echo of a key, is written
 * at once: xterm.js draws in the next frame anyway, and waiting for one here would make that the one after.
 */
export class OutputPump {
  readonly #clock: FrameClock
  readonly #entries = new Map<number, Entry>()
  #focused: number | null = null
  #nextId = 1
  #frameAsked = false
  /** The next turn of a calm tile is on its way; for when. */
  #turnAt: number | null = null
  #turn = 0
  /** The calm tile that has written and is not drawn yet. */
  #drawing: number | null = null
  /** Calm tiles rest until then. */
  #restUntil = Number.NEGATIVE_INFINITY
  #typing: Typing | null = null
  /** The focused terminal has written since the last key. */
  #answered = false

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
    if (this.#focused === id) this.focus(null)
    if (this.#drawing === id) this.#endTurn()
  }

  focus(id: number | null): void {
    this.#focused = id
    // A key that was typed elsewhere is not answered here.
    this.#typing = null
    const entry = id === null ? null : this.#entries.get(id)
    if (entry?.waiting) this.#askFrame()
    this.#askTurn()
  }

  /** Something waits at this source. */
  notify(id: number): void {
    const entry = this.#entries.get(id)
    if (!entry || entry.waiting) return
    const now = this.#clock.now()
    if (id !== this.#focused) {
      entry.waiting = true
      this.#askTurn()
      return
    }
    if (now - entry.lastAt >= FRAME_MS) this.#flush(entry, now)
    else entry.waiting = true
    if (entry.waiting) this.#askFrame()
  }

  /** The engineer typed into the focused terminal: until what it answers is drawn, the others wait. */
  typed(): void {
    this.#typing = { keyAt: this.#clock.now(), echoed: false, turnTaken: false }
    this.#answered = false
  }

  /** The rows of this terminal have changed in the frame that is being made. */
  drawn(id: number): void {
    if (id === this.#drawing) {
      const mine = this.#turn
      // After the frame: laying out and painting it is most of what a turn costs.
      this.#clock.later(() => {
        if (mine === this.#turn && this.#drawing === id) this.#endTurn()
      }, 0)
    }
    if (id !== this.#focused || !this.#typing || !this.#answered || this.#typing.echoed) return
    this.#typing.echoed = true
    this.#askTurn()
  }

  #flush(entry: Entry, now: number): void {
    entry.lastAt = now
    if (entry.id === this.#focused) this.#answered = true
    entry.source.flush()
    entry.waiting = entry.source.waiting()
  }

  #askFrame(): void {
    if (this.#frameAsked) return
    this.#frameAsked = true
    this.#clock.frame(() => {
      this.#frameAsked = false
      const entry = this.#focused === null ? null : this.#entries.get(this.#focused)
      if (!entry?.waiting) return
      this.#flush(entry, this.#clock.now())
      if (entry.waiting) this.#askFrame()
    })
  }

  #askTurn(leastMs = 0): void {
    if (this.#drawing !== null) return
    const now = this.#clock.now()
    const rest = Math.max(leastMs, this.#restUntil - now)
    const next = nextTurnIn(this.#entries.values(), this.#focused, now, this.#typing)
    if (next === null) return
    const wait = Math.max(rest, next)
    const at = now + wait
    // An earlier turn finds this one's work too, when it looks again.
    if (this.#turnAt !== null && this.#turnAt <= at) return
    this.#turnAt = at
    this.#turn += 1
    const mine = this.#turn
    // Not in an animation frame: xterm.js parses after it and would draw in the one after that.
    this.#clock.later(() => {
      if (mine === this.#turn) this.#takeTurn()
    }, wait)
  }

  #takeTurn(): void {
    const now = this.#clock.now()
    // The window is behind: what is drawn takes longer than there is time, and its frames belong to the focused tile.
    const late = this.#turnAt !== null && now - this.#turnAt > 2 * FRAME_MS
    this.#turnAt = null
    const interval = calmIntervalAt(now, this.#typing, late)
    const id = dueCalm(this.#entries.values(), this.#focused, now, interval)
    const entry = id === null ? null : this.#entries.get(id)
    if (!entry) {
      this.#askTurn(late ? FRAME_MS : 0)
      return
    }
    if (this.#typing?.echoed) this.#typing.turnTaken = true
    this.#drawing = entry.id
    this.#turn += 1
    const mine = this.#turn
    this.#flush(entry, now)
    this.#clock.later(() => {
      if (mine === this.#turn && this.#drawing !== null) this.#endTurn()
    }, DRAWN_AFTER_MS)
  }

  #endTurn(): void {
    const entry = this.#drawing === null ? null : this.#entries.get(this.#drawing)
    this.#drawing = null
    const now = this.#clock.now()
    this.#restUntil = entry ? now + restAfter(now - entry.lastAt) : now
    this.#askTurn()
  }
}

/** The window's own frames and timers. */
export const windowClock: FrameClock = {
  now: () => performance.now(),
  frame: (run) => void requestAnimationFrame(run),
  // Rounded up: a timer that comes a part of a millisecond early finds nothing due and is set again.
  later: (run, ms) => void setTimeout(run, Math.ceil(ms)),
}
