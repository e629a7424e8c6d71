import type { ResumePoint } from '../../shared/contract/terminal-frames.ts'
import { Failure, FailureCode, messageOf } from '../../shared/domain/failure.ts'
import { Emitter } from '../kernel/emitter.ts'
import type { Logger } from '../kernel/logger.ts'
import type { Connection, ConnectionEvents } from './connection.ts'
import type { WireFrame } from './framing.ts'
import {
  InfoValue,
  KillValue,
  ListValue,
  type Note,
  ReplayValue,
  type Reply,
  ReplySchema,
  type RequestBody,
} from './messages.ts'
import type { PtyAttachment, PtyEvent, PtyHost, PtyInfo, PtySink } from './pty-host.ts'

/** Requests that wait for an answer; beyond, the caller is told to try again later. */
const MAX_PENDING = 4_096
/** Pauses between attempts to reach a host that lives but does not answer, ms. */
const RETRY_MS = [0, 50, 200, 500, 1_000, 2_000] as const

export interface SocketPtyHostOptions {
  log: Logger
  /** Opens an authenticated connection; called again when it breaks while the host lives. */
  connect: (makeEvents: (connection: Connection) => ConnectionEvents) => Promise<Connection>
  /** True while the host process lives. */
  isAlive: () => Promise<boolean>
}

interface Pending {
  body: RequestBody
  tail: Uint8Array | undefined
  resolve: (answer: { value: unknown; tail: Buffer }) => void
  reject: (error: Error) => void
}

interface Reader {
  id: string
  from: ResumePoint | null
  sink: PtySink
  /** Granted and not yet received. */
  credit: number
}

/**
 * The pty-host behind a socket. A broken connection is opened again as long as the host lives: requests that wait are
 * asked again (all of them are idempotent), readers go on at their offset, missed ends are told. When the host is dead,
 * everything fails with `pty_failed` and `data.down`, and `onDown` fires.
 */
export class SocketPtyHost implements PtyHost {
  readonly #options: SocketPtyHostOptions
  readonly #events: Emitter<PtyEvent>
  readonly #down: Emitter<void>
  readonly #pending = new Map<number, Pending>()
  readonly #readers = new Map<number, Reader>()
  #connection: Connection | null = null
  #next = 1
  #state: 'open' | 'down' | 'disposed' = 'open'

  private constructor(options: SocketPtyHostOptions) {
    this.#options = options
    const onError = (error: unknown) => options.log.error('a listener of terminal events failed', { error })
    this.#events = new Emitter(onError)
    this.#down = new Emitter(onError)
  }

  /** Throws `pty_failed` when the host cannot be reached. */
  static async open(options: SocketPtyHostOptions): Promise<SocketPtyHost> {
    const host = new SocketPtyHost(options)
    await host.#connect()
    return host
  }

  /** Protocol version of the host; 0 while there is no connection. */
  get version(): number {
    return this.#connection?.version ?? 0
  }

  get isDown(): boolean {
    return this.#state !== 'open'
  }

