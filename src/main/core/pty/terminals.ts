import { randomUUID } from 'node:crypto'
import type { ResumePoint } from '../../../shared/contract/terminal-frames.ts'
import { Failure, isFailure } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Disposable } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import { killTree } from '../../kernel/process-tree.ts'
import { type LogMark, logPathOfLife, readLogSlice, readMarks } from '../../pty-protocol/log-files.ts'
import type {
  KillReport,
  PtyAttachment,
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
import { missing, TerminalBook, type TerminalEntry } from './terminal-book.ts'
import { buryLost, buryUnseen, lostExit } from './terminal-end.ts'

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

/** See `TerminalRegistry`. */
export class Terminals implements TerminalRegistry {
  readonly #hosts: HostSource
  readonly #clock: Clock
  readonly #log: Logger
  readonly #book: TerminalBook
  readonly #known = new Map<PtyHost, Disposable[]>()
  readonly #writer = `core-${randomUUID()}`
  #seq = 0
  #current: PtyHost | null = null
  #disposed = false

  constructor(options: TerminalsOptions) {
    this.#hosts = options.hosts
    this.#clock = options.clock
    this.#log = options.log
    this.#book = new TerminalBook(options.log)
  }

  async adopt(known: readonly KnownTerminal[]): Promise<AdoptReport> {
    const report: AdoptReport = { adopted: [], ended: [], lost: [], unstarted: [], unknown: [] }
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
        report.adopted.push(this.#book.register(found.info, found.host, found.draining).terminal)
      } else {
        const terminal = await buryUnseen(one, () => this.#clock.now())
        if (!terminal) {
          report.unstarted.push(one)
          continue
        }
        this.#book.enter(terminal, null, false)
        ;(terminal.state === 'lost' ? report.lost : report.ended).push(terminal)
      }
    }
    for (const { host, info, draining } of held.values())
      report.unknown.push(this.#book.register(info, host, draining).terminal)
    return report
  }

  async open(spec: PtySpec): Promise<Terminal> {
    const before = this.#book.get(spec.id)
    if (before?.terminal.state === 'live' && before.terminal.epoch !== spec.epoch) {
      throw new Failure('illegal_state', 'This terminal is still running.', { id: spec.id })
    }
    const host = await this.#host()
    try {
      return this.#book.register(await host.create(spec), host, false).terminal
    } catch (error) {
      // A host that died over it may have started the program, which would run on unknown to anybody.
      if (isDown(error)) await killTree({ root: null, mark: spec.id })
      throw error
    }
  }

  get(id: string): Terminal | null {
    return this.#book.get(id)?.terminal ?? null
  }

  list(): Terminal[] {
    return this.#book.all().map((entry) => entry.terminal)
  }

  attach(id: string, from: ResumePoint | null, sink: PtySink): PtyAttachment {
    const entry = this.#book.get(id)
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
    const { terminal, host, draining } = this.#book.require(id)
    // Its host knows whether this is only a repeat of what the program got before it ended: then all is well.
    const knows = terminal.state === 'exited' && !draining ? host : null
    await (knows ?? this.#live(id)).write(id, input)
  }

  async sendText(id: string, text: string, options: { submit?: boolean } = {}): Promise<void> {
    const how = { submit: options.submit ?? true, writer: this.#writer, seq: ++this.#seq }
    // A writer of its own per text: one refused text must not hold back those to other terminals.
    await this.#live(id).paste(id, text, { ...how, writer: `${how.writer}-${how.seq}`, seq: 1 })
  }

  async resize(id: string, cols: number, rows: number): Promise<void> {
    const entry = this.#book.require(id)
    if (entry.terminal.state === 'live' && entry.host && !entry.draining)
      await entry.host.resize(id, cols, rows)
  }

  async kill(id: string, reason: string): Promise<KillReport> {
    const entry = this.#book.require(id)
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
    const entry = this.#book.require(id)
    if (entry.terminal.state === 'live')
      throw new Failure('illegal_state', 'This terminal is still running.', { id })
    this.#book.delete(id)
    await entry.host?.forget(id).catch((error: unknown) => {
      if (!isDown(error) && !isFailure(error, 'terminal_missing')) throw error
    })
  }

  async readLog(id: string, fromOffset: number, maxBytes: number, epoch?: number): Promise<LogSlice> {
    return await readLogSlice(this.#logPath(id, epoch), fromOffset, maxBytes)
  }

  async readMarks(id: string, epoch?: number): Promise<LogMark[]> {
    return await readMarks(this.#logPath(id, epoch))
  }

  async replay(
    id: string,
    { epoch, ...request }: { want: 'screen' | 'text'; scrollback: number; until?: number; epoch?: number },
  ) {
    const { cols, rows } = this.#book.require(id).terminal
    const logPath = this.#logPath(id, epoch)
    return await (await this.#host()).replay({ logPath, cols, rows, ...request })
  }

  onEvent(listener: (event: TerminalEvent) => void): Disposable {
    return this.#book.onEvent(listener)
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
      host.onEvent((event) => this.#book.hear(event)),
      host.onDown(() => void this.#lose(host)),
    ])
  }

  /** The host is dead: its programs lost their terminals, and what survived that is ended. */
  async #lose(host: PtyHost): Promise<void> {
    this.#known.delete(host)
    if (this.#current === host) this.#current = null
    if (this.#disposed) return
    this.#hosts.died()
    const entries = this.#book.all().filter((entry) => entry.host === host)
    await Promise.all(
      entries.map(async (entry) => {
        entry.host = null
        if (entry.terminal.state !== 'live') return
        const exit = await buryLost(entry.terminal, () => this.#clock.now(), this.#log)
        this.#book.close(entry, exit.reason === 'lost' ? 'lost' : 'exited', exit)
      }),
    ).catch((error: unknown) => this.#log.error('cannot bury the terminals of a dead host', { error }))
  }

  async #lastScreen(entry: TerminalEntry) {
    const { logPath, cols, rows, epoch } = entry.terminal
    const host = await this.#host()
    const screen = await host.replay({ logPath, cols, rows, scrollback: 1_000, want: 'screen' })
    return { mode: 'snapshot' as const, epoch, ...screen }
  }

  #logPath(id: string, epoch?: number): string {
    const { terminal } = this.#book.require(id)
    return epoch === undefined ? terminal.logPath : logPathOfLife(terminal, epoch)
  }

  #live(id: string): PtyHost {
    const entry = this.#book.require(id)
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

function isDown(error: unknown): boolean {
  return isFailure(error, 'pty_failed') && error.data.down === true
}
