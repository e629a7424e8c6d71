import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { Emulator, type EmulatorEvents, SCROLLBACK_LINES } from './emulator.ts'

/** With more waiting than this the terminal floods: a snapshot has little above the screen (0.5 ms instead of 10). */
const FLOOD_BYTES = 64 * 1024
/** A larger snapshot is drawn with fewer lines above the screen. */
const SNAPSHOT_BYTES = 1024 * 1024
/** Building an emulator takes 1 to 2 ms: first all programs that start together are started and their first bytes on the way. */
const BUILD_AFTER_MS = 5

export interface Screen {
  /** Place of the first byte that is not on it. */
  offset: number
  cols: number
  rows: number
  data: Uint8Array
  /** Resizes that it has gone through. */
  sizes: number
}

/**
 * The screen of one terminal from before its first byte until after its end: nothing, then an emulator, then the last
 * screen, packed. Who asks need not know which.
 */
export class SessionScreen {
  readonly #events: EmulatorEvents
  #cols: number
  #rows: number
  #emulator: Emulator | null = null
  /** What was written before there was an emulator. */
  #waiting: { bytes: Uint8Array; end: number }[] = []
  #waitingBytes = 0
  #building: NodeJS.Timeout | undefined
  /** Resizes before there was an emulator. */
  #sizes = 0
  #last: (Omit<Screen, 'data'> & { packed: Uint8Array }) | null = null

  constructor(cols: number, rows: number, events: EmulatorEvents) {
    this.#cols = cols
    this.#rows = rows
    this.#events = events
  }

  /** Bytes that are not drawn yet; the caller bounds them. */
  get queued(): number {
    return this.#waitingBytes + (this.#emulator?.queued ?? 0)
  }

  get bracketedPaste(): boolean {
    return this.#emulator?.bracketedPaste ?? false
  }

  /** As `Emulator.write`. */
  write(bytes: Uint8Array, end: number): void {
    if (this.#last) return
    if (this.#emulator) {
      this.#emulator.write(bytes, end)
      return
    }
    this.#waiting.push({ bytes, end })
    this.#waitingBytes += bytes.length
    this.#building ??= setTimeout(() => this.#build(), BUILD_AFTER_MS)
  }

  /** Takes its place between the bytes written before and after. */
  resize(cols: number, rows: number): void {
    if (this.#last) return
    if (this.#waiting.length > 0) this.#build()
    this.#cols = cols
    this.#rows = rows
    if (this.#emulator) this.#emulator.resize(cols, rows)
    else this.#sizes++
  }

  /** Resolves when everything up to now is drawn. */
  async settled(): Promise<void> {
    if (this.#waiting.length > 0) this.#build()
    await this.#emulator?.settled()
  }

  snapshot(): Screen {
    if (this.#last) {
      const { packed, ...rest } = this.#last
      return { ...rest, data: inflateRawSync(packed) }
    }
    const emulator = this.#emulator
    if (!emulator)
      return { offset: 0, cols: this.#cols, rows: this.#rows, data: new Uint8Array(0), sizes: this.#sizes }
    const sizes = this.#sizes + emulator.resizes
    // One screenful above at the least: a terminal that gets more rows takes them from there.
    const depths =
      emulator.queued <= FLOOD_BYTES
        ? [SCROLLBACK_LINES, SCROLLBACK_LINES / 10, emulator.rows]
        : [emulator.rows]
    for (const lines of depths) {
      const screen = emulator.snapshot(lines)
      if (screen.data.length <= SNAPSHOT_BYTES) return { ...screen, sizes }
    }
    return { ...emulator.snapshot(0), sizes }
  }

  /** The program has ended: keeps the screen as it is and lets the emulator go. */
  freeze(): void {
    clearTimeout(this.#building)
    const { data, ...rest } = this.snapshot()
    this.#last = { ...rest, packed: deflateRawSync(data, { level: 1 }) }
    this.#emulator?.dispose()
    this.#emulator = null
    this.#waiting = []
    this.#waitingBytes = 0
  }

  #build(): void {
    clearTimeout(this.#building)
    this.#building = undefined
    const emulator = new Emulator(this.#cols, this.#rows, 0, this.#events)
    this.#emulator = emulator
    for (const { bytes, end } of this.#waiting) emulator.write(bytes, end)
    this.#waiting = []
    this.#waitingBytes = 0
  }
}
