import headlessModule, { type Terminal } from '@xterm/headless'
import { EscapeFilter } from '../../shared/terminal/escape-filter.ts'
import { guardCounts } from '../../shared/terminal/escape-guards.ts'
import { plainTitle } from '../../shared/terminal/plain-text.ts'
import { graphemes } from '../pty-protocol/graphemes.ts'
import { ModeTracker } from './mode-tracker.ts'
import { Responder } from './responder.ts'
import { serializeScreen } from './snapshot.ts'

/** Lines above the screen that a snapshot can show; older ones come from the log. */
export const SCROLLBACK_LINES = 1_000

/** Answers to OSC 10 and 11 until the app has told its theme: light grey on near black. */
const FOREGROUND = 'rgb:d4d4/d4d4/d4d4'
const BACKGROUND = 'rgb:1111/1313/1818'

const SHIFT_OUT = 0x0e
const SHIFT_IN = 0x0f

export interface EmulatorEvents {
  /** Bytes to type into the program; never called by a replay, which has no program. */
  answer?(answer: string): void
  title?(title: string): void
  bell?(): void
  /** Plain text of OSC 9 or OSC 777. */
  notice?(text: string): void
  /** Everything before offset `end` is drawn. */
  drawn?(end: number): void
}

/** The screen beside a process: parses what it writes, answers its questions, and draws itself for whoever attaches. */
export class Emulator {
  readonly #terminal: Terminal
  readonly #filter: EscapeFilter
  readonly #modes: ModeTracker
  readonly #events: EmulatorEvents
  #title = ''
  #queued = 0
  /** Offset up to which the screen is drawn, and what the filter holds back of it. */
  #offset: number
  #unfinished: Uint8Array = new Uint8Array(0)
  /** Changes of size that the screen has gone through, as `resize` was told. */
  #sizes = 0

  constructor(
    cols: number,
    rows: number,
    offset: number,
    events: EmulatorEvents,
    scrollback = SCROLLBACK_LINES,
  ) {
    this.#events = events
    this.#offset = offset
    this.#filter = new EscapeFilter(cols, rows)
    this.#terminal = new headlessModule.Terminal({
      cols,
      rows,
      scrollback,
      allowProposedApi: true,
      logLevel: 'off',
    })
    this.#terminal.loadAddon(graphemes())
    guardCounts(this.#terminal.parser, () => this.#terminal)
    this.#modes = new ModeTracker(this.#terminal)
    this.#terminal.onTitleChange((title) => this.#retitle(plainTitle(title)))
    this.#terminal.onBell(() => events.bell?.())
    this.#answerQueries()
    this.#readNotices()
  }

  get cols(): number {
    return this.#terminal.cols
  }

  get rows(): number {
    return this.#terminal.rows
  }

  get title(): string {
    return this.#title
  }

  /** Place of the first byte that is not on the screen. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes that wait to be parsed. */
  get queued(): number {
    return this.#queued
  }

  get bracketedPaste(): boolean {
    return this.#terminal.modes.bracketedPasteMode
  }

  /** Queues `bytes`, of which the last is at `end` - 1. The caller bounds the queue by watching `queued`. */
  write(bytes: Uint8Array, end: number): void {
    const visible = this.#filter.push(bytes)
    const unfinished = this.#filter.pending()
    this.#queued += bytes.length
    this.#terminal.write(visible, () => {
      const shift = Math.max(visible.lastIndexOf(SHIFT_OUT), visible.lastIndexOf(SHIFT_IN))
      if (shift >= 0) this.#modes.invoked(visible[shift] === SHIFT_OUT ? 'G1' : 'G0')
      this.#queued -= bytes.length
      this.#offset = end
      this.#unfinished = unfinished
      this.#events.drawn?.(end)
    })
  }

  /** Takes its place between the bytes written before and after; it is change of size number `sizes`. */
  resize(cols: number, rows: number, sizes = 0): void {
    this.#filter.resize(cols, rows)
    this.#terminal.write('', () => {
      this.#terminal.resize(cols, rows)
      this.#modes.resized()
      this.#sizes = sizes
    })
  }

  /** Resolves when everything queued so far, resizes too, is on the screen. */
  async settled(): Promise<void> {
    await new Promise<void>((resolve) => this.#terminal.write('', resolve))
  }

  /** The screen as it is now, with the offset of the first byte that is not on it. */
  snapshot(scrollback: number): {
    offset: number
    cols: number
    rows: number
    sizes: number
    data: Uint8Array
  } {
    const screen = serializeScreen(this.#terminal, this.#modes, scrollback, this.#title)
    const data = this.#unfinished.length === 0 ? screen : Buffer.concat([screen, this.#unfinished])
    return { offset: this.#offset, cols: this.cols, rows: this.rows, sizes: this.#sizes, data }
  }

  /** The lines of scrollback and screen as plain text, without blank lines at the end. */
  text(): string {
    const buffer = this.#terminal.buffer.active
    const lines: string[] = []
    for (let y = 0; y < buffer.length; y++) {
      const line = buffer.getLine(y)
      if (!line) continue
      if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += line.translateToString(true)
      else lines.push(line.translateToString(true))
    }
    return lines.join('\n').trimEnd()
  }

  dispose(): void {
    this.#terminal.dispose()
  }

  #retitle(title: string): void {
    if (title === this.#title) return
    this.#title = title
    this.#events.title?.(title)
  }

  #answerQueries(): void {
    const answer = this.#events.answer
    if (!answer) return
    const responder = new Responder((text) => answer(text))
    this.#terminal.onData((text) => responder.offer(text))
    // The headless build knows no colours; programs ask for them to choose a dark or a light theme.
    const colours = { 10: FOREGROUND, 11: BACKGROUND }
    for (const [code, colour] of Object.entries(colours)) {
      this.#terminal.parser.registerOscHandler(Number(code), (data) => {
        if (data !== '?') return false
        responder.offer(`\u001b]${code};${colour}\u001b\\`)
        return true
      })
    }
  }

  #readNotices(): void {
    const tell = (text: string) => {
      const plain = plainTitle(text)
      if (plain !== '') this.#events.notice?.(plain)
      return true
    }
    // OSC 9;4 is progress, not a message.
    this.#terminal.parser.registerOscHandler(9, (data) => (/^\d+;/.test(data) ? true : tell(data)))
    this.#terminal.parser.registerOscHandler(777, (data) => {
      const [verb, title, ...body] = data.split(';')
      return verb === 'notify' ? tell([title, ...body].filter(Boolean).join(': ')) : true
    })
  }
}
