import { offsetAt, pieceBefore, type ReplayTimeline, silenceEnds, sizeAt } from './replay-time.ts'

/** Where a recording comes from. */
export interface ReplaySource {
  /** Bytes from `offset` on: those at `start` (later than asked when they are gone), and `next`, where to go on. */
  read(offset: number): Promise<{ start: number; next: number; bytes: Uint8Array }>
  /** The screen once `offset` bytes were written, as output for a reset terminal. */
  screen(offset: number): Promise<{ offset: number; cols: number; rows: number; bytes: Uint8Array }>
}

/** Where a recording is drawn. */
export interface ReplayTarget {
  reset(cols: number, rows: number): void
  resize(cols: number, rows: number): void
  write(bytes: Uint8Array): Promise<void>
}

export interface ReplayState {
  /** Place in time, wall clock in ms. */
  at: number
  playing: boolean
  speed: number
  skipSilence: boolean
  /** Output is on its way to the screen. */
  drawing: boolean
  /** Why it cannot be shown, as one sentence. */
  problem: string | null
}

export const SPEEDS = [0.5, 1, 2, 4, 8, 16] as const

/** A jump forward beyond this asks for the screen there instead of for everything that was written on the way. */
const JUMP_BYTES = 512 * 1024
/** Silence that is shown before and after a skipped one. */
const BREATH_MS = 600

/** Plays a recording: time goes on by `tick`, and the screen follows, one step at a time, always to the newest wish. */
export class ReplayPlayer {
  #timeline: ReplayTimeline
  readonly #source: ReplaySource
  readonly #target: ReplayTarget
  readonly #listeners = new Set<() => void>()
  #state: ReplayState
  #page: { start: number; bytes: Uint8Array } = { start: 0, bytes: new Uint8Array() }
  /** Bytes that are on the screen; -1 when it has to be drawn anew. */
  #drawn = -1
  #wanted = 0
  #following = false
  #closed = false

  constructor(timeline: ReplayTimeline, source: ReplaySource, target: ReplayTarget) {
    this.#timeline = timeline
    this.#source = source
    this.#target = target
    this.#state = {
      at: timeline.start,
      playing: false,
      speed: 1,
      skipSilence: true,
      drawing: false,
      problem: null,
    }
  }

  readonly get = (): ReplayState => this.#state

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Goes to a moment; resolves when its screen is drawn or overtaken. */
  seek(at: number): Promise<void> {
    const bounded = Math.min(this.#timeline.end, Math.max(this.#timeline.start, at))
    this.#set({ at: bounded })
    return this.#follow(offsetAt(this.#timeline, bounded))
  }

  play(): void {
    if (this.#state.at >= this.#timeline.end) void this.seek(this.#timeline.start)
    this.#set({ playing: true })
  }

  pause(): void {
    this.#set({ playing: false })
  }

  setSpeed(speed: number): void {
    this.#set({ speed })
  }

  setSkipSilence(skipSilence: boolean): void {
    this.#set({ skipSilence })
  }

  /** A recording that still grows. */
  extend(timeline: ReplayTimeline): void {
    this.#timeline = timeline
  }

  /** Lets `ms` of the viewer's time pass. Time stands still while the screen is behind. */
  tick(ms: number): void {
    const { playing, speed, skipSilence, drawing, at } = this.#state
    if (!playing || drawing) return
    let next = at + ms * speed
    const goesOn = skipSilence ? silenceEnds(this.#timeline, next) : null
    if (goesOn !== null && goesOn - next > 2 * BREATH_MS) {
      const quiet = silenceEnds(this.#timeline, next - BREATH_MS)
      if (quiet === goesOn) next = goesOn - BREATH_MS
    }
    void this.seek(next)
    if (next >= this.#timeline.end) this.pause()
  }

  close(): void {
    this.#closed = true
    this.#listeners.clear()
  }

  async #follow(offset: number): Promise<void> {
    this.#wanted = offset
    if (this.#following || this.#closed) return
    if (this.#drawn === this.#wanted) return
    this.#following = true
    // Within a page that is here already it takes less than a frame: not worth a word.
    if (!this.#has(this.#wanted)) this.#set({ drawing: true })
    try {
      while (!this.#closed && this.#drawn !== this.#wanted) await this.#step(this.#wanted)
      if (this.#state.problem) this.#set({ problem: null })
    } catch (error) {
      this.#drawn = -1
      this.#set({ playing: false, problem: error instanceof Error ? error.message : String(error) })
    } finally {
      this.#following = false
      if (this.#state.drawing) this.#set({ drawing: false })
    }
  }

  #has(offset: number): boolean {
    const { start, bytes } = this.#page
    return this.#drawn >= start && offset >= this.#drawn && offset <= start + bytes.length
  }

  async #step(wanted: number): Promise<void> {
    if (this.#drawn < 0 || wanted < this.#drawn || wanted - this.#drawn > JUMP_BYTES) {
      await this.#jump(pieceBefore(this.#timeline, wanted))
      return
    }
    const { start, bytes } = this.#page
    const end = start + bytes.length
    if (this.#drawn < start || this.#drawn >= end) {
      const page = await this.#source.read(this.#drawn)
      if (this.#closed) return
      this.#page = page
      // A gap in the log, or its end: go on behind it.
      if (page.start > this.#drawn) this.#drawn = Math.min(wanted, page.start)
      else if (page.bytes.length === 0) this.#drawn = wanted
      return
    }
    const resizes = this.#timeline.sizes.find((size) => size.offset > this.#drawn)
    const to = Math.min(wanted, end, resizes?.offset ?? wanted)
    const piece = bytes.subarray(this.#drawn - start, to - start)
    this.#drawn = to
    await this.#target.write(piece)
    if (this.#closed || resizes?.offset !== to) return
    const size = sizeAt(this.#timeline, to)
    this.#target.resize(size.cols, size.rows)
  }

  async #jump(offset: number): Promise<void> {
    if (offset === 0) {
      const size = sizeAt(this.#timeline, 0)
      this.#target.reset(size.cols, size.rows)
      this.#drawn = 0
      return
    }
    const screen = await this.#source.screen(offset)
    if (this.#closed) return
    this.#target.reset(screen.cols, screen.rows)
    this.#drawn = screen.offset
    await this.#target.write(screen.bytes)
  }

  #set(change: Partial<ReplayState>): void {
    if (this.#closed) return
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}
