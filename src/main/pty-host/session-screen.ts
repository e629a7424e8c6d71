import { promisify } from 'node:util'
import { inflateRaw } from 'node:zlib'
import type { ByteRing } from '../kernel/byte-ring.ts'
import type { FromScreens, ScreenQuestion, ToScreens } from '../pty-protocol/screen-messages.ts'

const inflate = promisify(inflateRaw)

/** What a snapshot shows of the raw output while nothing can draw it. */
const RAW_BYTES = 64 * 1024
const PIECE_BYTES = 64 * 1024

export interface Screen {
  /** Place of the first byte that is not on it. */
  offset: number
  cols: number
  rows: number
  data: Uint8Array
  /** Changes of size that it has gone through. */
  sizes: number
  /** It has less above it than there is: the terminal floods, and drawing more of it would take too long. */
  shallow: boolean
}

export interface ScreenEvents {
  /** Bytes to type into the program. */
  answer(text: string): void
  title(title: string): void
  bell(): void
  /** Plain text of OSC 9 or OSC 777. */
  notice(text: string): void
  /** Fewer bytes wait to be drawn than before. */
  drawn(): void
}

/** The output of a terminal, for a screen that has to be drawn again. */
export interface ScreenSource {
  readonly logPath: string
  /** Place after the newest byte. */
  readonly end: number
  /** Place of the oldest byte that `read` has. */
  readonly start: number
  /** As `ByteRing.read`. */
  read(offset: number, max: number): Uint8Array | null
  /** Resolves with how far the log goes, once everything that can be in it is there. */
  logged(): Promise<number>
}

/** What a terminal's ring and its log at `logPath` hold, as a screen's source. */
export function sourceOf(logPath: string, ring: ByteRing, log: { settled(): Promise<number> }): ScreenSource {
  return {
    logPath,
    get end() {
      return ring.end
    },
    get start() {
      return ring.start
    },
    read: (offset, max) => ring.read(offset, max),
    logged: () => log.settled(),
  }
}

type About = { s: number }
type Told = Extract<FromScreens, About>

export interface ScreenAnswer {
  answer: Extract<FromScreens, { op: 'settled' | 'screen' }>
  tail: Uint8Array
}

/** The way to the process that draws. */
export interface ScreenLink {
  /** What it cannot take any more is lost: the screen hears of it by `lost`. */
  send(message: Exclude<ToScreens, { re: number }>, tail?: Uint8Array): void
  /** Rejects when the process ends before it answers. */
  ask(question: ScreenQuestion): Promise<ScreenAnswer>
  closed(s: number): void
}

/**
 * - `blank`: nothing was written yet, and nobody else knows of this screen.
 * - `live`: the other process draws it.
 * - `lost`: the other process has died and there is none now; the output goes on.
 * - `redrawing`: a new one gets what the terminal wrote so far.
 * - `last`: the program has ended, this is what it left.
 */
type State = 'blank' | 'live' | 'lost' | 'redrawing' | 'last'

/**
 * The screen of one terminal, from before its first byte until after its end, as the host knows it: drawn by another process
 * (`Screens`), which may die at any time and is then given everything again. Who asks need not know.
 */
export class SessionScreen {
  readonly #s: number
  readonly #link: ScreenLink
  readonly #source: ScreenSource
  readonly #events: ScreenEvents
  #state: State = 'blank'
  #cols: number
  #rows: number
  /** Changes of size so far. */
  #sizes = 0
  #drawn = 0
  #redrawn: Promise<void> = Promise.resolve()
  #asked: Promise<Screen> | null = null
  #freezing: Promise<void> | null = null
  #last: { screen: Screen; packed: boolean } | null = null

  constructor(
    s: number,
    size: { cols: number; rows: number },
    source: ScreenSource,
    link: ScreenLink,
    events: ScreenEvents,
  ) {
    this.#s = s
    this.#cols = size.cols
    this.#rows = size.rows
    this.#source = source
    this.#link = link
    this.#events = events
  }

  /** Bytes that are not drawn yet; the caller bounds them. */
  get queued(): number {
    return this.#state === 'live' || this.#state === 'redrawing' ? this.#source.end - this.#drawn : 0
  }

  /** Takes what was just added to the source. */
  write(bytes: Uint8Array): void {
    if (this.#state === 'blank') {
      this.#state = 'live'
      this.#link.send({ op: 'open', ...this.#place() })
    }
    // A screen that is lost or redrawn gets it from the source, later.
    if (this.#state === 'live') this.#link.send({ op: 'write', s: this.#s, end: this.#source.end }, bytes)
  }

  /** Takes its place between the bytes written before and after. */
  resize(cols: number, rows: number): void {
    if (this.#state === 'last') return
    this.#cols = cols
    this.#rows = rows
    this.#sizes++
    if (this.#state === 'live') this.#link.send({ op: 'resize', ...this.#place() })
  }

  /** Resolves when everything up to now is drawn. */
  async settled(): Promise<{ bracketedPaste: boolean }> {
    const found = await this.#ask('settle')
    return { bracketedPaste: found?.answer.op === 'settled' && found.answer.bracketedPaste }
  }

  /** The screen as it is drawn by now. Whoever asks while another one waits gets the same. */
  snapshot(): Promise<Screen> {
    this.#asked ??= this.#snapshot().finally(() => {
      this.#asked = null
    })
    return this.#asked
  }

  /** The program has ended: draws the rest, keeps the screen as it is and lets the other process forget it. */
  freeze(): Promise<void> {
    this.#freezing ??= this.#freeze()
    return this.#freezing
  }

  async #freeze(): Promise<void> {
    const found = await this.#ask('freeze')
    if (found?.answer.op === 'screen') {
      // A copy: the tail is part of a larger piece of the socket's.
      this.#last = { screen: screenOf(found.answer, found.tail.slice()), packed: true }
    } else this.#last = { screen: this.#raw(), packed: false }
    this.#state = 'last'
    this.#link.closed(this.#s)
  }

