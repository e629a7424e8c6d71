import { Failure } from '../../../shared/domain/failure.ts'
import type { Disposable } from '../../kernel/disposable.ts'
import { Emitter } from '../../kernel/emitter.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { PtyEvent, PtyExit, PtyHost, PtyInfo } from '../../pty-protocol/pty-host.ts'
import type { Terminal, TerminalEvent } from './terminal.ts'

/** One terminal with who holds it. */
export interface TerminalEntry {
  terminal: Terminal
  /** The host that holds it; null when none does any more. */
  host: PtyHost | null
  /** Lives in a host of another version: no attaching, no typing. */
  draining: boolean
  ended: PromiseWithResolvers<void>
}

/** Programs that are heard of while the answer about them is under way: more than ever start at once. */
const MAX_EARLY = 256

/** What is known of every terminal, from what hosts tell; tells it on, each end once. */
export class TerminalBook {
  readonly #entries = new Map<string, TerminalEntry>()
  readonly #events: Emitter<TerminalEvent>
  /** The newest event of each kind that was heard before the answer to the question that started the program. */
  readonly #early = new Map<string, { epoch: number; events: Map<PtyEvent['type'], PtyEvent> }>()

  constructor(log: Logger) {
    this.#events = new Emitter((error) => log.error('a listener of terminals failed', { error }))
  }

  get(id: string): TerminalEntry | null {
    return this.#entries.get(id) ?? null
  }

  /** Throws `terminal_missing`. */
  require(id: string): TerminalEntry {
    const entry = this.#entries.get(id)
    if (!entry) throw missing(id)
    return entry
  }

  all(): TerminalEntry[] {
    return [...this.#entries.values()]
  }

  delete(id: string): void {
    this.#entries.delete(id)
  }

  onEvent(listener: (event: TerminalEvent) => void): Disposable {
    return this.#events.on(listener)
  }

  /** Enters what `host` says of one of its terminals. */
  register(info: PtyInfo, host: PtyHost, draining: boolean): TerminalEntry {
    const before = this.#entries.get(info.id)
    // What was heard since it was registered stays known.
    if (before?.terminal.epoch === info.epoch && before.host === host) return before
    const { id, epoch, pid, pidStartedAt, offset, cols, rows, title, lastOutputAt, logging, logPath, exit } =
      info
    const entry = this.enter(
      {
        id,
        epoch,
        state: exit ? 'exited' : 'live',
        pid,
        pidStartedAt,
        offset,
        cols,
        rows,
        title,
        lastOutputAt,
        logging,
        logPath,
        exit,
      },
      host,
      draining,
    )
    const early = this.#early.get(id)
    this.#early.delete(id)
    // Not now: whoever opens it shall have it first, and then hear what it did.
    if (early?.epoch === epoch)
      queueMicrotask(() => {
        for (const event of early.events.values()) this.hear(event)
      })
    return entry
  }

  /** Enters a terminal as it is. */
  enter(terminal: Terminal, host: PtyHost | null, draining: boolean): TerminalEntry {
    const entry: TerminalEntry = { terminal, host, draining, ended: Promise.withResolvers() }
    if (terminal.exit) entry.ended.resolve()
    this.#entries.set(terminal.id, entry)
    return entry
  }

  /** Takes in what a host tells. */
  hear(event: PtyEvent): void {
    const entry = this.#entries.get(event.id)
    if (entry?.terminal.epoch !== event.epoch) {
      const had = this.#early.get(event.id)
      const early = had?.epoch === event.epoch ? had : { epoch: event.epoch, events: new Map() }
      this.#early.set(event.id, early)
      early.events.set(event.type, event)
      for (const eldest of this.#early.keys()) {
        if (this.#early.size <= MAX_EARLY) break
        this.#early.delete(eldest)
      }
      return
    }
    if (entry.terminal.state !== 'live') return
    const terminal = entry.terminal
    switch (event.type) {
      case 'activity': {
        const bytes = event.offset - terminal.offset
        if (bytes <= 0) return
        terminal.offset = event.offset
        terminal.lastOutputAt = event.at
        this.#events.emit({ ...event, bytes })
        return
      }
      case 'exit':
        this.close(entry, 'exited', event.exit)
        return
      case 'title':
        if (event.title === terminal.title) return
        terminal.title = event.title
        break
      case 'resized':
        terminal.cols = event.cols
        terminal.rows = event.rows
        break
      case 'log':
        terminal.logging = event.logging
        break
      case 'bell':
      case 'notice':
        break
    }
    this.#events.emit(event)
  }

  /** The end of a live terminal; of one that has ended already, nothing. */
  close(entry: TerminalEntry, state: 'exited' | 'lost', exit: PtyExit): void {
    if (entry.terminal.state !== 'live') return
    Object.assign(entry.terminal, { state, exit, offset: exit.offset })
    entry.ended.resolve()
    this.#events.emit({ id: entry.terminal.id, epoch: entry.terminal.epoch, type: 'ended', exit })
  }
}

export function missing(id: string): Failure {
  return new Failure('terminal_missing', 'There is no such terminal.', { id })
}
