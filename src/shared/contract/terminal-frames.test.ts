import { describe, expect, test } from 'vitest'
import {
  type ClientFrame,
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
  FrameError,
  MAX_FRAME_BYTES,
  type ServerFrame,
} from './terminal-frames.ts'

const bytes = Uint8Array.of(0, 255, 27, 13)
const big = Number.MAX_SAFE_INTEGER
const CLIENT: ClientFrame[] = [
  {
    kind: 'open',
    viewId: 1,
    terminalId: 'trm_1',
    writer: 'w',
    cols: 80,
    rows: 24,
    focused: true,
    visible: true,
    from: null,
  },
  {
    kind: 'open',
    viewId: 0xffffffff,
    terminalId: 'ü'.repeat(50),
    writer: '',
    cols: 0,
    rows: 0,
    focused: false,
    visible: true,
    from: { epoch: 3, offset: big },
  },
  { kind: 'close', viewId: 2 },
  { kind: 'ack', viewId: 2, bytes: 4_000_000_000 },
  { kind: 'input', viewId: 2, seq: big, bytes },
  { kind: 'input', viewId: 2, seq: 1, bytes: new Uint8Array(0) },
  { kind: 'resize', viewId: 2, cols: 500, rows: 300 },
  { kind: 'focus', viewId: 2, focused: true, visible: false },
]
const SERVER: ServerFrame[] = [
  { kind: 'opened', viewId: 1, mode: 'snapshot', epoch: 1, offset: 0, cols: 80, rows: 24 },
  { kind: 'opened', viewId: 1, mode: 'resume', epoch: 2, offset: big, cols: 80, rows: 24 },
  { kind: 'snapshot', viewId: 1, bytes },
  { kind: 'output', viewId: 1, offset: 1e12, bytes },
  { kind: 'resized', viewId: 1, cols: 2, rows: 2 },
  { kind: 'exited', viewId: 1, exitCode: 0, signal: null, reason: 'exited', offset: 5 },
  { kind: 'exited', viewId: 1, exitCode: null, signal: 9, reason: 'killed', offset: 5 },
  { kind: 'exited', viewId: 1, exitCode: null, signal: null, reason: 'lost', offset: 5 },
  { kind: 'inputAck', viewId: 1, seq: 7 },
  { kind: 'error', viewId: 1, code: 'terminal_missing', message: 'There is no such terminal. ✗' },
]

/** Repeatable chance, so that a failure can be found again. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

describe('terminal frames', () => {
  test('come out as they went in', () => {
    for (const frame of CLIENT) expect(decodeClientFrame(encodeClientFrame(frame))).toEqual(frame)
    for (const frame of SERVER) expect(decodeServerFrame(encodeServerFrame(frame))).toEqual(frame)
  })

  test('decode from the middle of a larger buffer', () => {
    const frame = encodeServerFrame(SERVER[3]!)
    const around = new Uint8Array(frame.length + 20).fill(7)
    around.set(frame, 9)
    expect(decodeServerFrame(around.subarray(9, 9 + frame.length))).toEqual(SERVER[3])
  })

  test('cut short, they are refused or are a shorter tail, never something else', () => {
    for (const frame of CLIENT) {
      const whole = encodeClientFrame(frame)
      for (let size = 0; size < whole.length; size++) {
        try {
          expect(decodeClientFrame(whole.subarray(0, size)).kind).toBe('input')
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError)
        }
      }
      if (frame.kind !== 'input')
        expect(() => decodeClientFrame(Uint8Array.of(...whole, 0))).toThrow(FrameError)
    }
  })

  test('garbage is refused with an error of ours', () => {
    const random = randomOf(42)
    for (let round = 0; round < 20_000; round++) {
      const garbage = Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256))
      if (round % 2 && garbage.length > 0)
        garbage[0] = [1, 2, 3, 4, 5, 6, 65, 66, 67, 68, 69, 70, 71][round % 13]!
      for (const decode of [decodeClientFrame, decodeServerFrame]) {
        try {
          decode(garbage)
        } catch (error) {
          if (!(error instanceof FrameError)) throw error
        }
      }
    }
  })

  test('too long, too large and negative fields cannot be sent or received', () => {
    expect(() => encodeClientFrame({ kind: 'resize', viewId: 1, cols: -1, rows: 5 })).toThrow(FrameError)
    expect(() => encodeClientFrame({ kind: 'resize', viewId: 1, cols: 70_000, rows: 5 })).toThrow(FrameError)
    expect(() => encodeServerFrame({ kind: 'inputAck', viewId: 1, seq: 1.5 })).toThrow(FrameError)
    expect(() =>
      encodeServerFrame({ kind: 'snapshot', viewId: 1, bytes: new Uint8Array(MAX_FRAME_BYTES) }),
    ).toThrow(FrameError)
    expect(() => decodeClientFrame(new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow(FrameError)
  })
})
