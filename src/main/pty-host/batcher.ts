/** Output is collected this long at most: a third of a frame, so nobody sees it. */
const BATCH_MS = 8
const BATCH_BYTES = 64 * 1024
/** A small piece after silence is an echo: it goes at once. */
const ECHO_BYTES = 1024
/** So long after a key what comes is an answer to it, and is not collected beyond what one look at the terminal gives. */
const HURRY_MS = 100

/**
 * Turns the pieces of 4 KiB at most that a pseudoterminal gives into batches of at most 64 KiB or 8 ms; without it a flooding
 * terminal costs 15,000 messages a second. Bounded by construction: a full batch is handed on synchronously.
 */
export class Batcher {
  readonly #flushed: (batch: Buffer) => void
  readonly #most: () => number
  readonly #monotonic: () => number
  #parts: Buffer[] = []
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined
  #lastFlush = Number.NEGATIVE_INFINITY
  #hurryUntil = Number.NEGATIVE_INFINITY

  /** `most` gives how large a batch may get now, if that is less than 64 KiB. */
  constructor(
    flushed: (batch: Buffer) => void,
    most: () => number = () => BATCH_BYTES,
    monotonic: () => number = () => performance.now(),
  ) {
    this.#flushed = flushed
    this.#most = most
    this.#monotonic = monotonic
  }

  push(chunk: Buffer): void {
    this.#parts.push(chunk)
    this.#bytes += chunk.length
    const now = this.#monotonic()
    const isEcho = this.#parts.length === 1 && chunk.length < ECHO_BYTES && now - this.#lastFlush >= BATCH_MS
    if (isEcho || this.#bytes >= Math.min(BATCH_BYTES, this.#most())) this.flush()
    else if (now < this.#hurryUntil) this.#turn ??= setImmediate(() => this.flush())
    else this.#timer ??= setTimeout(() => this.flush(), BATCH_MS)
  }

  /** Somebody typed: what was collected goes now, and what comes soon waits for nothing. */
  hurry(): void {
    this.#hurryUntil = this.#monotonic() + HURRY_MS
    this.flush()
  }

  flush(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#turn)
    this.#timer = undefined
    this.#turn = undefined
    if (this.#bytes === 0) return
    const batch = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#bytes)
    this.#parts = []
    this.#bytes = 0
    this.#lastFlush = this.#monotonic()
    this.#flushed(batch)
  }
}