  async list() {
    return ListValue.parse((await this.#ask({ op: 'list' })).value)
  }

  async create(spec: Parameters<PtyHost['create']>[0]): Promise<PtyInfo> {
    return InfoValue.parse((await this.#ask({ op: 'create', spec: { ...spec, args: [...spec.args] } })).value)
  }

  attach(id: string, from: ResumePoint | null, sink: PtySink): PtyAttachment {
    const a = this.#next++
    const reader: Reader = { id, from, sink, credit: 0 }
    this.#readers.set(a, reader)
    if (this.#state !== 'open') queueMicrotask(() => this.#readers.delete(a) && sink.failed(downFailure()))
    else this.#note({ op: 'attach', a, id, from })
    return {
      grant: (bytes) => {
        if (!this.#readers.has(a)) return
        reader.credit += bytes
        this.#note({ op: 'grant', a, bytes })
      },
      close: () => {
        if (this.#readers.delete(a)) this.#note({ op: 'detach', a })
      },
    }
  }

  async write(id: string, input: { writer: string; seq: number; bytes: Uint8Array }): Promise<void> {
    await this.#ask({ op: 'write', id, writer: input.writer, seq: input.seq }, input.bytes)
  }

  async paste(
    id: string,
    text: string,
    how: { submit: boolean; writer: string; seq: number },
  ): Promise<void> {
    await this.#ask({ op: 'paste', id, text, submit: how.submit, writer: how.writer, seq: how.seq })
  }

  async resize(id: string, cols: number, rows: number): Promise<void> {
    await this.#ask({ op: 'resize', id, cols, rows })
  }

  async kill(id: string, reason: string) {
    return KillValue.parse((await this.#ask({ op: 'kill', id, reason })).value)
  }

  async forget(id: string): Promise<void> {
    await this.#ask({ op: 'forget', id })
  }

  async replay(request: Parameters<PtyHost['replay']>[0]) {
    const { value, tail } = await this.#ask({ op: 'replay', ...request })
    return { ...ReplayValue.parse(value), data: tail }
  }

  /** Asks a host of another version to leave with its last program. */
  async drain(): Promise<void> {
    await this.#ask({ op: 'drain' })
  }

  onEvent(listener: (event: PtyEvent) => void) {
    return this.#events.on(listener)
  }

  onDown(listener: () => void) {
    return this.#down.on(listener)
  }

  /** Leaves the host alone with its programs. */
  dispose(): void {
    if (this.#state === 'disposed') return
    this.#state = 'disposed'
    this.#connection?.close()
    this.#connection = null
    this.#failAll(new Failure('cancelled', 'The connection to the terminal host was closed.'))
    this.#readers.clear()
  }

  async #connect(): Promise<void> {
    let mine: Connection | null = null
    const connection = await this.#options.connect((opened) => {
      mine = opened
      return {
        frame: (frame) => this.#take(frame),
        closed: (error) => {
          if (this.#connection !== mine) return
          this.#connection = null
          if (this.#state === 'open') void this.#reconnect(error)
        },
      }
    })
    if (this.#state !== 'open') {
      connection.close()
      return
    }
    this.#connection = connection
  }

  async #reconnect(error: Error | null): Promise<void> {
    this.#options.log.warn('lost the terminal host, looking for it', { error })
    for (let tries = 0; this.#state === 'open'; tries++) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]))
      if (!(await this.#options.isAlive())) {
        this.#fall()
        return
      }
      try {
        await this.#connect()
        this.#resume()
        return
      } catch (failure) {
        this.#options.log.warn('the terminal host does not answer', { error: failure })
      }
    }
  }

  #resume(): void {
    for (const [re, { body, tail }] of this.#pending) this.#connection?.send({ ...body, re }, tail)
    for (const [a, reader] of this.#readers) {
      this.#note({ op: 'attach', a, id: reader.id, from: reader.from })
      if (reader.credit > 0) this.#note({ op: 'grant', a, bytes: reader.credit })
    }
    // Events were missed: what still counts of them is told again.
    this.list().then(
      (infos) => {
        for (const { id, epoch, offset, lastOutputAt, title, exit } of infos) {
          this.#events.emit({ id, epoch, type: 'activity', offset, at: lastOutputAt })
          this.#events.emit({ id, epoch, type: 'title', title })
          if (exit) this.#events.emit({ id, epoch, type: 'exit', exit })
        }
      },
      (error: unknown) => this.#options.log.warn('cannot list terminals', { error }),
    )
  }

  #fall(): void {
    if (this.#state !== 'open') return
    this.#state = 'down'
    const readers = [...this.#readers.values()]
    this.#readers.clear()
    this.#failAll(downFailure())
    this.#down.emit()
    for (const reader of readers) reader.sink.failed(downFailure())
  }

  #failAll(error: Failure): void {
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject } of waiting) reject(error)
  }

  #ask(body: RequestBody, tail?: Uint8Array): Promise<{ value: unknown; tail: Buffer }> {
    if (this.#state !== 'open') return Promise.reject(downFailure())
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(new Failure('limit', 'The terminal host is busy; try again later.'))
    }
    return new Promise((resolve, reject) => {
      const re = this.#next++
      this.#pending.set(re, { body, tail, resolve, reject })
      try {
        this.#connection?.send({ ...body, re }, tail)
      } catch (error) {
        this.#pending.delete(re)
        reject(new Failure('invalid_input', `Too long for the terminal host: ${messageOf(error)}`))
      }
    })
  }

  #note(note: Note): void {
    this.#connection?.send(note)
  }

  #take({ header, tail }: WireFrame): void {
    const reply: Reply = ReplySchema.parse(header)
    switch (reply.op) {
      case 'ok':
        this.#pending.get(reply.re)?.resolve({ value: reply.value, tail })
        this.#pending.delete(reply.re)
        break
      case 'no':
        this.#pending.get(reply.re)?.reject(failureOf(reply.code, reply.message, reply.data))
        this.#pending.delete(reply.re)
        break
      case 'event':
        this.#events.emit(reply.event)
        break
      default:
        this.#serve(reply, tail)
    }
  }

  #serve(reply: Extract<Reply, { a: number }>, tail: Buffer): void {
    const reader = this.#readers.get(reply.a)
    if (!reader) return
    switch (reply.op) {
      case 'screen': {
        const { mode, epoch, offset, cols, rows } = reply
        reader.from = { epoch, offset }
        reader.credit -= tail.length
        reader.sink.screen({ mode, epoch, offset, cols, rows, data: tail })
        break
      }
      case 'out':
        if (reader.from) reader.from = { epoch: reader.from.epoch, offset: reply.offset + tail.length }
        reader.credit -= tail.length
        reader.sink.output(reply.offset, tail)
        break
      case 'resized':
        reader.sink.resized(reply.cols, reply.rows)
        break
      case 'exited':
        this.#readers.delete(reply.a)
        reader.sink.exited(reply.exit)
        break
      case 'failed':
        this.#readers.delete(reply.a)
        reader.sink.failed(failureOf(reply.code, reply.message, {}))
        break
    }
  }
}

/** A code that this version does not know (a newer host) counts as `pty_failed`. */
function failureOf(code: string, message: string, data: Record<string, unknown>): Failure {
  const known = FailureCode.safeParse(code)
  return new Failure(known.success ? known.data : 'pty_failed', message, data)
}

/** Every terminal of this host is lost. */
function downFailure(): Failure {
  return new Failure('pty_failed', 'The terminal host has died.', { down: true })
}
