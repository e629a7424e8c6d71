import { expect, test } from 'vitest'
import { type Fact, FactKind } from '../../shared/domain/fact.ts'
import { factText } from './fact-text.ts'

const fact = (kind: FactKind, body: Fact['body'] = {}): Fact => ({
  seq: 1,
  at: 0,
  kind,
  actor: 'core',
  repoId: null,
  taskId: null,
  attemptId: null,
  body,
})

test('every fact is told, also one whose body says nothing', () => {
  for (const kind of FactKind.options) {
    const text = factText(fact(kind))
    expect(text.length, kind).toBeGreaterThan(3)
    expect(text, kind).not.toMatch(/undefined|null|\[object/)
  }
})

test('what a person wants to know is in the sentence', () => {
  expect(factText(fact('check.ended', { name: 'tests', status: 'timed_out', durationMs: 61_000 }))).toBe(
    'check tests timed out in 1:01',
  )
  expect(
    factText(
      fact('verdict.given', { kind: 'trash', reasons: ['no tests'], note: 'sad', decidedInMs: 4_000 }),
    ),
  ).toBe('trash: no tests; sad (decided in 4.0 s)')
  expect(factText(fact('check.ended', { name: 'ci', conclusion: 'timed_out' }))).toBe('check ci timed out')
  expect(factText(fact('pull.observed', { number: 4, state: 'merged', checks: 'green' }))).toBe(
    'pull request: merged, checks green',
  )
  expect(factText(fact('review.asked', { findings: ['a', 'b'] }))).toContain('2 findings')
  expect(factText(fact('review.ended', { reviewer: 'eye', status: 'failed', problem: 'no quota' }))).toBe(
    'no review by eye: no quota',
  )
  expect(factText(fact('attempt.commit', { headSha: 'abcdef0123', by: 'quartet' }))).toContain('abcdef0')
})
