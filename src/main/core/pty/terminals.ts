import { randomUUID } from 'node:crypto'
import type { ResumePoint } from '../../../shared/contract/terminal-frames.ts'
import { Failure, isFailure } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Disposable } from '../../kernel/disposable.ts'
import { Emitter } from '../../kernel/emitter.ts'
import type { Logger } from '../../kernel/logger.ts'
import { killTree } from '../../kernel/process-tree.ts'
import { type LogMark, readLogSlice, readMarks } from '../../pty-protocol/log-files.ts'
import type {
  KillReport,
  PtyAttachment,
  PtyEvent,
  PtyExit,
  PtyHost,
  PtyInfo,
  PtySink,
  PtySpec,
} from '../../pty-protocol/pty-host.ts'
import { attachToLog } from './log-attachment.ts'
import type {
  AdoptReport,
  KnownTerminal,
  LogSlice,
  Terminal,
  TerminalEvent,
  TerminalRegistry,
} from './terminal.ts'

/** Where hosts come from: `Launcher`, or a test's own. */
export interface HostSource {
  find(): Promise<{ current: PtyHost | null; others: PtyHost[] }>
  ensure(): Promise<PtyHost>
  died(): void
}

export interface TerminalsOptions {
  hosts: HostSource
  clock: Clock
  log: Logger
}

interface Entry {
  terminal: Terminal
  /** The host that holds it; null when none does any more. */
  host: PtyHost | null
  /** Lives in a host of another version: no attaching, no typing. */
  draining: boolean
  ended: PromiseWithResolvers<void>
}

/** Programs that are heard of while the answer about them is under way: more than ever start at once. */
const MAX_EARLY = 256

/** See `TerminalRegistry`. */
export class Terminals implements TerminalRegistry {
  readonly #hosts: HostSource
  readonly #clock: Clock
  readonly #log: Logger
  readonly #entries = new Map<string, Entry>()
  readonly #events: Emitter<TerminalEvent>
  readonly #known = new Map<PtyHost, Disposable[]>()
  /** The newest event of each kind that was heard before the answer to the question that started the program. */
  readonly #early = new Map<string, { epoch: number; events: Map<PtyEvent['type'], PtyEvent> }>()
  readonly #writer = `core-${randomUUID()}`
  #seq = 0
  #current: PtyHost | null = null
  #disposed = false

  constructor(options: TerminalsOptions) {
    this.#hosts = options.hosts
    this.#clock = options.clock
    this.#log = options.log
    this.#events = new Emitter((error) => options.log.error('a listener of terminals failed', { error }))
  }

