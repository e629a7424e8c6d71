/** First block of a ring: most terminals at rest never need more. */
const FIRST_BLOCK_BYTES = 4 * 1024
/** So large that glibc maps it by itself and gives it back to the system when it is done with. */
const BLOCK_BYTES = 128 * 1024

interface Block {
  start: number
  used: number
  bytes: Uint8Array
}

/**
 * The last bytes of an endless stream, addressed by absolute offset. Holds at least `capacity` of them and at most one
 * block (128 KiB) more; the oldest are given up. Written bytes are never changed, so what `read` gives may be kept.
 */
export class ByteRing {
  readonly #capacity: number
  #blocks: Block[] = []
  #end: number

  constructor(capacity: number, start = 0) {
    this.#capacity = capacity
    this.#end = start
  }

  /** Offset of the oldest byte that is still here. */
  get start(): number {
    return this.#blocks[0]?.start ?? this.#end
  }

  /** Offset after the newest byte. */
  get end(): number {
    return this.#end
  }

  push(bytes: Uint8Array): void {
    let rest = bytes
    while (rest.length > 0) {
      let block = this.#blocks.at(-1)
      if (!block || block.used === block.bytes.length) {
        const size = this.#blocks.length === 0 ? FIRST_BLOCK_BYTES : BLOCK_BYTES
        block = { start: this.#end, used: 0, bytes: new Uint8Array(size) }
        this.#blocks.push(block)
      }
      const part = rest.subarray(0, block.bytes.length - block.used)
      block.bytes.set(part, block.used)
      block.used += part.length
      this.#end += part.length
      rest = rest.subarray(part.length)
    }
    this.trim(this.#capacity)
  }

  /** Gives up the oldest blocks but keeps at least the newest `keep` bytes. */
  trim(keep: number): void {
    while (this.#blocks.length > 1 && this.#end - this.#blocks[1]!.start >= keep) this.#blocks.shift()
  }

  /** Up to `max` bytes from `offset` on, fewer at a block's border, none at the end; null when they are gone or not yet there. */
  read(offset: number, max: number): Uint8Array | null {
    if (offset < this.start || offset > this.#end) return null
    const block = this.#blocks.findLast((candidate) => candidate.start <= offset)
    if (!block) return new Uint8Array(0)
    const at = offset - block.start
    return block.bytes.subarray(at, Math.min(at + max, block.used))
  }

  clear(): void {
    this.#blocks = []
  }
}
