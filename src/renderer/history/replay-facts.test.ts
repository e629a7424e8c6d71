import { expect, test } from 'vitest'
import type { Fact, FactKind } from '../../shared/domain/fact.ts'
import { factMarks, marksOfRun, neighbour } from './replay-facts.ts'

const fact = (seq: number, kind: FactKind, body: Fact['body'] = {}): Fact => ({
  seq,
  at: seq * 10_000,
  kind,
  actor: 'core',
  repoId: null,
  taskId: 't',
  attemptId: 'a',
  body,
})

test('a replay is marked with commits, checks, questions and verdicts, and one can go from mark to mark', () => {
  const marks = factMarks([
    fact(5, 'verdict.given', { kind: 'trash' }),
    fact(4, 'check.ended', { name: 'unit', status: 'failed' }),
    fact(3, 'attempt.question', { text: 'Which one?' }),
    fact(2, 'attempt.step', { step: 'hook' }),
    fact(1, 'attempt.commit', { headSha: 'abcdef1234' }),
  ])
  expect(marks.map((mark) => [mark.seq, mark.tone])).toEqual([
    [1, 'accent'],
    [3, 'warn'],
    [4, 'bad'],
    [5, 'accent'],
  ])
  expect(neighbour(marks, 30_000, 1)?.seq).toBe(4)
  expect(neighbour(marks, 30_000, -1)?.seq).toBe(1)
  expect(neighbour(marks, 50_000, 1)).toBeUndefined()
})

test('the marks of a run are those between its beginning and the next one', () => {
  const mark = (at: number) => ({ seq: at, at, shape: 'ring' as const, tone: 'quiet' as const, text: '' })
  const marks = [10, 1_000, 2_000, 5_000, 200_000, 900_000].map(mark)
  const of = (start: number, end: number, run: number, runs: number) =>
    marksOfRun(marks, { start, end }, run, runs).map(({ at }) => at)
  expect(of(500, 3_000, 1, 3)).toEqual([10, 1_000, 2_000, 5_000])
  expect(of(1_500, 4_000, 2, 3)).toEqual([2_000, 5_000])
  expect(of(150_000, 300_000, 3, 3)).toEqual([200_000, 900_000])
  expect(of(500, 3_000, 1, 1)).toHaveLength(6)
})
