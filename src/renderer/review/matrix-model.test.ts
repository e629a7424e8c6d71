import { describe, expect, test } from 'vitest'
import { type Attempt, Check, Finding } from '../../shared/domain/attempt.ts'
import { Evidence, Review } from '../../shared/domain/review.ts'
import { type MatrixColumn, matrixRows, sortedColumns } from './matrix-model.ts'
import { reviewStateOf } from './review-state.ts'
import { attemptRow, HEAD } from './test-rows.ts'

const NOW = 1_000_000

const attempt = (n: number, rest: Partial<Attempt> = {}): Attempt =>
  attemptRow({
    id: `a${n}`,
    n,
    diffstat: { files: 2, added: 10, removed: 1, uncommitted: false },
    startedAt: 0,
    readyAt: 60_000,
    ...rest,
  })

function check(attemptId: string, name: string, rest: Partial<Check> = {}): Check {
  return Check.parse({
    id: `${attemptId}-${name}`,
    attemptId,
    name,
    command: 'x',
    required: true,
    status: 'passed',
    exitCode: 0,
    headSha: HEAD,
    durationMs: 1_000,
    summary: '',
    rev: 1,
    startedAt: 0,
    ...rest,
  })
}

function review(rest: Partial<Review> = {}): Review {
  return Review.parse({
    id: 'v',
    attemptId: 'a1',
    headSha: HEAD,
    reviewer: 'correctness',
    agent: 'codex',
    focus: '',
    exchange: 1,
    status: 'done',
    problem: null,
    summary: '',
    tries: 1,
    findings: 0,
    usage: null,
    durationMs: 1,
    rev: 1,
    createdAt: 1,
    ...rest,
  })
}

function finding(rest: Partial<Finding> = {}): Finding {
  return Finding.parse({
    id: 'f',
    attemptId: 'a1',
    headSha: HEAD,
    reviewer: 'correctness',
    priority: 'P1',
    confidence: 0.8,
    file: null,
    line: null,
    title: 'x',
    body: '',
    status: 'open',
    answer: null,
    answeredBy: null,
    rev: 1,
    createdAt: 1,
    ...rest,
  })
}

const stat = (files: number, added: number) => ({ files, added, removed: 0 })

function evidence(rest: Partial<Evidence> = {}): Evidence {
  return Evidence.parse({
    id: 'e',
    attemptId: 'a1',
    headSha: HEAD,
    baseSha: 'b'.repeat(40),
    kinds: { source: stat(1, 8), tests: stat(1, 2), docs: stat(0, 0), generated: stat(0, 0) },
    files: [],
    tests: { added: 1, removed: 0 },
    dependencies: [],
    locks: [],
    unusual: [],
    secrets: [],
    claim: null,
    screenshots: [],
    committedBy: 'agent',
    gaps: [],
    rev: 1,
    createdAt: 1,
    ...rest,
  })
}

const column = (one: Attempt, rest: Partial<MatrixColumn> = {}): MatrixColumn => ({
  attempt: one,
  checks: [],
  findings: [],
  reviews: [],
  evidence: null,
  ...rest,
})

const size = (lines: number) => ({ files: 1, added: lines, removed: 0, uncommitted: false })
const rowOf = (columns: MatrixColumn[], id: string) => {
  const row = matrixRows(columns, NOW).find((one) => one.id === id)
  if (!row) throw new Error(`no row ${id}`)
  return row
}
const bestOf = (columns: MatrixColumn[], id: string) => rowOf(columns, id).cells.map((cell) => cell.best)

describe('the best of a row', () => {
  test('is marked where attempts differ, on every one that shares it', () => {
    const columns = [
      column(attempt(1, { diffstat: size(5) })),
      column(attempt(2, { diffstat: size(9) })),
      column(attempt(3, { diffstat: size(5) })),
    ]
    expect(bestOf(columns, 'size')).toEqual([true, false, true])
    expect(bestOf(columns, 'files')).toEqual([false, false, false])
  })

  test('is never an attempt that is at work, trashed, has changed nothing or breaks a required check', () => {
    const columns = [
      column(attempt(1, { status: 'running', readyAt: null, diffstat: size(1) })),
      column(attempt(2, { status: 'trashed', diffstat: size(2) })),
      column(attempt(3, { diffstat: { ...size(0), files: 0 } })),
      column(attempt(4, { diffstat: size(3) }), { checks: [check('a4', 'test', { status: 'failed' })] }),
      column(attempt(5, { diffstat: size(40) })),
      column(attempt(6, { diffstat: size(50) })),
    ]
    expect(bestOf(columns, 'size')).toEqual([false, false, false, false, true, false])
  })

  test('is never stale: what was found at another head is not known of this one', () => {
    const old = 'c'.repeat(40)
    const columns = [
      column(attempt(1), { evidence: evidence({ headSha: old, tests: { added: 9, removed: 0 } }) }),
      column(attempt(2), { evidence: evidence({ tests: { added: 3, removed: 0 } }) }),
      column(attempt(3), { evidence: evidence({ tests: { added: 2, removed: 0 } }) }),
    ]
    expect(bestOf(columns, 'tests')).toEqual([false, true, false])
    expect(rowOf(columns, 'tests').cells.map((cell) => cell.stale)).toEqual([true, false, false])
  })

  test('one attempt alone is best in nothing', () => {
    expect(bestOf([column(attempt(1))], 'size')).toEqual([false])
  })
})

