/** What waits to be written to a terminal, in the order of the wire. */
type Step =
  | { kind: 'bytes'; bytes: Uint8Array }
  /** Everything before is void: a snapshot follows. */
  | { kind: 'reset'; cols: number; rows: number }
  | { kind: 'resize'; cols: number; rows: number }

export type Write = { kind: 'bytes'; bytes: Uint8Array } | Exclude<Step, { kind: 'bytes' }>

/** One `term.write`; a larger one parses longer than a frame lasts. */
const MAX_WRITE_BYTES = 256 * 1024

/**
 * Orders output, resizes and resets of one terminal. Bounded by the core: it sends no more than a window of bytes that
 * were not acknowledged.
 */
export class WriteQueue {
  #steps: Step[] = []

  get empty(): boolean {
    return this.#steps.length === 0
  }

  bytes(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#steps.push({ kind: 'bytes', bytes })
  }

  resize(cols: number, rows: number): void {
    this.#steps.push({ kind: 'resize', cols, rows })
  }

  /** Forgets what waits, and gives how many bytes that was: they must be acknowledged all the same. */
  reset(cols: number, rows: number): number {
    let dropped = 0
    for (const step of this.#steps) if (step.kind === 'bytes') dropped += step.bytes.length
    this.#steps = [{ kind: 'reset', cols, rows }]
    return dropped
  }

  /** The next thing to do; null when nothing waits or, for a reset or resize, while writes are in flight. */
  take(inFlight: number): Write | null {
    const head = this.#steps[0]
    if (!head) return null
    if (head.kind !== 'bytes') {
      // xterm writes later than it resets: what is in flight would land behind the reset.
      if (inFlight > 0) return null
      this.#steps.shift()
      return head
    }
    const parts: Uint8Array[] = []
    let size = 0
    for (const step of this.#steps) {
      if (step.kind !== 'bytes' || (size > 0 && size + step.bytes.length > MAX_WRITE_BYTES)) break
      parts.push(step.bytes)
      size += step.bytes.length
    }
    this.#steps.splice(0, parts.length)
    if (parts.length === 1 && parts[0]) return { kind: 'bytes', bytes: parts[0] }
    const joined = new Uint8Array(size)
    let at = 0
    for (const part of parts) {
      joined.set(part, at)
      at += part.length
    }
    return { kind: 'bytes', bytes: joined }
  }
}