  async adopt(known: readonly KnownTerminal[]): Promise<AdoptReport> {
    const report: AdoptReport = { adopted: [], ended: [], lost: [], unknown: [] }
    const { current, others } = await this.#hosts.find()
    if (current) this.#use(current)
    const held = new Map<string, { host: PtyHost; info: PtyInfo; draining: boolean }>()
    for (const host of [...others, ...(current ? [current] : [])]) {
      if (host !== current) this.#follow(host)
      for (const info of await host.list()) held.set(info.id, { host, info, draining: host !== current })
    }
    for (const one of known) {
      const found = held.get(one.id)
      if (found?.info.epoch === one.epoch) {
        held.delete(one.id)
        report.adopted.push(this.#register(found.info, found.host, found.draining).terminal)
      } else {
        const entry = await this.#buryUnseen(one)
        ;(entry.terminal.state === 'lost' ? report.lost : report.ended).push(entry.terminal)
      }
    }
    for (const { host, info, draining } of held.values())
      report.unknown.push(this.#register(info, host, draining).terminal)
    return report
  }

  async open(spec: PtySpec): Promise<Terminal> {
    const before = this.#entries.get(spec.id)
    if (before?.terminal.state === 'live' && before.terminal.epoch !== spec.epoch) {
      throw new Failure('illegal_state', 'This terminal is still running.', { id: spec.id })
    }
    const host = await this.#host()
    return this.#register(await host.create(spec), host, false).terminal
  }

  get(id: string): Terminal | null {
    return this.#entries.get(id)?.terminal ?? null
  }

  list(): Terminal[] {
    return [...this.#entries.values()].map((entry) => entry.terminal)
  }

  attach(id: string, from: ResumePoint | null, sink: PtySink): PtyAttachment {
    const entry = this.#entries.get(id)
    if (!entry)
      return attachToLog(sink, () => Promise.reject(missing(id)), Promise.withResolvers<PtyExit>().promise)
    const end = () => entry.terminal.exit ?? lostExit(entry.terminal.offset, this.#clock.now())
    const fromLog = () => attachToLog(sink, () => this.#lastScreen(entry), entry.ended.promise.then(end))
    if (!entry.host || entry.draining) return fromLog()
    let attachment: PtyAttachment = entry.host.attach(id, from, {
      screen: (screen) => sink.screen(screen),
      output: (offset, bytes) => sink.output(offset, bytes),
      resized: (cols, rows) => sink.resized(cols, rows),
      exited: (exit) => sink.exited(exit),
      failed: (error) => {
        if (isDown(error)) {
          // The reader keeps what it has; it hears the end once it is known.
          entry.ended.promise.then(() => sink.exited(end())).catch(() => {})
        } else if (isFailure(error, 'terminal_missing')) {
          // Forgotten by its host, but not by us.
          attachment = fromLog()
          attachment.grant(1)
        } else sink.failed(error)
      },
    })
    return { grant: (bytes) => attachment.grant(bytes), close: () => attachment.close() }
  }

  async write(id: string, input: { writer: string; seq: number; bytes: Uint8Array }): Promise<void> {
    await this.#live(id).write(id, input)
  }

  async sendText(id: string, text: string, options: { submit?: boolean } = {}): Promise<void> {
    const how = { submit: options.submit ?? true, writer: this.#writer, seq: ++this.#seq }
    // A writer of its own per text: one refused text must not hold back those to other terminals.
    await this.#live(id).paste(id, text, { ...how, writer: `${how.writer}-${how.seq}`, seq: 1 })
  }

  async resize(id: string, cols: number, rows: number): Promise<void> {
    const entry = this.#entry(id)
    if (entry.terminal.state === 'live' && entry.host && !entry.draining)
      await entry.host.resize(id, cols, rows)
  }

  async kill(id: string, reason: string): Promise<KillReport> {
    const entry = this.#entry(id)
    if (entry.host) {
      try {
        const report = await entry.host.kill(id, reason)
        // With survivors the end may never come; the caller reads it in the report.
        if (entry.terminal.state === 'live' && report.survivors.length === 0) await entry.ended.promise
        return report
      } catch (error) {
        if (!isDown(error) && !isFailure(error, 'terminal_missing')) throw error
      }
    }
    // Nobody holds the terminal: what it started may live on, and carries its mark.
    return await killTree({ root: null, mark: id })
  }

  async forget(id: string): Promise<void> {
    const entry = this.#entry(id)
    if (entry.terminal.state === 'live')
      throw new Failure('illegal_state', 'This terminal is still running.', { id })
    this.#entries.delete(id)
    await entry.host?.forget(id).catch((error: unknown) => {
      if (!isDown(error) && !isFailure(error, 'terminal_missing')) throw error
    })
  }

  async readLog(id: string, fromOffset: number, maxBytes: number): Promise<LogSlice> {
    return await readLogSlice(this.#entry(id).terminal.logPath, fromOffset, maxBytes)
  }

  async readMarks(id: string): Promise<LogMark[]> {
    return await readMarks(this.#entry(id).terminal.logPath)
  }

  async replay(id: string, request: { want: 'screen' | 'text'; scrollback: number; until?: number }) {
    const { logPath, cols, rows } = this.#entry(id).terminal
    return await (await this.#host()).replay({ logPath, cols, rows, ...request })
  }

  onEvent(listener: (event: TerminalEvent) => void): Disposable {
    return this.#events.on(listener)
  }

  /** Leaves hosts and programs alone. */
  dispose(): void {
    this.#disposed = true
    for (const [host, listeners] of this.#known) {
      for (const listener of listeners) listener.dispose()
      host.dispose()
    }
    this.#known.clear()
    this.#current = null
  }

  async #host(): Promise<PtyHost> {
    if (this.#current) return this.#current
    const host = await this.#hosts.ensure()
    if (this.#disposed) {
      host.dispose()
      throw new Failure('cancelled', 'The terminals are closed.')
    }
    // Somebody else may have waited for the same one.
    if (this.#current !== host) this.#use(host)
    return host
  }

  #use(host: PtyHost): void {
    this.#current = host
    this.#follow(host)
  }

  #follow(host: PtyHost): void {
    if (this.#known.has(host)) return
    this.#known.set(host, [
      host.onEvent((event) => this.#hear(event)),
      host.onDown(() => void this.#lose(host)),
    ])
  }

  #register(info: PtyInfo, host: PtyHost, draining: boolean): Entry {
    const before = this.#entries.get(info.id)
    // What was heard since it was registered stays known.
    if (before?.terminal.epoch === info.epoch && before.host === host) return before
    const { id, epoch, pid, pidStartedAt, offset, cols, rows, title, lastOutputAt, logging, logPath, exit } =
      info
    const terminal: Terminal = {
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
    }
    const entry: Entry = { terminal, host, draining, ended: Promise.withResolvers() }
    if (exit) entry.ended.resolve()
    this.#entries.set(id, entry)
    const early = this.#early.get(id)
    this.#early.delete(id)
    // Not now: whoever opens it shall have it first, and then hear what it did.
    if (early?.epoch === epoch)
      queueMicrotask(() => {
        for (const event of early.events.values()) this.#hear(event)
      })
    return entry
  }

  #hear(event: PtyEvent): void {
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
        this.#close(entry, 'exited', event.exit)
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

  #close(entry: Entry, state: 'exited' | 'lost', exit: PtyExit): void {
    if (entry.terminal.state !== 'live') return
    Object.assign(entry.terminal, { state, exit, offset: exit.offset })
    entry.ended.resolve()
    this.#events.emit({ id: entry.terminal.id, epoch: entry.terminal.epoch, type: 'ended', exit })
  }

  /** The host is dead: its programs lost their terminals, and what survived that is ended. */
  async #lose(host: PtyHost): Promise<void> {
    this.#known.delete(host)
    if (this.#current === host) this.#current = null
    if (this.#disposed) return
    this.#hosts.died()
    const entries = [...this.#entries.values()].filter((entry) => entry.host === host)
    await Promise.all(
      entries.map(async (entry) => {
        entry.host = null
        if (entry.terminal.state !== 'live') return
        const { id, pid, pidStartedAt, logPath } = entry.terminal
        try {
          const root = pid !== null && pidStartedAt ? { pid, startedAt: pidStartedAt } : null
          const report = await killTree({ root, mark: id })
          if (report.survivors.length > 0)
            this.#log.error('processes outlived their lost terminal', { id, ...report })
        } catch (error) {
          this.#log.error('cannot end what a lost terminal left', { id, error })
        }
        const exit =
          (await this.#exitInLog(entry.terminal)) ?? lostExit(await logEnd(logPath), this.#clock.now())
        this.#close(entry, exit.reason === 'lost' ? 'lost' : 'exited', exit)
      }),
    ).catch((error: unknown) => this.#log.error('cannot bury the terminals of a dead host', { error }))
  }

  /** A terminal that no host holds: how it ended stands in its log, or nobody knows. */
  async #buryUnseen(known: KnownTerminal): Promise<Entry> {
    const exit = await this.#exitInLog(known)
    // Its mark alone counts here: pids may have been given out anew since, start times repeat after a reboot.
    if (!exit) await killTree({ root: null, mark: known.id })
    const end = await logEnd(known.logPath)
    const entry: Entry = {
      terminal: {
        ...known,
        state: exit ? 'exited' : 'lost',
        offset: exit?.offset ?? end,
        title: '',
        lastOutputAt: 0,
        logging: false,
        exit: exit ?? lostExit(end, this.#clock.now()),
      },
      host: null,
      draining: false,
      ended: Promise.withResolvers(),
    }
    entry.ended.resolve()
    this.#entries.set(known.id, entry)
    return entry
  }

  async #exitInLog(life: { epoch: number; logPath: string }): Promise<PtyExit | null> {
    const marks = await readMarks(life.logPath)
    const isThisLife = marks.some((mark) => mark.k === 'open' && mark.epoch === life.epoch)
    const exit = isThisLife ? marks.findLast((mark) => mark.k === 'exit') : undefined
    return exit ?? null
  }

  async #lastScreen(entry: Entry) {
    const { logPath, cols, rows, epoch } = entry.terminal
    const host = await this.#host()
    const screen = await host.replay({ logPath, cols, rows, scrollback: 1_000, want: 'screen' })
    return { mode: 'snapshot' as const, epoch, ...screen }
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id)
    if (!entry) throw missing(id)
    return entry
  }

  #live(id: string): PtyHost {
    const entry = this.#entry(id)
    if (entry.terminal.state !== 'live' || !entry.host)
      throw new Failure('agent_exited', 'The program has ended.', { id })
    if (entry.draining) {
      throw new Failure('illegal_state', 'This terminal runs in an older terminal host and takes no input.', {
        id,
      })
    }
    return entry.host
  }
}

function missing(id: string): Failure {
  return new Failure('terminal_missing', 'There is no such terminal.', { id })
}

function isDown(error: unknown): boolean {
  return isFailure(error, 'pty_failed') && error.data.down === true
}

function lostExit(offset: number, at: number): PtyExit {
  return { code: null, signal: null, reason: 'lost', offset, at }
}

async function logEnd(logPath: string): Promise<number> {
  return (await readLogSlice(logPath, Number.MAX_SAFE_INTEGER, 0)).end
}
