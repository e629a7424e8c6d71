import { SearchAddon } from '@xterm/addon-search'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { Terminal } from '@xterm/xterm'
import type { ServerFrame } from '../../shared/contract/terminal-frames.ts'
import { EscapeFilter } from '../../shared/terminal/escape-filter.ts'
import { guardCounts, swallowQueries } from '../../shared/terminal/escape-guards.ts'
import { clipboardText } from './clipboard-guard.ts'
import { fitGrid, type Grid, leadingAndTrailing, SCROLLBAR_PX } from './fit.ts'
import type { InputQueue } from './input-queue.ts'
import { textOf } from './link-text.ts'
import { OldestLine } from './oldest-line.ts'
import type { OutputPump } from './output-pump.ts'
import { cleanPaste, needsConfirmation, pasteKeys } from './paste.ts'
import type { TerminalLink, View } from './terminal-link.ts'
import { type TerminalLook, terminalOptions } from './terminal-look.ts'
import { WriteQueue } from './write-queue.ts'

export type SessionPhase =
  | { phase: 'opening' }
  | { phase: 'live' }
  | { phase: 'ended'; exitCode: number | null; signal: number | null; reason: string }
  | { phase: 'error'; message: string }

/** What a session tells the rest of the window. */
export interface SessionHooks {
  /** True for a chord that belongs to the app: the terminal must not have it. */
  isAppKey(event: KeyboardEvent): boolean
  onKey(event: KeyboardEvent): void
  onBell(): void
  onLink(target: string, text: string): void
  onLinkHover(target: string | null): void
  /** A program wants to write the clipboard. */
  onCopy(text: string): void
  confirmPaste(lines: number): Promise<boolean>
  onInputRefused(): void
}

/** Acknowledge at least this often while bytes stream. */
const ACK_BYTES = 32 * 1024
const FIT_MS = 50
/** A terminal that is just being started is not known for a moment: ask again soon, then less and less often. */
const REOPEN_FIRST_MS = 150
const REOPEN_LAST_MS = 5_000
/** So many silent tries before the tile says that something is wrong. */
const REOPEN_SILENT = 5
/** Turns off what a program that died may have left on: mouse reports, focus reports, bracketed paste; shows the cursor's place. */
const MODES_OFF = '\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?1006l\u001b[?1004l\u001b[?2004l'

/** One terminal on screen: an xterm with its view on the core. Lives outside React; `element` is put where it is shown. */
export class TerminalSession {
  readonly element: HTMLDivElement
  readonly term: Terminal
  readonly search = new SearchAddon()
  readonly oldest: OldestLine
  readonly #view: View
  readonly #pump: OutputPump
  readonly #pumpId: number
  readonly #queue = new WriteQueue()
  readonly #filter = new EscapeFilter(80, 24)
  readonly #hooks: SessionHooks
  readonly #listeners = new Set<() => void>()
  readonly #refit: ReturnType<typeof leadingAndTrailing>
  readonly #encoder = new TextEncoder()
  #phase: SessionPhase = { phase: 'opening' }
  #inFlight = 0
  #unacked = 0
  #epoch: number | null = null
  /** Place after the last byte received. */
  #offset = 0
  /** Life of the terminal whose screen is on its way. */
  #drawing = 0
  #focused = false
  #visible = true
  #askedFor: Grid | null = null
  #reopens = 0
  #reopening: ReturnType<typeof setTimeout> | null = null

