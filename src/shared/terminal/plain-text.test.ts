import { describe, expect, test } from 'vitest'
import { MAX_TITLE_CHARS, plainTitle, stripEscapes } from './plain-text.ts'

describe('a title from a program', () => {
  test('is one line of harmless text', () => {
    expect(plainTitle('  safe\u202egnp.exe\u0007 \u001b[31m<b>\n')).toBe('safegnp.exe [31m<b>')
    expect(plainTitle('a\u0085b\u2066c\ufeffd\u2028e')).toBe('abcde')
    expect(plainTitle('\ud83d')).toBe('')
  })

  test('is at most 256 characters long, and never cut inside one', () => {
    expect(Array.from(plainTitle('👍'.repeat(1_000)))).toHaveLength(MAX_TITLE_CHARS)
    expect(plainTitle('x'.repeat(1_000_000))).toHaveLength(MAX_TITLE_CHARS)
  })
})

describe('the readable text of output', () => {
  const strip = (text: string) => stripEscapes(new TextEncoder().encode(text))

  test('has no sequences and no controls', () => {
    expect(
      strip(
        '\u001b]0;title\u0007\u001b[1;31merror\u001b[0m: \u001b]8;;http://x\u001b\\here\u001b]8;;\u001b\\\u0007\r\n',
      ),
    ).toBe('error: here\n')
  })

  test('keeps the last form of a line that was drawn over and over', () => {
    expect(strip('10 %\r50 %\r100 %\r\ndone\r\n')).toBe('100 %\ndone\n')
    expect(strip('typo\b\b\b\best\r\n')).toBe('est\n')
  })

  test('separates what stood in different places', () => {
    expect(strip('left\u001b[5;40Hright')).toBe('left\nright')
  })

  test('takes time in proportion to the input', () => {
    const hostile = new TextEncoder().encode('\u001b]'.repeat(100_000) + '\u001b['.repeat(100_000))
    const started = performance.now()
    stripEscapes(hostile)
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})
