import { describe, expect, test } from 'vitest'
import { encodeWireFrame, MAX_WIRE_FRAME_BYTES, WireDecoder, WireError } from './framing.ts'

const FRAMES = [
  { header: { op: 'a', text: 'ü✗' }, tail: Buffer.from([0, 1, 255]) },
  { header: { op: 'b' }, tail: Buffer.alloc(0) },
  { header: [1, 2], tail: Buffer.alloc(1_000, 7) },
]
const WIRE = Buffer.concat(FRAMES.flatMap(({ header, tail }) => encodeWireFrame(header, tail)))

describe('frames on the socket', () => {
  test('come out whole however the stream is cut', () => {
    for (let cut = 0; cut <= WIRE.length; cut++) {
      const decoder = new WireDecoder()
      expect([...decoder.push(WIRE.subarray(0, cut)), ...decoder.push(WIRE.subarray(cut))]).toEqual(FRAMES)
    }
    const decoder = new WireDecoder()
    expect([...WIRE].flatMap((byte) => decoder.push(Buffer.of(byte)))).toEqual(FRAMES)
  })

  test('above 8 MiB are neither sent nor received', () => {
    expect(() => encodeWireFrame({}, new Uint8Array(MAX_WIRE_FRAME_BYTES))).toThrow(WireError)
    const head = Buffer.alloc(8)
    head.writeUInt32BE(MAX_WIRE_FRAME_BYTES + 1, 0)
    expect(() => new WireDecoder().push(head)).toThrow(WireError)
  })

  test('that are damaged are refused', () => {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(10, 0)
    head.writeUInt32BE(7, 4)
    expect(() => new WireDecoder().push(head)).toThrow(WireError)
    const noJson = Buffer.concat([Buffer.from([0, 0, 0, 7, 0, 0, 0, 3]), Buffer.from('{x}')])
    expect(() => new WireDecoder().push(noJson)).toThrow(WireError)
  })
})
