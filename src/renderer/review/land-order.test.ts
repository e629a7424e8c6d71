import { describe, expect, test } from 'vitest'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { Task } from '../../shared/domain/task.ts'
import { byAttempt } from '../state/overlaps.ts'
import { clashesOf, landOrder } from './land-order.ts'
import { attemptRow } from './test-rows.ts'

function task(id: string, rest: Partial<Task> = {}): Task {
  return Task.parse({
    id,
    repoId: 'r',
    title: `Task ${id}`,
    brief: '',
    status: 'deciding',
    reason: null,
    round: 1,
    baseBranch: 'main',
    baseSha: 'b',
    winnerAttemptId: null,
    landedSha: null,
    rev: 1,
    createdAt: id.charCodeAt(0),
    statusAt: 0,
    closedAt: null,
    ...rest,
  })
}

const attempt = (taskId: string, n: number, rest: Partial<Attempt> = {}): Attempt =>
  attemptRow({ id: `${taskId}${n}`, taskId, n, ...rest })

function world(tasks: Task[], attempts: Attempt[]) {
  const byId = <T extends { id: string }>(rows: T[]) => Object.fromEntries(rows.map((row) => [row.id, row]))
  return { tasks: byId(tasks), attempts: byId(attempts) }
}

const overlaps = (...pairs: [string, string | null][]) =>
  byAttempt(pairs.map(([a, b]) => ({ a, b, files: [`${a}.ts`] })))

const steps = (order: ReturnType<typeof landOrder>) =>
  order.map(({ attempt: one, mends }) => `${one.id}${mends ? ' mends' : ''}`)

describe('conflicts with other tasks', () => {
  test('are gathered by task, with the siblings that are free of them', () => {
    const entities = world(
      [task('a'), task('b')],
      [
        attempt('a', 1),
        attempt('b', 1),
        attempt('b', 2),
        attempt('b', 3),
        attempt('b', 4, { status: 'failed' }),
      ],
    )
    const found = clashesOf(entities, overlaps(['a1', 'b3'], ['b1', 'a1'], ['a1', null]), 'a1')
    expect(found).toHaveLength(1)
    expect(found[0]?.attempts.map((one) => one.n)).toEqual([1, 3])
    expect(found[0]?.free.map((one) => one.n)).toEqual([2])
    expect(found[0]?.files.sort()).toEqual(['a1.ts', 'b1.ts'])
  })
})

describe('the order of landing', () => {
  const tasks = ['a', 'b', 'c'].map((id) => task(id))
  const attempts = ['a', 'b', 'c'].map((id) => attempt(id, 1))

  test('puts last what all others conflict with: one needs mending instead of two', () => {
    const entities = world(tasks, attempts)
    const conflicts = overlaps(['a1', 'b1'], ['a1', 'c1'])
    expect(steps(landOrder(entities, conflicts, attempts[0] as Attempt))).toEqual(['b1', 'c1', 'a1 mends'])
  })

  test('keeps what is in the lane already at its front', () => {
    const landing = task('a', { status: 'landing', winnerAttemptId: 'a1' })
    const entities = world([landing, ...tasks.slice(1)], attempts)
    const conflicts = overlaps(['a1', 'b1'], ['a1', 'c1'])
    expect(steps(landOrder(entities, conflicts, attempts[0] as Attempt))).toEqual([
      'a1',
      'b1 mends',
      'c1 mends',
    ])
  })

  test('says nothing where there is nothing to order: no other task, or one of another base', () => {
    expect(landOrder(world(tasks, attempts), overlaps(['a1', null]), attempts[0] as Attempt)).toEqual([])
    const other = world([task('a'), task('b', { baseBranch: 'next' })], attempts)
    expect(landOrder(other, overlaps(['a1', 'b1']), attempts[0] as Attempt)).toEqual([])
  })
})
