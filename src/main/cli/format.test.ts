import { describe, expect, it } from 'vitest'
import { age, cut, painter, plain, table, width } from './format.ts'
import { harmless } from './log.ts'

const bare = painter(false)

describe('table', () => {
  it('aligns columns by what a terminal shows, not by characters', () => {
    const text = table(
      ['ID', 'NAME', 'X'],
      [
        ['1', '日本', 'a'],
        ['22', 'e\u0301cole', 'b'],
      ],
      bare,
    )
    expect(text).toBe(['ID  NAME   X', '1   日本   a', '22  e\u0301cole  b'].join('\n'))
  })

  it('is not moved by colours', () => {
    const paint = painter(true)
    const [head, row] = table(['A', 'B'], [[paint('red', 'long'), 'x']], paint).split('\n')
    expect(width(head ?? '')).toBe(width(row ?? ''))
  })

  it('is empty without rows', () => expect(table(['A'], [], bare)).toBe(''))
})

describe('hostile text', () => {
  it('cannot drive the terminal', () => {
    expect(plain('a\u001b[2Jb\u202ec\nd\u009b1m')).toBe('a?[2Jb?c d?1m')
    expect(harmless('ok\n\u001b]52;c;eA==\u0007\tx\r')).toBe('ok\n]52;c;eA==\tx')
  })
})

describe('age', () => {
  it.each([
    [0, 'now'],
    [59_000, '59s'],
    [61_000, '1m'],
    [3_600_000, '1h'],
    [47 * 3_600_000, '1d'],
    [15 * 86_400_000, '2w'],
    [-5_000, 'now'],
  ])('%d ms ago is %s', (ms, text) => expect(age(1_000_000_000_000 - ms, 1_000_000_000_000)).toBe(text))
})

describe('cut', () => {
  it('keeps what fits and never splits a wide character', () => {
    expect(cut('short', 10)).toBe('short')
    expect(cut('日本語', 4)).toBe('日…')
    expect(width(cut('x'.repeat(99), 20))).toBe(20)
  })
})
