import { mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure, messageOf } from '../../shared/domain/failure.ts'
import { indexPath, type LogMark, segmentPath } from '../pty-protocol/log-files.ts'

/** Bytes that may wait for the disk; the process is paused above, and goes on below the second figure. */
export const LOG_HIGH_BYTES = 4 * 1024 * 1024
export const LOG_LOW_BYTES = 1024 * 1024
const SEGMENT_BYTES = 16 * 1024 * 1024
/** Segments kept: 256 MiB of the newest output per terminal. */
const SEGMENTS = 16
/** After a failure the disk is tried again this often, when there is something to write. */
const RETRY_MS = 2_000
/** Power loss may cost this much output (QUALITY.md §2.2). */
const SYNC_MS = 1_000
/** Marks of time are enough for a scrubber at one a second, and stop counting at this size of the index (8 h). */
const TIME_MARK_MS = 1_000
const MAX_TIME_MARKS = 40_000
/** Marks kept for an index that cannot be written; times go first, then the oldest. */
const MAX_WAITING_MARKS = 1_000

/** The few file operations that a log needs; tests make them fail. */
export interface LogFile {
  /** Writes at the end of the file; gives how many bytes it took. */
  append(parts: readonly Uint8Array[]): Promise<number>
  sync(): Promise<void>
  close(): Promise<void>
}
export interface LogFiles {
  /** `exclusive` fails with EEXIST when the file is there. */
  open(path: string, exclusive: boolean): Promise<LogFile>
  remove(path: string): Promise<void>
}

export const realLogFiles: LogFiles = {
  async open(path, exclusive) {
    const openIt = () => open(path, exclusive ? 'ax' : 'a', 0o600)
    const file = await openIt().catch(async (error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      return await openIt()
    })
    return {
      append: async (parts) => (await file.writev([...parts])).bytesWritten,
      sync: () => file.datasync(),
      close: () => file.close(),
    }
  },
  remove: (path) => unlink(path),
}

export interface LogWriterOptions {
  path: string
  id: string
  epoch: number
  cols: number
  rows: number
  segmentBytes?: number | undefined
  segments?: number | undefined
  files?: LogFiles | undefined
  now: () => number
  monotonic: () => number
  /** The queue got shorter. */
  drained: () => void
  /** Logging stopped or goes on; `lost` bytes before `offset` are missing. */
  changed: (change: { logging: boolean; offset: number; lost: number; message: string }) => void
}

interface Piece {
  /** Offset of the first byte. */
  start: number
  bytes: Uint8Array
}

/**
 * Appends a terminal's output to its log, in order, one write under way at a time. A failing disk stops the log, never
 * the terminal: what comes meanwhile is given up, and marked as a gap once a new segment could be written.
 */
export class LogWriter {
  readonly #options: LogWriterOptions
  readonly #files: LogFiles
  readonly #segments: number[] = [0]
  #file: LogFile | null = null
  #index: LogFile | null = null
  /** The index may end within a line. */
  #indexTorn = false
  #indexRetryAt = 0
  #queue: Piece[] = []
  #queued = 0
  /** Offset after the last byte that was given to `write`. */
  #end = 0
  /** Offset after the last byte that is in a file: where a gap begins while the log is stopped. */
  #written = 0
  #stopped = false
  #retryAt = 0
  #marks: LogMark[] = []
  #timeMarks = 0
  #lastTimeMark = Number.NEGATIVE_INFINITY
  #syncTimer: NodeJS.Timeout | undefined
  #pumping: Promise<void> | null = null

  private constructor(options: LogWriterOptions) {
    this.#options = options
    this.#files = options.files ?? realLogFiles
  }

  /**
   * Begins a new log. A disk that fails stops it from the start (reported by `changed`); a log that exists already throws
   * `illegal_state`: two lives of a terminal must not mix.
   */
  static async create(options: LogWriterOptions): Promise<LogWriter> {
    const log = new LogWriter(options)
    const { id, epoch, cols, rows } = options
    log.#marks.push({ k: 'open', at: options.now(), id, epoch, cols, rows })
    try {
      log.#file = await log.#files.open(options.path, true)
    } catch (error) {
      // Not that of `mkdir`, which means that something else stands where the folder should be.
      const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST'
      if (isThere && 'syscall' in error && error.syscall === 'open') {
        throw new Failure(
          'illegal_state',
          'This terminal has a log already.',
          { path: options.path },
          { cause: error },
        )
      }
      log.#stop(error)
    }
    // The index is begun with the first output: until then there is nothing in it that a reader would miss.
    return log
  }

  /** Bytes that wait for the disk. */
  get queued(): number {
    return this.#queued
  }

  get logging(): boolean {
    return !this.#stopped
  }

