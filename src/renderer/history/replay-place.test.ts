import { describe, expect, test } from 'vitest'
import { findPlace, lastMatch, type ReadRaw } from './replay-place.ts'

const encode = (text: string) => new TextEncoder().encode(text)

function recording(bytes: Uint8Array): { read: ReadRaw; asked: number } {
  const source = {
    asked: 0,
    read: async (from: number, maxBytes: number) => {
      source.asked++
      return { start: from, bytes: bytes.subarray(from, from + maxBytes) }
    },
  }
  return source
}

describe('the place of a line in a recording', () => {
  test('is behind the last of the lines that follow each other, colours and blank lines left out', () => {
    const text = 'one\r\n\u001b[31mtwo\u001b[0m\r\n\r\nthree\r\ntwo\r\nfour\r\n'
    expect(lastMatch(encode(text), ['two', 'three'])).toBe(text.indexOf('three') + 'three\r'.length)
    expect(lastMatch(encode(text), ['two'])).toBe(text.lastIndexOf('two') + 'two\r'.length)
    expect(lastMatch(encode(text), ['two', 'one'])).toBeNull()
    expect(lastMatch(encode(''), ['x'])).toBeNull()
    expect(lastMatch(encode('x'), ['x'])).toBe(1)
  })

  test('is found from the end backwards, also where it lies across two pages', async () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => `line ${i} of a long day 日本\r\n`)
    const bytes = encode(lines.join(''))
    const behind = (n: number) => encode(lines.slice(0, n).join('')).length - 1
    const wanted = (n: number) => [n, n + 1, n + 2].map((i) => `line ${i} of a long day 日本`)
    const near = recording(bytes)
    expect(await findPlace(near.read, bytes.length, wanted(59_000))).toBe(behind(59_003))
    expect(near.asked).toBe(1)
    for (const n of [0, 1, 20_000, 44_444, 45_000, 59_996])
      expect(await findPlace(recording(bytes).read, bytes.length, wanted(n))).toBe(behind(n + 3))
    for (let n = 44_100; n < 44_700; n += 60)
      expect(await findPlace(recording(bytes).read, bytes.length, wanted(n))).toBe(behind(n + 3))
    expect(await findPlace(recording(bytes).read, bytes.length, ['nothing of this'])).toBeNull()
    expect(await findPlace(recording(bytes).read, bytes.length, [])).toBeNull()
  })
})
