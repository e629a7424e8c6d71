import { Failure } from '../../shared/domain/failure.ts'

/** What may wait for a process that does not read. More is refused: the typist keeps it and sends it again. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024
/** What one write offers to the kernel, whose own buffer is 4 KiB in raw mode. */
const CHUNK_BYTES = 4 * 1024
/** Waits between attempts on a full terminal, ms: short for one that is busy, long for one that is stuck. */
const RETRY_MS = [1, 2, 4, 8, 16, 32, 50] as const
/** Typists remembered; the one that was silent longest is forgotten. */
const MAX_WRITERS = 64
/** Between a pasted text and its Enter: programs take what comes in one piece for one paste. */
const ENTER_AFTER_MS = 60

interface Item {
  bytes: Uint8Array
  /** Milliseconds to wait before this one, once everything before it was taken. */
  after: number
}

/**
 * Bytes on their way to a process: in order, in pieces, each numbered input once, and never more than 4 MiB of them.
 */
export class InputQueue {
  /** Writes now what fits; gives its size, 0 for full, -1 for closed. */
  readonly #write: (bytes: Uint8Array) => number
  readonly #items: Item[] = []
  readonly #lastSeq = new Map<string, number>()
  #bytes = 0
  #retries = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(write: (bytes: Uint8Array) => number) {
    this.#write = write
  }

  /**
   * Queues `parts` in order as one input; the parts after the first are separate writes. False when `seq` of `writer` was
   * queued before. Throws `limit` when they do not fit, or when an input between was refused: send again from
   * `data.next` on. Throws `agent_exited` when the terminal is closed.
   */
  push(writer: string, seq: number, parts: readonly Uint8Array[]): boolean {
    const last = this.#lastSeq.get(writer)
    if (last !== undefined && seq <= last) return false
    if (this.#closed) throw new Failure('agent_exited', 'The program has ended.')
    const size = parts.reduce((sum, part) => sum + part.length, 0)
    const skips = last !== undefined && seq > last + 1
    if (skips || this.#bytes + size > MAX_QUEUED_BYTES) {
      // Remembered, so that no later input overtakes the refused one.
      this.#lastSeq.set(writer, last ?? seq - 1)
      const next = (last ?? seq - 1) + 1
      throw new Failure('limit', 'The program does not read its input; try again later.', {
        queued: this.#bytes,
        next,
      })
    }
    this.#lastSeq.delete(writer)
    this.#lastSeq.set(writer, seq)
    for (const eldest of this.#lastSeq.keys()) {
      if (this.#lastSeq.size <= MAX_WRITERS) break
      this.#lastSeq.delete(eldest)
    }
    for (const [i, bytes] of parts.entries()) this.#items.push({ bytes, after: i === 0 ? 0 : ENTER_AFTER_MS })
    this.#bytes += size
    if (this.#timer === undefined) this.#pump()
    return true
  }

  /** An answer of the emulator: goes behind what waits, and is dropped when the process reads nothing. */
  answer(bytes: Uint8Array): void {
    if (this.#closed || this.#bytes + bytes.length > CHUNK_BYTES) return
    this.#items.push({ bytes, after: 0 })
    this.#bytes += bytes.length
    if (this.#timer === undefined) this.#pump()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#items.length = 0
    this.#bytes = 0
  }

  #pump(): void {
    this.#timer = undefined
    for (let item = this.#items[0]; item; item = this.#items[0]) {
      if (item.after > 0) {
        this.#timer = setTimeout(() => this.#pump(), item.after)
        item.after = 0
        return
      }
      const written = item.bytes.length === 0 ? 0 : this.#write(item.bytes.subarray(0, CHUNK_BYTES))
      if (written < 0) {
        this.close()
        return
      }
      if (written === 0 && item.bytes.length > 0) {
        this.#timer = setTimeout(() => this.#pump(), RETRY_MS[Math.min(this.#retries++, RETRY_MS.length - 1)])
        return
      }
      this.#retries = 0
      this.#bytes -= written
      item.bytes = item.bytes.subarray(written)
      if (item.bytes.length === 0) this.#items.shift()
    }
  }
}

const PASTE_START = '\u001b[200~'
const PASTE_END = '\u001b[201~'

/** Controls but tab and line feed; ESC with what could end the paste or start a command goes with them. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

/**
 * The writes that type `text`: without controls (so no ESC[201~ can end the paste), in brackets when the program asked for
 * them, lines separated as Enter would where it did not; then, for `submit`, Enter by itself.
 */
export function pasteParts(text: string, bracketed: boolean, submit: boolean): Uint8Array[] {
  const clean = text
    .replace(/\r\n?/g, '\n')
    .replaceAll(PASTE_START, '')
    .replaceAll(PASTE_END, '')
    .replace(CONTROLS, '')
  const lines = bracketed
    ? `${PASTE_START}${clean.replaceAll('\n', '\r')}${PASTE_END}`
    : clean.replaceAll('\n', '\r')
  const parts = clean === '' ? [] : [Buffer.from(lines)]
  return submit ? [...parts, Buffer.from('\r')] : parts
}
