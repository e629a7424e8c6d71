import type { ResumePoint } from '../../shared/contract/terminal-frames.ts'
import { Failure } from '../../shared/domain/failure.ts'
import type { PtyAttachment, PtyExit, PtySink } from '../pty-protocol/pty-host.ts'
import type { Screen } from './session-screen.ts'

/** A reader that comes back and is farther behind gets a snapshot instead of what it missed. */
export const RESUME_BYTES = 256 * 1024
/**
 * So does one that falls behind while it reads: nobody can read a flood, a window that parses all of it takes from the flood
 * itself half of its speed, and the answer to Ctrl-C waits behind it.
 */
const BEHIND_BYTES = 128 * 1024
/** After a flood, quiet for so long, a reader gets what it could scroll back to. */
const CALM_MS = 250
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
  /** The screen, at a place that is still in reach of `read` then. */
  snapshot(): Promise<Screen>
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
  /** A screen is on its way; nothing is sent before it. */
  #drawing = false
  /** The reader has less above its screen than there is. */
  #shallow = false
  #calm: NodeJS.Timeout | undefined

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
    if (starved && this.#credit > 0 && this.#at !== null && this.#source.end - this.#at > BEHIND_BYTES)
      this.#redraw()
    this.pump()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#calm)
    this.#source.detached(this)
  }

  /** Sends what there is, as far as the credit goes; called after each batch and when the terminal ends. */
  pump(): void {
    while (!this.#closed && !this.#drawing && this.#credit > 0) {
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
    if (this.#closed || this.#drawing || this.#at !== this.#source.end) return
    const exit = this.#source.exit
    if (exit && this.#shallow) this.#redraw()
    else if (exit) {
      this.close()
      this.#sink.exited(exit)
    } else if (this.#shallow) this.#deepenAt(this.#source.end)
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

  /** The flood is over when nothing comes for a while after `end`; else the next end is waited for. */
  #deepenAt(end: number): void {
    this.#calm ??= setTimeout(() => {
      this.#calm = undefined
      if (this.#closed || !this.#shallow) return
      if (this.#source.end === end) this.#redraw()
      else if (this.#at === this.#source.end) this.#deepenAt(this.#source.end)
    }, CALM_MS)
  }

  #redraw(): void {
    if (this.#drawing) return
    this.#drawing = true
    this.#source.snapshot().then(
      ({ offset, cols, rows, data, sizes, shallow }) => {
        this.#drawing = false
        if (this.#closed) return
        this.#shallow = shallow
        this.#at = offset
        this.#size = sizes
        // May overdraw: the credit grows back as the reader works it off.
        this.#credit -= data.length
        this.#sink.screen({ mode: 'snapshot', epoch: this.#source.epoch, offset, cols, rows, data })
        this.pump()
      },
      (error: unknown) => {
        this.#drawing = false
        if (this.#closed) return
        this.close()
        this.#sink.failed(new Failure('pty_failed', 'The screen could not be drawn.', {}, { cause: error }))
      },
    )
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
