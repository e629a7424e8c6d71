/** What the engineer typed and nobody confirmed; beyond this the program does not read, and more would only pile up. */
const MAX_WAITING_BYTES = 1024 * 1024
/** One frame of input; a paste is cut into these. */
const MAX_FRAME_BYTES = 32 * 1024

export interface InputFrame {
  seq: number
  bytes: Uint8Array
}

/**
 * Keeps each input of one writer until the core says that it has it, so that nothing typed is lost or doubled when the
 * wire breaks: the numbers tell the core what it already knows.
 */
export class InputQueue {
  /** Names the typist for ever; see `ClientFrame.open`. */
  readonly writer: string
  #seq = 0
  #waiting: InputFrame[] = []
  #waitingBytes = 0

  constructor(writer: string) {
    this.writer = writer
  }

  /** Takes input and gives the frames to send; null when too much waits already (nothing of it is taken). */
  push(bytes: Uint8Array): InputFrame[] | null {
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) return null
    const frames: InputFrame[] = []
    for (let at = 0; at < bytes.length; at += MAX_FRAME_BYTES) {
      this.#seq += 1
      frames.push({ seq: this.#seq, bytes: bytes.subarray(at, at + MAX_FRAME_BYTES) })
    }
    this.#waiting.push(...frames)
    this.#waitingBytes += bytes.length
    return frames
  }

  /** The core has everything up to `seq`. */
  acked(seq: number): void {
    while (this.#waiting[0] && this.#waiting[0].seq <= seq) {
      this.#waitingBytes -= this.#waiting.shift()?.bytes.length ?? 0
    }
  }

  /** What must be sent again after a reconnect, in order. */
  unconfirmed(): readonly InputFrame[] {
    return this.#waiting
  }

  /** Gives up what waits: the program is gone. */
  clear(): void {
    this.#waiting = []
    this.#waitingBytes = 0
  }
}
