import type { ResumePoint } from '../../shared/contract/terminal-frames.ts'
import { Failure } from '../../shared/domain/failure.ts'
import type { PtyAttachment, PtyExit, PtySink } from '../pty-protocol/pty-host.ts'

/** A reader that is farther behind gets a snapshot instead of what it missed: drawing is cheaper than catching up. */
export const RESUME_BYTES = 256 * 1024
/** Handed over in one piece. */
const PIECE_BYTES = 64 * 1024

/** A change of size at a place in the stream; numbered from 1. */
export interface SizeMark {
  number: number
  offset: number
  cols: number
  rows: number
}

/** What an attachment reads from: one life of one terminal. */
export interface AttachSource {
  readonly epoch: number
  readonly end: number
  readonly exit: PtyExit | null
  /** As `ByteRing.read`. */
  read(offset: number, max: number): Uint8Array | null
  /** The screen; `sizes` is how many size marks it has gone through. */
  snapshot(): { offset: number; cols: number; rows: number; data: Uint8Array; sizes: number }
  /** The size at `offset` and the number of the last mark up to there. */
  sizeAt(offset: number): { cols: number; rows: number; number: number }
  /** The first mark after mark `number`. */
  nextSize(number: number): SizeMark | null
  detached(attachment: Attachment): void
}

/** Sends what was granted and no more; see `PtyAttachment`. */
export class Attachment implements PtyAttachment {
  readonly #source: AttachSource
  readonly #sink: PtySink
  readonly #from: ResumePoint | null
  #credit = 0
  /** Offset of the next byte to send; null before the first screen. */
  #at: number | null = null
  /** Number of the last size mark that the reader knows. */
  #size = 0
  #closed = false

  constructor(source: AttachSource, from: ResumePoint | null, sink: PtySink) {
    this.#source = source
    this.#from = from
    this.#sink = sink
  }

  /** The oldest byte that it may still need; null when it needs none. */
  get position(): number | null {
    return this.#closed ? null : this.#at
  }

  grant(bytes: number): void {
    if (this.#closed) return
    const starved = this.#credit <= 0
    this.#credit += bytes
    if (starved && this.#credit > 0 && this.#at !== null && this.#source.end - this.#at > RESUME_BYTES)
      this.#redraw()
    this.pump()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#source.detached(this)
  }

  /** Sends what there is, as far as the credit goes; called after each batch and when the terminal ends. */
  pump(): void {
    while (!this.#closed && this.#credit > 0) {
      if (this.#at === null) {
        this.#start()
        continue
      }
      const mark = this.#source.nextSize(this.#size)
      if (mark && mark.offset <= this.#at) {
        this.#size = mark.number
        this.#sink.resized(mark.cols, mark.rows)
        continue
      }
      const room = Math.min(this.#credit, PIECE_BYTES, mark ? mark.offset - this.#at : PIECE_BYTES)
      const piece = this.#source.read(this.#at, room)
      if (piece === null) {
        this.#redraw()
        continue
      }
      if (piece.length === 0) break
      const offset = this.#at
      this.#at += piece.length
      this.#credit -= piece.length
      this.#sink.output(offset, piece)
    }
    const exit = this.#source.exit
    if (exit && !this.#closed && this.#at === this.#source.end) {
      this.close()
      this.#sink.exited(exit)
    }
  }

  #start(): void {
    const from = this.#from
    const behind = from && from.epoch === this.#source.epoch ? this.#source.end - from.offset : -1
    if (from && behind >= 0 && behind <= RESUME_BYTES && this.#source.read(from.offset, 1) !== null) {
      const { cols, rows, number } = this.#source.sizeAt(from.offset)
      this.#at = from.offset
      this.#size = number
      this.#sink.screen({
        mode: 'resume',
        epoch: this.#source.epoch,
        offset: from.offset,
        cols,
        rows,
        data: new Uint8Array(0),
      })
    } else {
      this.#redraw()
    }
  }

  #redraw(): void {
    const { offset, cols, rows, data, sizes } = this.#source.snapshot()
    this.#at = offset
    this.#size = sizes
    // May overdraw: the credit grows back as the reader works it off.
    this.#credit -= data.length
    this.#sink.screen({ mode: 'snapshot', epoch: this.#source.epoch, offset, cols, rows, data })
  }
}

/** An attachment to nothing, which says so. */
export function failedAttachment(sink: PtySink, failure: Failure): PtyAttachment {
  let closed = false
  queueMicrotask(() => {
    if (!closed) sink.failed(failure)
  })
  return {
    grant: () => {},
    close: () => {
      closed = true
    },
  }
}

export function unknownTerminal(id: string): Failure {
  return new Failure('terminal_missing', 'There is no such terminal.', { id })
}
