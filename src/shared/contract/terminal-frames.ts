/**
 * The binary frames of the terminal channel, one frame per message (MessagePort or WebSocket keep the borders).
 * All numbers are big-endian: `u8 kind`, `u32 viewId`, then the fields in the order of the types below. Offsets and
 * sequence numbers are float64 (exact up to 2^53), short texts carry a u16 length, the bytes of a frame are its rest.
 * Pure and without dependencies: core, browser and tests share it.
 */

/** Where a client wants to go on: bytes it has of this life of the terminal. */
export interface ResumePoint {
  epoch: number
  offset: number
}

/** Client → server. */
export type ClientFrame =
  /**
   * Opens a view. `viewId` is chosen by the client and names the view on this channel. `writer` names the typist for
   * ever (random, unique over reloads): with it the sequence numbers of `input` count exactly once across reconnects.
   * `cols`/`rows` 0 means: no wish, take the size as it is.
   */
  | {
      kind: 'open'
      viewId: number
      terminalId: string
      writer: string
      cols: number
      rows: number
      focused: boolean
      visible: boolean
      from: ResumePoint | null
    }
  | { kind: 'close'; viewId: number }
  /** `bytes` more of snapshot and output were parsed. */
  | { kind: 'ack'; viewId: number; bytes: number }
  /** `seq` counts up from 1 per writer; an unacknowledged input is sent again, with its number, after a reconnect. */
  | { kind: 'input'; viewId: number; seq: number; bytes: Uint8Array }
  | { kind: 'resize'; viewId: number; cols: number; rows: number }
  | { kind: 'focus'; viewId: number; focused: boolean; visible: boolean }

export type ScreenMode = 'snapshot' | 'resume'
export type ExitReason = 'exited' | 'killed' | 'lost' | 'spawn_failed'

/** Server → client. */
export type ServerFrame =
  /**
   * Starts a view, and starts it again when it lagged. `snapshot`: reset the terminal to `cols`×`rows` and write the
   * `snapshot` frame that follows; `resume`: go on at `offset`.
   */
  | {
      kind: 'opened'
      viewId: number
      mode: ScreenMode
      epoch: number
      offset: number
      cols: number
      rows: number
    }
  | { kind: 'snapshot'; viewId: number; bytes: Uint8Array }
  /** `offset` is the place of the first byte in all that the process ever wrote. */
  | { kind: 'output'; viewId: number; offset: number; bytes: Uint8Array }
  /** The terminal has another size from here on. */
  | { kind: 'resized'; viewId: number; cols: number; rows: number }
  /** After the last byte. `exitCode` and `signal` are null when nobody knows them. */
  | {
      kind: 'exited'
      viewId: number
      exitCode: number | null
      signal: number | null
      reason: ExitReason
      offset: number
    }
  | { kind: 'inputAck'; viewId: number; seq: number }
  /** `code` is a FailureCode; the view is over, except for `limit`, which asks to send the same input again later. */
  | { kind: 'error'; viewId: number; code: string; message: string }

/** A frame that is not one: truncated, of an unknown kind, or with a field out of range. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** Longest frame either side takes; a longer one is damage or an attack. */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024

const CLIENT = { open: 1, close: 2, ack: 3, input: 4, resize: 5, focus: 6 } as const
const SERVER = {
  opened: 65,
  snapshot: 66,
  output: 67,
  resized: 68,
  exited: 69,
  inputAck: 70,
  error: 71,
} as const
const REASONS: readonly ExitReason[] = ['exited', 'killed', 'lost', 'spawn_failed']
/** Stands for null where a code is expected: no exit code or signal number is that large. */
const NO_CODE = 0xffff

