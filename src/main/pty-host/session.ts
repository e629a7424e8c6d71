import type { ResumePoint } from '../../shared/contract/terminal-frames.ts'
import { ByteRing } from '../kernel/byte-ring.ts'
import type { Clock } from '../kernel/clock.ts'
import { findProcess } from '../kernel/process-table.ts'
import { killTree } from '../kernel/process-tree.ts'
import type {
  KillReport,
  PtyAttachment,
  PtyEvent,
  PtyExit,
  PtyInfo,
  PtyInput,
  PtySink,
  PtySpec,
} from '../pty-protocol/pty-host.ts'
import { Attachment, type AttachSource, RESUME_BYTES, type SizeMark } from './attachment.ts'
import { Batcher } from './batcher.ts'
import { InputQueue, pasteParts } from './input-queue.ts'
import { LOG_HIGH_BYTES, LOG_LOW_BYTES, type LogFiles, LogWriter } from './log-writer.ts'
import { findProgram, type PtyProcess, startPtyProcess } from './pty-process.ts'
import type { Screens } from './screens.ts'
import { type Screen, type SessionScreen, sourceOf } from './session-screen.ts'
import { Throttle } from './throttle.ts'

/** Newest output kept in memory, for readers that come back or fall behind a little. */
const RING_BYTES = 1024 * 1024
const ACTIVITY_MS = 250
const BELL_MS = 1_000
const MAX_COLS = 500
const MAX_ROWS = 300

export interface SessionDeps {
  clock: Clock
  screens: Screens
  logFiles?: LogFiles | undefined
  event: (event: PtyEvent) => void
}

/**
 * One process, its pseudoterminal, its screen and its log. Only the screen and the log ever pause the process; readers
 * (`Attachment`) cannot.
 */
