import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import { Terminal } from '@xterm/xterm'
import { EscapeFilter } from '../../shared/terminal/escape-filter.ts'
import { guardCounts, swallowQueries } from '../../shared/terminal/escape-guards.ts'
import { type TerminalLook, terminalOptions } from '../terminal/terminal-look.ts'

const MIN_FONT = 6

/** An xterm that only shows: nothing is typed, answered, copied or opened from it. */
export class ReplayScreen {
  readonly #term: Terminal
  readonly #filter = new EscapeFilter(80, 24)
  readonly #host: HTMLElement
  readonly #observer: ResizeObserver
  #look: TerminalLook

  constructor(host: HTMLElement, look: TerminalLook, onFocus: () => void) {
    this.#host = host
    this.#look = look
    this.#term = new Terminal({
      ...terminalOptions(look),
      disableStdin: true,
      cursorInactiveStyle: 'bar',
      // The own one of xterm.js opens what a program wrote.
      linkHandler: { activate: () => {} },
    })
    this.#term.loadAddon(new UnicodeGraphemesAddon())
    guardCounts(this.#term.parser, () => this.#term)
    swallowQueries(this.#term.parser)
    this.#term.parser.registerOscHandler(52, () => true)
    this.#term.attachCustomKeyEventHandler(() => false)
    this.#term.open(host)
    const { textarea } = this.#term
    if (textarea) {
      textarea.tabIndex = -1
      textarea.addEventListener('focus', onFocus)
    }
    this.#observer = new ResizeObserver(() => this.#fit())
    this.#observer.observe(host)
  }

  setLook(look: TerminalLook): void {
    this.#look = look
    Object.assign(this.#term.options, terminalOptions(look))
    this.#fit()
  }

  reset(cols: number, rows: number): void {
    this.#term.reset()
    this.#filter.reset()
    this.resize(cols, rows)
  }

  resize(cols: number, rows: number): void {
    if (cols === this.#term.cols && rows === this.#term.rows) return
    this.#term.resize(cols, rows)
    this.#filter.resize(cols, rows)
    this.#fit()
  }

  /** Resolves once the bytes are drawn. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((done) => this.#term.write(this.#filter.push(bytes), done))
  }

  dispose(): void {
    this.#observer.disconnect()
    this.#term.dispose()
  }

  /** The recording keeps its own columns: what does not fit is written smaller. */
  #fit(): void {
    const screen = this.#host.querySelector('.xterm-screen')
    const room = this.#host.getBoundingClientRect()
    if (!(screen instanceof HTMLElement) || room.width === 0) return
    const font = this.#term.options.fontSize ?? this.#look.fontSize
    const drawn = screen.getBoundingClientRect()
    if (drawn.width === 0) return
    const scale = Math.min(room.width / drawn.width, room.height / drawn.height)
    const wanted = Math.max(MIN_FONT, Math.min(this.#look.fontSize, Math.floor(font * scale * 2) / 2))
    if (wanted !== font) this.#term.options.fontSize = wanted
  }
}