export function encodeClientFrame(frame: ClientFrame): Uint8Array {
  const out = new Writer(CLIENT[frame.kind], frame.viewId)
  switch (frame.kind) {
    case 'open':
      out.text(frame.terminalId).text(frame.writer).u16(frame.cols).u16(frame.rows)
      out.u8(flags(frame.focused, frame.visible, frame.from !== null))
      if (frame.from) out.f64(frame.from.epoch).f64(frame.from.offset)
      break
    case 'close':
      break
    case 'ack':
      out.u32(frame.bytes)
      break
    case 'input':
      out.f64(frame.seq).bytes(frame.bytes)
      break
    case 'resize':
      out.u16(frame.cols).u16(frame.rows)
      break
    case 'focus':
      out.u8(flags(frame.focused, frame.visible, false))
      break
  }
  return out.done()
}

/** Throws `FrameError` for anything that `encodeClientFrame` could not have made. */
export function decodeClientFrame(message: Uint8Array): ClientFrame {
  const { kind, viewId, input } = head(message)
  switch (kind) {
    case CLIENT.open: {
      const terminalId = input.text()
      const writer = input.text()
      const [cols, rows] = [input.u16(), input.u16()]
      const bits = input.u8()
      const from = bits & 4 ? { epoch: input.count(), offset: input.count() } : null
      input.end()
      return {
        kind: 'open',
        viewId,
        terminalId,
        writer,
        cols,
        rows,
        focused: Boolean(bits & 1),
        visible: Boolean(bits & 2),
        from,
      }
    }
    case CLIENT.close:
      input.end()
      return { kind: 'close', viewId }
    case CLIENT.ack:
      return input.last({ kind: 'ack', viewId, bytes: input.u32() })
    case CLIENT.input:
      return { kind: 'input', viewId, seq: input.count(), bytes: input.rest() }
    case CLIENT.resize:
      return input.last({ kind: 'resize', viewId, cols: input.u16(), rows: input.u16() })
    case CLIENT.focus: {
      const bits = input.u8()
      input.end()
      return { kind: 'focus', viewId, focused: Boolean(bits & 1), visible: Boolean(bits & 2) }
    }
    default:
      throw new FrameError(`unknown client frame ${kind}`)
  }
}

export function encodeServerFrame(frame: ServerFrame): Uint8Array {
  const out = new Writer(SERVER[frame.kind], frame.viewId)
  switch (frame.kind) {
    case 'opened':
      out
        .u8(frame.mode === 'snapshot' ? 0 : 1)
        .f64(frame.epoch)
        .f64(frame.offset)
        .u16(frame.cols)
        .u16(frame.rows)
      break
    case 'snapshot':
      out.bytes(frame.bytes)
      break
    case 'output':
      out.f64(frame.offset).bytes(frame.bytes)
      break
    case 'resized':
      out.u16(frame.cols).u16(frame.rows)
      break
    case 'exited':
      out
        .u16(frame.exitCode ?? NO_CODE)
        .u16(frame.signal ?? NO_CODE)
        .u8(REASONS.indexOf(frame.reason))
        .f64(frame.offset)
      break
    case 'inputAck':
      out.f64(frame.seq)
      break
    case 'error':
      out.text(frame.code).text(frame.message)
      break
  }
  return out.done()
}

/** Throws `FrameError` for anything that `encodeServerFrame` could not have made. */
export function decodeServerFrame(message: Uint8Array): ServerFrame {
  const { kind, viewId, input } = head(message)
  switch (kind) {
    case SERVER.opened: {
      const bit = input.u8()
      if (bit > 1) throw new FrameError(`unknown screen mode ${bit}`)
      const mode: ScreenMode = bit === 0 ? 'snapshot' : 'resume'
      const [epoch, offset] = [input.count(), input.count()]
      return input.last({ kind: 'opened', viewId, mode, epoch, offset, cols: input.u16(), rows: input.u16() })
    }
    case SERVER.snapshot:
      return { kind: 'snapshot', viewId, bytes: input.rest() }
    case SERVER.output:
      return { kind: 'output', viewId, offset: input.count(), bytes: input.rest() }
    case SERVER.resized:
      return input.last({ kind: 'resized', viewId, cols: input.u16(), rows: input.u16() })
    case SERVER.exited: {
      const [code, signal] = [input.u16(), input.u16()]
      const reason = REASONS[input.u8()]
      if (!reason) throw new FrameError('unknown exit reason')
      return input.last({
        kind: 'exited',
        viewId,
        exitCode: code === NO_CODE ? null : code,
        signal: signal === NO_CODE ? null : signal,
        reason,
        offset: input.count(),
      })
    }
    case SERVER.inputAck:
      return input.last({ kind: 'inputAck', viewId, seq: input.count() })
    case SERVER.error:
      return input.last({ kind: 'error', viewId, code: input.text(), message: input.text() })
    default:
      throw new FrameError(`unknown server frame ${kind}`)
  }
}