export class Session implements AttachSource {
  readonly #spec: PtySpec
  readonly #deps: SessionDeps
  readonly #log: LogWriter
  readonly #ring = new ByteRing(RING_BYTES)
  readonly #batcher = new Batcher(
    (batch) => this.#take(batch),
    () => this.#deps.screens.allowance(),
  )
  readonly #input = new InputQueue((bytes) => this.#process?.write(bytes) ?? -1)
  readonly #attachments = new Set<Attachment>()
  readonly #startedAt: number
  readonly #activity = new Throttle(ACTIVITY_MS, () =>
    this.#tell({ type: 'activity', offset: this.end, at: this.#lastOutputAt }),
  )
  readonly #titles = new Throttle(ACTIVITY_MS, () => this.#tell({ type: 'title', title: this.#title }))
  readonly #bells = new Throttle(BELL_MS, () => this.#tell({ type: 'bell', at: this.#deps.clock.now() }))
  readonly #notices = new Throttle(BELL_MS, () =>
    this.#tell({ type: 'notice', text: this.#notice, at: this.#deps.clock.now() }),
  )
  #process: PtyProcess | null = null
  readonly #screen: SessionScreen
  #pidStartedAt = ''
  #cols: number
  #rows: number
  /** Marks whose bytes are still in the ring, and the size before the first of them. */
  #sizes: SizeMark[] = []
  #sizeBefore: SizeMark
  #sizeCount = 0
  #title = ''
  #notice = ''
  #lastOutputAt = 0
  #paused = false
  #killing: Promise<KillReport> | null = null
  #killed = false
  #exit: PtyExit | null = null
  readonly #ended = Promise.withResolvers<void>()

  private constructor(spec: PtySpec, deps: SessionDeps, log: LogWriter) {
    this.#spec = spec
    this.#deps = deps
    this.#log = log
    this.#cols = spec.cols
    this.#rows = spec.rows
    this.#sizeBefore = { number: 0, offset: 0, cols: spec.cols, rows: spec.rows }
    this.#startedAt = deps.clock.now()
    const { screens } = deps
    const ring = this.#ring
    const source = sourceOf(spec.logPath, ring, log)
    this.#screen = screens.open(spec, source, {
      answer: (text) => this.#input.answer(Buffer.from(text)),
      title: (title) => {
        this.#title = title
        this.#titles.touch()
      },
      bell: () => this.#bells.touch(),
      notice: (text) => {
        this.#notice = text
        this.#notices.touch()
      },
      drawn: () => {
        // Nobody is let go on farther back than this, and no snapshot starts there: at rest the rest is not needed.
        if (this.#screen.queued === 0) ring.trim(RESUME_BYTES)
        this.#balance()
      },
    })
  }

  /** Starts the program of `wish`. Throws as `PtyHost.create`; nothing is left behind then but a log that says so. */
  static async start(wish: PtySpec, deps: SessionDeps): Promise<Session> {
    const spec = { ...wish, ...clampSize(wish.cols, wish.rows) }
    const program = await findProgram(spec)
    const { id, epoch } = spec
    let drained = () => {}
    const log = await LogWriter.create({
      path: spec.logPath,
      id,
      epoch,
      cols: spec.cols,
      rows: spec.rows,
      segmentBytes: spec.logSegmentBytes,
      segments: spec.logSegments,
      files: deps.logFiles,
      now: () => deps.clock.now(),
      monotonic: () => deps.clock.monotonic(),
      drained: () => drained(),
      changed: (change) => deps.event({ id, epoch, type: 'log', ...change }),
    })
    const session = new Session(spec, deps, log)
    drained = () => session.#balance()
    try {
      await session.#launch(program)
    } catch (error) {
      session.#screen.discard()
      const at = deps.clock.now()
      await log.finish({ at, offset: 0, code: null, signal: null, reason: 'spawn_failed' })
      throw error
    }
    return session
  }

  get epoch(): number {
    return this.#spec.epoch
  }

  get end(): number {
    return this.#ring.end
  }

  get exit(): PtyExit | null {
    return this.#exit
  }

  /** Resolves after the exit was reported. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  info(): PtyInfo {
    return {
      id: this.#spec.id,
      epoch: this.#spec.epoch,
      state: this.#exit ? 'exited' : 'live',
      pid: this.#process?.pid ?? 0,
      pidStartedAt: this.#pidStartedAt,
      startedAt: this.#startedAt,
      offset: this.end,
      cols: this.#cols,
      rows: this.#rows,
      title: this.#title,
      lastOutputAt: this.#lastOutputAt,
      logging: this.#log.logging,
      logPath: this.#spec.logPath,
      exit: this.#exit,
    }
  }

  attach(from: ResumePoint | null, sink: PtySink): PtyAttachment {
    const attachment = new Attachment(this, from, sink)
    this.#attachments.add(attachment)
    return attachment
  }

  write(input: PtyInput): void {
    this.#input.push(input.writer, input.seq, [input.bytes])
    this.#batcher.hurry()
  }

  async paste(text: string, options: { submit: boolean; writer: string; seq: number }): Promise<void> {
    // The program may have asked for brackets in what waits to be parsed.
    this.#batcher.flush()
    const { bracketedPaste } = await this.#screen.settled()
    const parts = pasteParts(text, bracketedPaste, options.submit)
    this.#input.push(options.writer, options.seq, parts)
  }

  resize(wishCols: number, wishRows: number): void {
    const { cols, rows } = clampSize(wishCols, wishRows)
    if (this.#exit || (cols === this.#cols && rows === this.#rows)) return
    this.#batcher.flush()
    this.#cols = cols
    this.#rows = rows
    this.#sizes.push({ number: ++this.#sizeCount, offset: this.end, cols, rows })
    this.#process?.resize(cols, rows)
    this.#screen.resize(cols, rows)
    this.#log.resized(cols, rows)
    this.#pumpAll()
    this.#tell({ type: 'resized', cols, rows })
  }

  /** Ends the whole tree; also what outlived a program that has ended by itself. */
  kill(): Promise<KillReport> {
    this.#killing ??= this.#killAll().finally(() => {
      this.#killing = null
    })
    return this.#killing
  }

  read(offset: number, max: number): Uint8Array | null {
    return this.#ring.read(offset, max)
  }

  snapshot(): Promise<Screen> {
    return this.#screen.snapshot()
  }

  sizeAt(offset: number): SizeMark {
    return this.#sizes.findLast((mark) => mark.offset <= offset) ?? this.#sizeBefore
  }

  nextSize(number: number): SizeMark | null {
    if (number >= this.#sizeCount) return null
    return this.#sizes.find((mark) => mark.number > number) ?? null
  }

  detached(attachment: Attachment): void {
    this.#attachments.delete(attachment)
    if (this.#exit && this.#attachments.size === 0) this.#ring.clear()
  }

  async #launch(program: string): Promise<void> {
    this.#process = startPtyProcess(program, this.#spec, {
      data: (chunk) => this.#batcher.push(chunk),
      exit: (code, signal) => {
        // It never fails: `finish` of the log tells nobody, the rest is memory.
        void this.#finish(code, signal)
      },
    })
    this.#pidStartedAt = (await findProcess(this.#process.pid))?.startedAt ?? ''
  }

  #take(batch: Buffer): void {
    this.#ring.push(batch)
    this.#lastOutputAt = this.#deps.clock.now()
    // Readers first: somebody may wait for the echo of a key.
    this.#pumpAll()
    this.#log.write(batch)
    this.#screen.write(batch)
    this.#balance()
    this.#activity.touch()
    const start = this.#ring.start
    while (this.#sizes[0] && this.#sizes[0].offset < start) this.#sizeBefore = this.#sizes.shift()!
  }

  #pumpAll(): void {
    for (const attachment of [...this.#attachments]) attachment.pump()
  }

  /** Pauses the process while its screen or its log cannot follow. */
  #balance(): void {
    const drawing = this.#screen.queued
    const logging = this.#log.queued
    const most = this.#deps.screens.allowance()
    if (!this.#paused && (drawing > most || logging > LOG_HIGH_BYTES)) {
      this.#paused = true
      this.#process?.pause()
    } else if (this.#paused && drawing <= most * 0.75 && logging < LOG_LOW_BYTES) {
      this.#paused = false
      this.#process?.resume()
    }
  }

  async #finish(code: number | null, signal: number | null): Promise<void> {
    this.#batcher.flush()
    this.#input.close()
    await this.#screen.settled()
    const reason = this.#killed ? 'killed' : 'exited'
    const exit: PtyExit = { code, signal, reason, offset: this.end, at: this.#deps.clock.now() }
    await this.#log.finish({ at: exit.at, offset: exit.offset, code, signal, reason })
    await this.#screen.freeze()
    this.#exit = exit
    this.#pumpAll()
    if (this.#attachments.size === 0) this.#ring.clear()
    for (const throttle of [this.#activity, this.#titles, this.#bells, this.#notices]) throttle.flush()
    this.#tell({ type: 'exit', exit })
    this.#ended.resolve()
  }

  async #killAll(): Promise<KillReport> {
    if (!this.#exit) this.#killed = true
    const pid = this.#process?.pid ?? 0
    const root = this.#pidStartedAt === '' ? null : { pid, startedAt: this.#pidStartedAt }
    const report = await killTree({ root, mark: this.#spec.id })
    if (report.survivors.length === 0) await this.#ended.promise
    return report
  }

  #tell(event: EventBody): void {
    this.#deps.event({ id: this.#spec.id, epoch: this.#spec.epoch, ...event })
  }
}

type EventBody = PtyEvent extends infer E ? (E extends PtyEvent ? Omit<E, 'id' | 'epoch'> : never) : never

function clampSize(cols: number, rows: number): { cols: number; rows: number } {
  const whole = (value: number, max: number) => Math.max(2, Math.min(max, Math.floor(value) || 2))
  return { cols: whole(cols, MAX_COLS), rows: whole(rows, MAX_ROWS) }
}
