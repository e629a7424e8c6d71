/**
 * Frames on the socket between core and pty-host: `u32 length of the rest`, `u32 length of the header`, header (JSON),
 * tail (raw bytes: no base64, no strings). Big-endian.
 */
const PREFIX_BYTES = 8

/** A longer frame is damage or an attack: the connection is over. */
export const MAX_WIRE_FRAME_BYTES = 8 * 1024 * 1024

export interface WireFrame {
  header: unknown
  tail: Buffer
}

export class WireError extends Error {
  override readonly name = 'WireError'
}

/** The frame as the pieces to write, the tail uncopied. Throws `WireError` above 8 MiB. */
export function encodeWireFrame(header: unknown, tail?: Uint8Array): Uint8Array[] {
  const json = Buffer.from(JSON.stringify(header))
  const rest = 4 + json.length + (tail?.length ?? 0)
  if (rest > MAX_WIRE_FRAME_BYTES) throw new WireError(`frame of ${rest} bytes`)
  const head = Buffer.allocUnsafe(PREFIX_BYTES + json.length)
  head.writeUInt32BE(rest, 0)
  head.writeUInt32BE(json.length, 4)
  json.copy(head, PREFIX_BYTES)
  return tail && tail.length > 0 ? [head, tail] : [head]
}

/** Puts frames together from pieces of any size; holds at most one unfinished frame. */
export class WireDecoder {
  #parts: Buffer[] = []
  #bytes = 0
  /** Bytes that must be here before it is worth looking again. */
  #need = PREFIX_BYTES

  /** The frames that `chunk` completes. Throws `WireError` on damage; the decoder is of no use after that. */
  push(chunk: Buffer): WireFrame[] {
    this.#parts.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#need) return []
    const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#bytes)
    const frames: WireFrame[] = []
    let at = 0
    this.#need = PREFIX_BYTES
    while (all.length - at >= PREFIX_BYTES) {
      const rest = all.readUInt32BE(at)
      const headerSize = all.readUInt32BE(at + 4)
      if (rest > MAX_WIRE_FRAME_BYTES || headerSize > rest - 4) throw new WireError('damaged frame')
      if (all.length - at < 4 + rest) {
        this.#need = 4 + rest
        break
      }
      const tailAt = at + PREFIX_BYTES + headerSize
      frames.push({
        header: parse(all.subarray(at + PREFIX_BYTES, tailAt)),
        tail: all.subarray(tailAt, at + 4 + rest),
      })
      at += 4 + rest
    }
    this.#parts = at < all.length ? [all.subarray(at)] : []
    this.#bytes = all.length - at
    return frames
  }
}

function parse(header: Buffer): unknown {
  try {
    return JSON.parse(header.toString('utf8'))
  } catch {
    throw new WireError('header is not JSON')
  }
}
