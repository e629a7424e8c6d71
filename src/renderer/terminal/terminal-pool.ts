import type { Terminal } from '@xterm/xterm'
import type { BinaryChannel } from '../connection/connection.ts'
import { InputQueue } from './input-queue.ts'
import { OutputPump, windowClock } from './output-pump.ts'
import { RendererBudget } from './renderer-budget.ts'
import { TerminalLink } from './terminal-link.ts'
import type { TerminalLook } from './terminal-look.ts'
import { type SessionHooks, TerminalSession } from './terminal-session.ts'

/** A tile that comes back within this keeps its screen; later it is parked: nothing of it stays in this window. */
const PARK_MS = 2_000

interface Held {
  session: TerminalSession
  host: HTMLElement | null
  observer: ResizeObserver
  parking: ReturnType<typeof setTimeout> | null
}

/** All terminals of this window, outside of React: a tile that is drawn anew moves its terminal, it does not restart it. */
export class TerminalPool {
  readonly #link = new TerminalLink()
  readonly #pump = new OutputPump(windowClock)
  readonly #budget: RendererBudget
  readonly #hooksFor: (terminalId: string) => SessionHooks
  readonly #held = new Map<string, Held>()
  readonly #inputs = new Map<string, InputQueue>()
  #focused: string | null = null
  #look: TerminalLook

  constructor(look: TerminalLook, hooksFor: (terminalId: string) => SessionHooks) {
    this.#look = look
    this.#hooksFor = hooksFor
    this.#budget = new RendererBudget(document)
    document.addEventListener('visibilitychange', this.#onVisibility)
  }

  /** Goes over to the terminals of another session with the core, or to none. */
  bind(channel: BinaryChannel | null): void {
    this.#link.bind(channel)
  }

  /** Shows a terminal in `host` until the returned function is called. */
  attach(terminalId: string, host: HTMLElement): () => void {
    const held = this.#held.get(terminalId) ?? this.#create(terminalId, host)
    if (held.parking) clearTimeout(held.parking)
    held.parking = null
    held.host = host
    if (held.session.element.parentElement !== host) host.append(held.session.element)
    held.observer.disconnect()
    held.observer.observe(held.session.element)
    held.session.setVisible(document.visibilityState === 'visible')
    held.session.placeChanged()
    this.#assignRenderers()
    return () => this.#detach(terminalId, host)
  }

  session(terminalId: string): TerminalSession | null {
    return this.#held.get(terminalId)?.session ?? null
  }

  /** The tile that is looked at: it paints every frame, and its programs may use the clipboard. */
  setFocused(terminalId: string | null): void {
    if (this.#focused === terminalId) return
    const before = this.#focused
    this.#focused = terminalId
    if (before) this.#held.get(before)?.session.setFocused(false)
    if (terminalId) this.#held.get(terminalId)?.session.setFocused(true)
    else this.#pump.focus(null)
    this.#assignRenderers()
  }

  isFocused(terminalId: string): boolean {
    return this.#focused === terminalId
  }

  /** Puts the keyboard into a terminal. */
  enter(terminalId: string): void {
    this.#held.get(terminalId)?.session.term.focus()
  }

  setLook(look: TerminalLook): void {
    this.#look = look
    for (const held of this.#held.values()) held.session.setLook(look)
  }

  dispose(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility)
    for (const terminalId of [...this.#held.keys()]) this.#park(terminalId)
    this.#link.bind(null)
  }

  #create(terminalId: string, host: HTMLElement): Held {
    const input = this.#inputs.get(terminalId) ?? new InputQueue(crypto.randomUUID())
    this.#inputs.set(terminalId, input)
    const session = new TerminalSession(
      terminalId,
      input,
      this.#link,
      this.#pump,
      this.#look,
      this.#hooksFor(terminalId),
      host,
      this.#focused === terminalId,
    )
    const observer = new ResizeObserver(() => session.placeChanged())
    const held: Held = { session, host, observer, parking: null }
    this.#held.set(terminalId, held)
    return held
  }

  #detach(terminalId: string, host: HTMLElement): void {
    const held = this.#held.get(terminalId)
    // It may be shown elsewhere already.
    if (!held || held.host !== host) return
    held.host = null
    held.observer.disconnect()
    held.session.element.remove()
    held.session.setVisible(false)
    this.#budget.release(held.session.term)
    held.parking = setTimeout(() => this.#park(terminalId), PARK_MS)
  }

  #park(terminalId: string): void {
    const held = this.#held.get(terminalId)
    if (!held) return
    if (held.parking) clearTimeout(held.parking)
    this.#held.delete(terminalId)
    this.#budget.release(held.session.term)
    held.observer.disconnect()
    held.session.dispose()
    // A writer with unconfirmed input must come back under the same name, or it would be typed twice.
    if (this.#inputs.get(terminalId)?.unconfirmed().length === 0) this.#inputs.delete(terminalId)
  }

  #assignRenderers(): void {
    const wanted: Terminal[] = []
    for (const [terminalId, held] of this.#held) {
      if (!held.host) continue
      if (terminalId === this.#focused) wanted.unshift(held.session.term)
      else wanted.push(held.session.term)
    }
    this.#budget.assign(wanted)
  }

  readonly #onVisibility = () => {
    const visible = document.visibilityState === 'visible'
    for (const held of this.#held.values()) if (held.host) held.session.setVisible(visible)
  }
}
