import { describe, expect, test } from 'vitest'
import { EscapeFilter, MAX_STRING_BYTES } from './escape-filter.ts'

const encode = (text: string) => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const pass = (text: string, cols = 80, rows = 24) => decode(new EscapeFilter(cols, rows).push(encode(text)))

function joined(parts: Uint8Array[]): string {
  return decode(concat(parts))
}

function concat(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Every state of the filter, and what may follow. */
const CORPUS =
  'héllo 作家 👩‍👩‍👧 \u001b[31mred\u001b[0m \u001b]0;tï\u0007 \u001b]8;;http://x\u001b\\l\u001b]8;;\u001b\\ \u001bP$qm\u001b\\ ' +
  '\u001b[99999b \u001b(0q\u001b(B \u0085 \u009d0;a\u009c \u001b_g\u001b\\ \u001b]0;z\u001b[1m £·» \u009b99S \u001b[3\n1mx \u001b[\u0018y ' +
  '\u001b\u001b[2J \u001b#8 \u001bXsos\u001b\\ \u001b^pm\u009c \u001b]1;\u009b5m \u001b[ 99999 \u001b[12;99999P end'

describe('the escape filter', () => {
  test('lets ordinary output through as it is', () => {
    for (const text of [
      'plain',
      'é作👩',
      '\u001b[31;1mx\u001b[0m',
      '\u001b]0;t\u0007',
      '\u001b]2;t\u001b\\',
      '\u001b[?25l',
      '\u001b(0q',
      'a\r\n\tb',
    ]) {
      expect(pass(text)).toBe(text)
    }
  })

  test('clamps counts to what the screen can show, in every way to write them', () => {
    expect(pass('a\u001b[2147483647b')).toBe('a\u001b[1920b')
    expect(pass('\u001b[0099999L')).toBe('\u001b[24L')
    expect(pass('\u009b99999S')).toBe('\u009b24S')
    for (const final of ['@', 'P', 'X', 'I', 'Z'])
      expect(pass(`\u001b[999${final}`)).toBe(`\u001b[80${final}`)
    for (const final of ['L', 'M', 'S', 'T']) expect(pass(`\u001b[999${final}`)).toBe(`\u001b[24${final}`)
    expect(pass("\u001b[999 @\u001b[999 A\u001b[999'}\u001b[999'~")).toBe(
      "\u001b[80 @\u001b[80 A\u001b[80'}\u001b[80'~",
    )
    expect(pass(`\u001b[${'9'.repeat(400)}b`)).toBe('\u001b[1920b')
    expect(pass('\u001b[20b\u001b[?999S\u001b[999C\u001b[38;5;208m')).toBe(
      '\u001b[20b\u001b[?999S\u001b[999C\u001b[38;5;208m',
    )
  })

  test('drops strings above the cap and what nobody shows, without losing what follows', () => {
    expect(pass(`\u001b]52;c;${'a'.repeat(MAX_STRING_BYTES)}\u0007after`)).toBe('after')
    expect(pass(`\u001bP${'a'.repeat(MAX_STRING_BYTES)}\u001b\\after`)).toBe('after')
    expect(pass('\u001b_app\u001b\\\u001b^pm\u001b\\\u001bXsos\u001b\\after')).toBe('after')
    expect(pass(`\u001b[${'1;'.repeat(600)}mafter`)).toBe('after')
    expect(pass('\u001b]0;broken\u0018after')).toBe('after')
    expect(pass('\u001b]0;ended by the next\u001b[1mafter')).toBe(
      '\u001b]0;ended by the next\u001b\\\u001b[1mafter',
    )
  })

  test('holds no more than the cap, whatever comes', () => {
    const filter = new EscapeFilter(80, 24)
    filter.push(encode('\u001b]0;'))
    for (let i = 0; i < 100; i++) filter.push(encode('x'.repeat(65_536)))
    expect(filter.pending().length).toBeLessThanOrEqual(MAX_STRING_BYTES + 8)
    expect(decode(filter.push(encode('y\u0007after')))).toBe('after')
  })

  test('gives the same for every way to cut the stream into chunks', () => {
    const bytes = encode(CORPUS)
    const whole = pass(CORPUS)
    for (let i = 0; i <= bytes.length; i++) {
      for (let j = i; j <= bytes.length; j += 7) {
        const filter = new EscapeFilter(80, 24)
        const parts = [bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)].map((part) =>
          filter.push(part).slice(),
        )
        expect(joined(parts), `cut at ${i} and ${j}`).toBe(whole)
      }
    }
    const single = new EscapeFilter(80, 24)
    expect(joined([...bytes].map((byte) => single.push(Uint8Array.of(byte)).slice()))).toBe(whole)
  })

  test('says what another filter needs to go on in its place', () => {
    const long = `${CORPUS}\u001b]0;${'x'.repeat(MAX_STRING_BYTES + 9)}\u0007tail\u001b[${'1;'.repeat(600)}mend\u001b_${'z'.repeat(9)}\u0007still\u001b\\done`
    const bytes = encode(long)
    const whole = pass(long)
    const cuts = Array.from({ length: CORPUS.length }, (_, i) => i)
    for (const cut of [
      ...cuts,
      bytes.length - 1_300,
      bytes.length - 1_250,
      bytes.length - 200,
      bytes.length - 12,
      bytes.length - 5,
    ]) {
      const first = new EscapeFilter(80, 24)
      const before = first.push(bytes.subarray(0, cut)).slice()
      const second = new EscapeFilter(80, 24)
      const opened = second.push(first.pending()).slice()
      expect(joined([before, opened, second.push(bytes.subarray(cut))]), `cut at ${cut}`).toBe(whole)
    }
  })

  test('passes only what every parser reads the same way, for garbage too', () => {
    let state = 7
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return state
    }
    const alphabet = encode(
      "\u001b\u001b\u001b[]P_\\;?0129bmLS@ \u0007\u0018\u0090\u009b\u009c\u009dé作x\n$'",
    )
    for (let round = 0; round < 2_000; round++) {
      const bytes = Uint8Array.from({ length: 40 }, () => alphabet[random() % alphabet.length]!)
      const filter = new EscapeFilter(80, 24)
      const cut = random() % 40
      const out = concat([
        filter.push(bytes.subarray(0, cut)).slice(),
        filter.push(bytes.subarray(cut)).slice(),
        encode('z'),
      ])
      expect([...new EscapeFilter(80, 24).push(out)]).toEqual([...out])
      for (const [, count] of decode(out).matchAll(/\u001b\[(\d+)[bLMSTZIX@P]/g))
        expect(Number(count)).toBeLessThanOrEqual(1_920)
    }
  })
})
