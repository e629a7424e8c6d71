import { describe, expect, test } from 'vitest'
import { ByteRing } from './byte-ring.ts'

describe('a byte ring', () => {
  test('gives every byte it still holds at its offset, and says when one is gone', () => {
    const ring = new ByteRing(100_000)
    const valueAt = (offset: number) => (offset * 31 + (offset >> 8)) % 256
    let written = 0
    for (const size of [1, 10, 5_000, 70_000, 3, 0, 64 * 1024, 64 * 1024, 1, 200_000]) {
      ring.push(Uint8Array.from({ length: size }, (_, i) => valueAt(written + i)))
      written += size
      expect(ring.end).toBe(written)
      expect(ring.end - ring.start).toBeGreaterThanOrEqual(Math.min(written, 100_000))
      expect(ring.end - ring.start).toBeLessThanOrEqual(100_000 + 2 * 64 * 1024)
      let at = ring.start
      while (at < ring.end) {
        const piece = ring.read(at, 10_000)!
        expect(piece.length).toBeGreaterThan(0)
        expect(piece.length).toBeLessThanOrEqual(10_000)
        expect(piece.every((byte, i) => byte === valueAt(at + i))).toBe(true)
        at += piece.length
      }
      expect(ring.read(ring.end, 10)).toHaveLength(0)
      expect(ring.read(ring.end + 1, 10)).toBeNull()
      if (ring.start > 0) expect(ring.read(ring.start - 1, 10)).toBeNull()
    }
  })

  test('keeps what it gave out unchanged', () => {
    const ring = new ByteRing(10)
    ring.push(Uint8Array.of(1, 2, 3))
    const piece = ring.read(0, 3)!
    ring.push(new Uint8Array(300_000).fill(9))
    expect([...piece]).toEqual([1, 2, 3])
  })

  test('goes on at its offset after it was cleared', () => {
    const ring = new ByteRing(10)
    ring.push(new Uint8Array(50))
    ring.clear()
    expect([ring.start, ring.end]).toEqual([50, 50])
    ring.push(Uint8Array.of(7))
    expect([...ring.read(50, 9)!]).toEqual([7])
  })

  test('can be made shorter, by whole blocks, for a while', () => {
    const ring = new ByteRing(1_000_000)
    ring.push(new Uint8Array(500_000).fill(5))
    ring.trim(100_000)
    expect(ring.end - ring.start).toBeGreaterThanOrEqual(100_000)
    expect(ring.end - ring.start).toBeLessThan(100_000 + 2 * 64 * 1024)
    expect([...ring.read(ring.end - 2, 9)!]).toEqual([5, 5])
    ring.push(new Uint8Array(500_000))
    expect(ring.end - ring.start).toBeGreaterThan(600_000)
  })
})