describe('findings', () => {
  test('one P0 weighs more than many lesser ones', () => {
    const columns = [
      column(attempt(1), {
        reviews: [review()],
        findings: Array.from({ length: 30 }, (_, index) => finding({ id: `f${index}`, priority: 'P1' })),
      }),
      column(attempt(2), { reviews: [review()], findings: [finding({ priority: 'P0' })] }),
    ]
    expect(bestOf(columns, 'findings')).toEqual([true, false])
    expect(rowOf(columns, 'findings').cells.map((cell) => cell.text)).toEqual(['P1×30', 'P0×1'])
  })

  test('no review is neither “none” nor best, and says why', () => {
    const columns = [
      column(attempt(1), {
        reviews: [review({ status: 'failed', problem: 'its answer was malformed twice' })],
      }),
      column(attempt(2), { reviews: [review({ status: 'done' })] }),
      column(attempt(3), { reviews: [review({ status: 'done' })], findings: [finding({ priority: 'P3' })] }),
    ]
    const { cells } = rowOf(columns, 'findings')
    expect(cells.map((cell) => cell.text)).toEqual(['no review', 'none', 'P3×1'])
    expect(cells.map((cell) => cell.best)).toEqual([false, true, false])
    expect(cells[0]?.detail).toContain('its answer was malformed twice')
    expect(cells[0]?.value).toBeNull()
  })

  test('when one of two reviewers did not look, nothing is claimed of the whole', () => {
    const reviews = [
      review(),
      review({ id: 'w', reviewer: 'simplicity', status: 'skipped', problem: 'no agent' }),
    ]
    expect(reviewStateOf(attempt(1), reviews, [])).toMatchObject({ kind: 'partial' })
    expect(rowOf([column(attempt(1), { reviews })], 'findings').cells[0]).toMatchObject({
      value: null,
      tone: 'warn',
    })
  })

  test('the newest look of a reviewer counts', () => {
    const reviews = [
      review({ status: 'failed', problem: 'x', createdAt: 1 }),
      review({ id: 'w', status: 'done', createdAt: 2 }),
    ]
    expect(reviewStateOf(attempt(1), reviews, [])).toMatchObject({ kind: 'done', stale: false })
  })
})

describe('checks', () => {
  test('have a row each by name, and a sum that says what is red', () => {
    const columns = [
      column(attempt(1), { checks: [check('a1', 'test'), check('a1', 'lint')] }),
      column(attempt(2), { checks: [check('a2', 'test', { status: 'failed', summary: '1 failed' })] }),
    ]
    const ids = matrixRows(columns, NOW).map((row) => row.id)
    expect(ids.slice(0, 3)).toEqual(['checks', 'check:test', 'check:lint'])
    expect(rowOf(columns, 'checks').cells.map((cell) => [cell.text, cell.tone])).toEqual([
      ['2 of 2', 'ok'],
      ['0 of 1', 'bad'],
    ])
    expect(rowOf(columns, 'check:lint').cells[1]?.text).toBe('–')
    expect(rowOf(columns, 'check:test').cells[1]).toMatchObject({ tone: 'bad', detail: '1 failed' })
  })
})

describe('the order of columns', () => {
  const columns = [
    column(attempt(1, { diffstat: size(9) })),
    column(attempt(2, { diffstat: null })),
    column(attempt(3, { diffstat: size(2) })),
  ]

  test('is by the better end first, unknown last, turned round on demand', () => {
    const row = rowOf(columns, 'size')
    expect(sortedColumns(columns, row, false)).toEqual([2, 0, 1])
    expect(sortedColumns(columns, row, true)).toEqual([0, 2, 1])
    expect(sortedColumns(columns, undefined, false)).toEqual([0, 1, 2])
  })
})

test('an unknown cost is not a cost of nothing', () => {
  const usage = {
    inputTokens: 10,
    cachedTokens: 0,
    outputTokens: 1,
    cost: null,
    turns: 1,
    toolCalls: 0,
    toolFailures: 0,
    compactions: 0,
  }
  const columns = [
    column(attempt(1, { usage })),
    column(attempt(2, { usage: { ...usage, cost: 0.5 } })),
    column(attempt(3, { usage: { ...usage, cost: 0.7 } })),
  ]
  expect(rowOf(columns, 'cost').cells.map((cell) => [cell.text, cell.best])).toEqual([
    ['unknown', false],
    ['$0.50', true],
    ['$0.70', false],
  ])
})
