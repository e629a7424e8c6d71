import { expect, it } from 'vitest'
import { summariseFailure } from './check-summary.ts'

it('keeps the lines that tell what is wrong', () => {
  const output = [
    'ok 1 - adds',
    '\x1b[31mnot ok 2 - subtracts\x1b[0m',
    '  expected: 3',
    '  actual: 4',
    'ok 3 - divides',
    '# fail 1',
  ].join('\n')
  expect(summariseFailure(output)).toBe('not ok 2 - subtracts\n  expected: 3')
})

it('shows the end when nothing tells', () => {
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`)
  expect(summariseFailure(lines.join('\n')).split('\n')).toEqual(lines.slice(-14))
})

it('stays short, however long the output', () => {
  const summary = summariseFailure(
    Array.from({ length: 10_000 }, (_, i) => `error ${i} ${'x'.repeat(1_000)}`).join('\n'),
  )
  expect(summary.split('\n')).toHaveLength(15)
  expect(summary.length).toBeLessThan(5_000)
  expect(summary).toContain('9986 more lines')
})