  write(bytes: Uint8Array): void {
    const now = this.#options.monotonic()
    const start = this.#end
    this.#end += bytes.length
    if (this.#stopped && now < this.#retryAt) return
    if (now - this.#lastTimeMark >= TIME_MARK_MS && this.#timeMarks < MAX_TIME_MARKS) {
      this.#lastTimeMark = now
      this.#timeMarks++
      this.#marks.push({ k: 'time', at: this.#options.now(), offset: start })
    }
    this.#queue.push({ start, bytes })
    this.#queued += bytes.length
    this.#pump()
  }

  resized(cols: number, rows: number): void {
    this.#marks.push({ k: 'size', at: this.#options.now(), offset: this.#end, cols, rows })
    this.#pump()
  }

  /** Resolves with how far the log goes, once everything that can be in it is there. */
  async settled(): Promise<number> {
    while (this.#pumping) await this.#pumping
    return this.#written
  }

  /** Writes what waits and the end of the terminal, and closes the files. Never throws: there is nobody left to tell. */
  async finish(exit: Omit<Extract<LogMark, { k: 'exit' }>, 'k'>): Promise<void> {
    await this.settled()
    if (this.#stopped && this.#end > this.#written) this.#markGap(this.#end)
    this.#marks.push({ k: 'exit', ...exit })
    this.#indexRetryAt = 0
    await this.#appendMarks()
    clearTimeout(this.#syncTimer)
    for (const file of [this.#file, this.#index]) {
      await file?.sync().catch(() => {})
      await file?.close().catch(() => {})
    }
    this.#file = null
    this.#index = null
  }

  #pump(): void {
    this.#pumping ??= this.#run().finally(() => {
      this.#pumping = null
    })
  }

  async #run(): Promise<void> {
    // Behind the current turn, so that the pieces of one turn are one write.
    await Promise.resolve()
    for (;;) {
      const batch = this.#queue
      const size = this.#queued
      this.#queue = []
      if (batch.length > 0) {
        try {
          await this.#append(batch)
        } catch (error) {
          this.#stop(error)
        }
        this.#queued -= size
        this.#options.drained()
      }
      if (this.#marks.length > 0) await this.#appendMarks()
      if (this.#queue.length === 0) return
    }
  }

  async #append(batch: readonly Piece[]): Promise<void> {
    const start = batch[0]!.start
    if (this.#stopped || !this.#file) await this.#openSegment(start)
    else if (this.#written - this.#segments.at(-1)! >= (this.#options.segmentBytes ?? SEGMENT_BYTES))
      await this.#rotate()
    let at = start
    let rest: readonly Uint8Array[] = batch.map((piece) => piece.bytes)
    while (rest.length > 0) {
      const taken = (await this.#file?.append(rest)) ?? 0
      if (taken <= 0) throw new Error('the disk takes no bytes')
      // Only a write proves that there is room again: a file can be opened on a full disk.
      if (this.#stopped) this.#goOn(start)
      at += taken
      this.#written = at
      rest = skip(rest, taken)
    }
    this.#syncSoon()
  }

  async #rotate(): Promise<void> {
    await this.#file?.sync()
    await this.#openSegment(this.#written)
    while (this.#segments.length > (this.#options.segments ?? SEGMENTS)) {
      await this.#files.remove(segmentPath(this.#options.path, this.#segments.shift()!)).catch(() => {})
      this.#marks.push({ k: 'cut', at: this.#options.now(), offset: this.#segments[0]! })
    }
  }

  async #openSegment(start: number): Promise<void> {
    await this.#file?.close().catch(() => {})
    this.#file = null
    this.#file = await this.#files.open(segmentPath(this.#options.path, start), start > 0)
    if (this.#segments.at(-1) !== start) this.#segments.push(start)
  }

  #goOn(start: number): void {
    const lost = start - this.#written
    this.#stopped = false
    if (lost > 0) this.#markGap(start)
    this.#options.changed({ logging: true, offset: start, lost, message: 'The log goes on.' })
  }

  #markGap(end: number): void {
    this.#marks.push({ k: 'gap', at: this.#options.now(), offset: this.#written, lost: end - this.#written })
  }

  #stop(error: unknown): void {
    this.#retryAt = this.#options.monotonic() + RETRY_MS
    // What piled up while the write failed would fail as well, and soon.
    this.#queued -= this.#queue.reduce((sum, piece) => sum + piece.bytes.length, 0)
    this.#queue = []
    const last = this.#segments.at(-1)!
    if (last > 0 && this.#written <= last) {
      // Nothing came into this segment: it must not stay as an empty file, one for each try.
      this.#segments.pop()
      const file = this.#file
      this.#file = null
      file?.close().catch(() => {})
      this.#files.remove(segmentPath(this.#options.path, last)).catch(() => {})
    }
    if (this.#stopped) return
    this.#stopped = true
    this.#options.changed({ logging: false, offset: this.#written, lost: 0, message: messageOf(error) })
  }

  async #appendMarks(): Promise<void> {
    if (this.#options.monotonic() < this.#indexRetryAt) return
    const marks = this.#marks
    this.#marks = []
    try {
      this.#index ??= await this.#files.open(indexPath(this.#options.path), false)
      const lines = marks.map((mark) => `${JSON.stringify(mark)}\n`).join('')
      let rest: readonly Uint8Array[] = [Buffer.from(this.#indexTorn ? `\n${lines}` : lines)]
      this.#indexTorn = true
      while (rest.length > 0) {
        const taken = await this.#index.append(rest)
        if (taken <= 0) throw new Error('the disk takes no bytes')
        rest = skip(rest, taken)
      }
      this.#indexTorn = false
    } catch {
      this.#indexRetryAt = this.#options.monotonic() + RETRY_MS
      this.#marks = [...marks.filter((mark) => mark.k !== 'time'), ...this.#marks].slice(-MAX_WAITING_MARKS)
    }
  }

  #syncSoon(): void {
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined
      this.#file?.sync().catch(() => {})
    }, SYNC_MS).unref()
  }
}

/** `parts` without their first `bytes` bytes. */
function skip(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  const rest = [...parts]
  let left = bytes
  while (left > 0) {
    const first = rest[0]
    if (!first) return []
    if (first.length > left) {
      rest[0] = first.subarray(left)
      return rest
    }
    left -= first.length
    rest.shift()
  }
  return rest
}