  /** There will never be a program. */
  discard(): void {
    this.#state = 'last'
    this.#last = { screen: this.#raw(), packed: false }
    this.#link.closed(this.#s)
  }

  /** The other process said something about this screen. */
  told(message: Told): void {
    switch (message.op) {
      case 'drawn':
        this.#drawn = Math.max(this.#drawn, message.end)
        this.#events.drawn()
        break
      case 'answer':
        this.#events.answer(message.text)
        break
      case 'title':
        this.#events.title(message.title)
        break
      case 'bell':
        this.#events.bell()
        break
      case 'notice':
        this.#events.notice(message.text)
        break
    }
  }

  /** The other process has died. */
  lost(): void {
    if (this.#state !== 'live' && this.#state !== 'redrawing') return
    this.#state = 'lost'
    // A program is not held up for a screen that nobody draws.
    this.#events.drawn()
  }

  /** There is a new process. */
  redraw(): void {
    if (this.#state !== 'lost') return
    this.#state = 'redrawing'
    this.#redrawn = this.#redraw()
  }

  /** From the log as far as it goes, then from memory. The sizes are those that the log tells; the present one comes last. */
  async #redraw(): Promise<void> {
    const source = this.#source
    const until = await source.logged()
    if (this.#state !== 'redrawing') return
    this.#drawn = until
    this.#link.send({ op: 'redraw', ...this.#place(), logPath: source.logPath, until })
    for (let at = until; at < source.end; ) {
      const piece = source.read(at, PIECE_BYTES)
      if (!piece || piece.length === 0) {
        // Only a log that was stopped by a full disk leaves a gap here.
        at = Math.max(at + 1, source.start)
        continue
      }
      at += piece.length
      this.#link.send({ op: 'write', s: this.#s, end: at }, piece)
    }
    this.#state = 'live'
    this.#link.send({ op: 'resize', ...this.#place() })
  }

  /** The answer of the process that draws; null where there is nothing drawn or nobody who draws. */
  async #ask(op: 'settle' | 'snapshot' | 'freeze'): Promise<ScreenAnswer | null> {
    for (;;) {
      // The other process has let go of it before the last screen is here.
      if (op !== 'freeze') await this.#freezing
      if (this.#state === 'redrawing') await this.#redrawn
      if (this.#state === 'blank' || this.#state === 'lost' || this.#state === 'last') return null
      if (this.#state === 'redrawing') continue
      try {
        return await this.#link.ask({ op, s: this.#s })
      } catch {
        // It died over this (then `lost` was told, and `redraw` too if there is another one), or it has just let go.
        if (this.#isLive() && (op === 'freeze' || !this.#freezing))
          throw new Error('a screen was not answered')
      }
    }
  }

  #isLive(): boolean {
    return this.#state === 'live'
  }

  async #snapshot(): Promise<Screen> {
    const found = await this.#ask('snapshot')
    if (found?.answer.op === 'screen') return screenOf(found.answer, found.tail)
    if (!this.#last) return this.#raw()
    const { screen, packed } = this.#last
    return packed ? { ...screen, data: await inflate(screen.data) } : screen
  }

  /** The newest output as it is, from a line's beginning on: readers have parsers of their own. */
  #raw(): Screen {
    const source = this.#source
    const pieces: Uint8Array[] = []
    for (let at = Math.max(source.start, source.end - RAW_BYTES); at < source.end; ) {
      const piece = source.read(at, RAW_BYTES)
      if (!piece || piece.length === 0) break
      pieces.push(piece)
      at += piece.length
    }
    const bytes = Buffer.concat(pieces)
    const data = bytes.length < source.end ? bytes.subarray(bytes.indexOf(0x0a) + 1) : bytes
    return {
      offset: source.end,
      cols: this.#cols,
      rows: this.#rows,
      sizes: this.#sizes,
      shallow: false,
      data,
    }
  }

  #place() {
    return { s: this.#s, cols: this.#cols, rows: this.#rows, sizes: this.#sizes }
  }
}

function screenOf(answer: Extract<FromScreens, { op: 'screen' }>, data: Uint8Array): Screen {
  const { offset, cols, rows, sizes, shallow } = answer
  return { offset, cols, rows, sizes, shallow, data }
}