function flags(focused: boolean, visible: boolean, from: boolean): number {
  return (focused ? 1 : 0) | (visible ? 2 : 0) | (from ? 4 : 0)
}

function head(message: Uint8Array): { kind: number; viewId: number; input: Reader } {
  if (message.byteLength > MAX_FRAME_BYTES) throw new FrameError(`frame of ${message.byteLength} bytes`)
  const input = new Reader(message)
  return { kind: input.u8(), viewId: input.u32(), input }
}

const encoder = new TextEncoder()

/** Collects small fields and at most one long tail, which is copied once. */
class Writer {
  readonly #head: number[]
  #tail: Uint8Array | null = null
  readonly #scratch = new DataView(new ArrayBuffer(8))

  constructor(kind: number, viewId: number) {
    this.#head = [kind]
    this.u32(viewId)
  }

  u8(value: number): this {
    return this.#number(value, 1)
  }

  u16(value: number): this {
    return this.#number(value, 2)
  }

  u32(value: number): this {
    return this.#number(value, 4)
  }

  f64(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new FrameError(`not a count: ${value}`)
    this.#scratch.setFloat64(0, value)
    for (let i = 0; i < 8; i++) this.#head.push(this.#scratch.getUint8(i))
    return this
  }

  text(value: string): this {
    const bytes = encoder.encode(value)
    this.u16(bytes.length)
    for (const byte of bytes) this.#head.push(byte)
    return this
  }

  bytes(value: Uint8Array): this {
    this.#tail = value
    return this
  }

  done(): Uint8Array {
    const out = new Uint8Array(this.#head.length + (this.#tail?.length ?? 0))
    out.set(this.#head)
    if (this.#tail) out.set(this.#tail, this.#head.length)
    if (out.length > MAX_FRAME_BYTES) throw new FrameError(`frame of ${out.length} bytes`)
    return out
  }

  #number(value: number, size: 1 | 2 | 4): this {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size))
      throw new FrameError(`${value} does not fit ${size} bytes`)
    for (let shift = size - 1; shift >= 0; shift--)
      this.#head.push(Math.floor(value / 2 ** (8 * shift)) % 256)
    return this
  }
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** A float64 that is a whole number from 0 to 2^53. */
  count(): number {
    const value = this.#view.getFloat64(this.#take(8))
    if (!Number.isSafeInteger(value) || value < 0) throw new FrameError('field out of range')
    return value
  }

  text(): string {
    const size = this.u16()
    const at = this.#take(size)
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(this.#bytes.subarray(at, at + size))
    } catch {
      throw new FrameError('text is not UTF-8')
    }
  }

  /** A view of what is left, without copying. */
  rest(): Uint8Array {
    const at = this.#at
    this.#at = this.#bytes.length
    return this.#bytes.subarray(at)
  }

  end(): void {
    if (this.#at !== this.#bytes.length)
      throw new FrameError(`${this.#bytes.length - this.#at} bytes too many`)
  }

  last<T>(frame: T): T {
    this.end()
    return frame
  }

  #take(size: number): number {
    const at = this.#at
    if (at + size > this.#bytes.length) throw new FrameError('frame is cut short')
    this.#at = at + size
    return at
  }
}