  constructor(
    terminalId: string,
    input: InputQueue,
    link: TerminalLink,
    pump: OutputPump,
    look: TerminalLook,
    hooks: SessionHooks,
    host: HTMLElement,
    focused: boolean,
  ) {
    this.#pump = pump
    this.#hooks = hooks
    this.#focused = focused
    this.element = document.createElement('div')
    this.element.className = 'terminal-body'
    host.append(this.element)
    this.term = new Terminal({
      ...terminalOptions(look),
      linkHandler: {
        activate: (_event, target, range) => hooks.onLink(target, textOf(this.term.buffer.active, range)),
        hover: (_event, target) => hooks.onLinkHover(target),
        leave: () => hooks.onLinkHover(null),
      },
    })
    this.term.loadAddon(new UnicodeGraphemesAddon())
    this.term.loadAddon(this.search)
    this.term.loadAddon(
      new WebLinksAddon((_event, target) => hooks.onLink(target, target), {
        hover: (_event, target) => hooks.onLinkHover(target),
        leave: () => hooks.onLinkHover(null),
      }),
    )
    guardCounts(this.term.parser, () => this.term)
    swallowQueries(this.term.parser)
    this.term.parser.registerOscHandler(52, (data) => {
      const text = clipboardText(data)
      if (text !== null && this.#focused && document.hasFocus()) hooks.onCopy(text)
      return true
    })
    this.term.attachCustomKeyEventHandler((event) => {
      if (event.type === 'keydown') hooks.onKey(event)
      return !hooks.isAppKey(event)
    })
    this.term.onBell(() => hooks.onBell())
    this.term.open(this.element)
    this.oldest = new OldestLine(this.term, () => this.#tell())
    // Before xterm.js takes it: its own paste lets an end mark inside the text through.
    this.element.addEventListener('paste', this.#onPaste, { capture: true })
    this.#refit = leadingAndTrailing(() => this.#fit(), FIT_MS)
    this.#pumpId = pump.add({ waiting: () => !this.#queue.empty, flush: () => this.#flush() })
    this.#view = link.open(terminalId, input, {
      onFrame: (frame) => this.#receive(frame),
      opening: () => {
        this.#askedFor = this.#wish()
        return {
          ...(this.#askedFor ?? { cols: 0, rows: 0 }),
          focused: this.#focused,
          visible: this.#visible,
          from: this.#epoch === null ? null : { epoch: this.#epoch, offset: this.#offset },
        }
      },
    })
    this.term.onData((data) => this.#type(this.#encoder.encode(data)))
    this.term.onRender(() => pump.drawn(this.#pumpId))
    this.term.onBinary((data) => this.#type(Uint8Array.from(data, (c) => c.charCodeAt(0) & 255)))
    if (focused) pump.focus(this.#pumpId)
  }

  readonly phase = (): SessionPhase => this.#phase

  /** The oldest line that this tile keeps is in view, and more was written before it. */
  readonly atOldest = (): boolean => this.oldest.shown

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Its place may have another size now. */
  placeChanged(): void {
    this.#refit()
  }

  setFocused(focused: boolean): void {
    if (this.#focused === focused) return
    this.#focused = focused
    this.#view.focus(focused, this.#visible)
    if (focused) {
      this.#pump.focus(this.#pumpId)
      // Another window may have taken the size over: say ours again.
      this.#askedFor = null
      this.#fit()
    }
  }

  setVisible(visible: boolean): void {
    if (this.#visible === visible) return
    this.#visible = visible
    this.#view.focus(this.#focused, visible)
  }

  setLook(look: TerminalLook): void {
    Object.assign(this.term.options, terminalOptions(look))
    this.#refit()
  }

  /** From now on the marks of a search stand beside the scroll bar; before the first search nobody pays for them. */
  showMatchesBesideScrollbar(): void {
    // xterm.js asks for the height of the screen at every drawing then, which makes the browser lay the page out each time.
    this.term.options.overviewRuler = { width: SCROLLBAR_PX }
  }

  async paste(text: string): Promise<void> {
    if (this.#phase.phase !== 'live') return
    const clean = cleanPaste(text)
    if (!clean) return
    const bracketed = this.term.modes.bracketedPasteMode
    if (needsConfirmation(clean, bracketed) && !(await this.#hooks.confirmPaste(clean.split('\n').length)))
      return
    this.#type(this.#encoder.encode(pasteKeys(clean, bracketed)))
  }

  dispose(): void {
    this.#refit.cancel()
    if (this.#reopening) clearTimeout(this.#reopening)
    this.#pump.remove(this.#pumpId)
    this.#view.close()
    this.oldest.dispose()
    this.term.dispose()
    this.element.remove()
    this.#listeners.clear()
  }

  readonly #onPaste = (event: ClipboardEvent): void => {
    event.preventDefault()
    event.stopImmediatePropagation()
    void this.paste(event.clipboardData?.getData('text/plain') ?? '')
  }

  #type(bytes: Uint8Array): void {
    if (this.#phase.phase !== 'live') return
    if (this.#focused) this.#pump.typed()
    if (!this.#view.input(bytes)) this.#hooks.onInputRefused()
  }

  #receive(frame: ServerFrame): void {
    switch (frame.kind) {
      case 'opened':
        if (frame.mode === 'snapshot') {
          this.#settle(this.#queue.reset(frame.cols, frame.rows))
          this.oldest.begins(frame.epoch, frame.offset)
        } else if (frame.cols !== this.term.cols || frame.rows !== this.term.rows) {
          this.#queue.resize(frame.cols, frame.rows)
        }
        this.#reopens = 0
        // A wire may break between this frame and its screen: then there is nothing to go on from.
        this.#epoch = frame.mode === 'snapshot' ? null : frame.epoch
        this.#drawing = frame.epoch
        this.#offset = frame.offset
        this.#setPhase({ phase: 'live' })
        this.#refit()
        break
      case 'snapshot':
        this.#queue.bytes(frame.bytes)
        this.#epoch = this.#drawing
        break
      case 'output':
        this.#queue.bytes(frame.bytes)
        this.#offset = frame.offset + frame.bytes.length
        break
      case 'resized':
        this.#queue.resize(frame.cols, frame.rows)
        break
      case 'exited':
        this.#queue.bytes(this.#encoder.encode(MODES_OFF))
        this.#setPhase({
          phase: 'ended',
          exitCode: frame.exitCode,
          signal: frame.signal,
          reason: frame.reason,
        })
        break
      case 'error':
        this.#failed(frame.code, frame.message)
        break
      case 'inputAck':
        break
    }
    if (!this.#queue.empty) this.#pump.notify(this.#pumpId)
  }

  #failed(code: string, message: string): void {
    if (code !== 'terminal_missing' || this.#reopens >= REOPEN_SILENT)
      this.#setPhase({ phase: 'error', message })
    if (code !== 'terminal_missing') return
    const wait = Math.min(REOPEN_LAST_MS, REOPEN_FIRST_MS * 2 ** this.#reopens)
    this.#reopens += 1
    this.#reopening = setTimeout(() => this.#view.reopen(), wait)
  }

  #flush(): void {
    for (;;) {
      const next = this.#queue.take(this.#inFlight)
      if (!next) return
      if (next.kind === 'bytes') {
        this.#write(next.bytes)
        return
      }
      if (next.kind === 'reset') {
        this.term.reset()
        this.#filter.reset()
      }
      if (next.cols > 0 && next.rows > 0) {
        this.term.resize(next.cols, next.rows)
        this.#filter.resize(next.cols, next.rows)
      }
    }
  }

  #write(bytes: Uint8Array): void {
    this.#inFlight += 1
    // The callback comes after parsing; writes are not awaited one by one, that would cost a timer tick each.
    this.term.write(this.#filter.push(bytes), () => {
      this.#inFlight -= 1
      this.#settle(bytes.length)
      if (!this.#queue.empty) this.#pump.notify(this.#pumpId)
      // Nobody answers for the size of a program that ended: once all of it is drawn, it is fitted here.
      else if (this.#phase.phase === 'ended' && this.#inFlight === 0) this.#refit()
    })
  }

  #settle(bytes: number): void {
    this.#unacked += bytes
    if (this.#unacked === 0) return
    if (this.#unacked < ACK_BYTES && this.#inFlight > 0) return
    this.#view.ack(this.#unacked)
    this.#unacked = 0
  }

  #wish(): Grid | null {
    const host = this.element.parentElement
    const screen = this.element.querySelector('.xterm-screen')
    if (!host || !(screen instanceof HTMLElement)) return null
    const box = this.element.getBoundingClientRect()
    const drawn = screen.getBoundingClientRect()
    return fitGrid(box.width, box.height, {
      width: drawn.width / this.term.cols,
      height: drawn.height / this.term.rows,
    })
  }

  #fit(): void {
    const grid = this.#visible ? this.#wish() : null
    if (!grid) return
    if (this.#phase.phase === 'ended') this.term.resize(grid.cols, grid.rows)
    if (this.#phase.phase !== 'live') return
    if (grid.cols === this.#askedFor?.cols && grid.rows === this.#askedFor.rows) return
    this.#askedFor = grid
    this.#view.resize(grid.cols, grid.rows)
  }

  #setPhase(phase: SessionPhase): void {
    this.#phase = phase
    this.term.options.disableStdin = phase.phase !== 'live'
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
