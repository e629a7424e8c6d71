import { describe, expect, it } from 'vitest'
import type { Attempt, AttemptStatus } from '../../shared/domain/attempt.ts'
import type { Task, TaskStatus } from '../../shared/domain/task.ts'
import { applyPush, type Entities, emptyEntities } from '../../shared/state/apply.ts'
import { isSettled, judge } from './wait.ts'

const task = (status: TaskStatus, rev = 1, round = 1): Task => ({
  id: 'tsk_1',
  repoId: 'rep_1',
  title: 'T',
  brief: 'B',
  status,
  reason: null,
  round,
  baseBranch: 'main',
  baseSha: 'a'.repeat(40),
  winnerAttemptId: null,
  landedSha: null,
  rev,
  createdAt: 0,
  statusAt: 0,
  closedAt: null,
})

const attempt = (n: number, status: AttemptStatus, more: Partial<Attempt> = {}): Attempt => ({
  id: `att_${n}`,
  taskId: 'tsk_1',
  repoId: 'rep_1',
  roundId: 'rnd_1',
  round: 1,
  n,
  agent: 'rehearsal',
  slot: { agent: 'rehearsal', command: null, scenario: null, model: null, hint: null },
  status,
  statusAt: 0,
  statusSource: 'core',
  reason: null,
  step: null,
  endReason: null,
  attention: null,
  worktree: '/w',
  branch: 'b',
  baseSha: 'a'.repeat(40),
  headSha: null,
  diffstat: null,
  terminalId: null,
  sessionRef: null,
  usage: null,
  verdict: null,
  trashRef: null,
  ignoredFiles: null,
  portBase: null,
  rev: n,
  createdAt: 0,
  startedAt: null,
  readyAt: null,
  endedAt: null,
  ...more,
})

function state(tasks: Task[], attempts: Attempt[]): Entities {
  const after = applyPush(emptyEntities, {
    type: 'snapshot',
    epoch: 'e',
    to: 1,
    rows: { tasks, attempts },
    facts: [],
  })
  if (after === 'gap') throw new Error('a snapshot is no gap')
  return after
}

describe('isSettled', () => {
  it.each<[AttemptStatus[], boolean]>([
    [['pending', 'ready'], false],
    [['running', 'waiting'], false],
    [['verifying'], false],
    [['ready', 'failed', 'lost', 'cancelled', 'trashed'], true],
    [['ready', 'waiting'], true],
    [['stalled', 'waiting', 'ready'], true],
    [['landed'], true],
    [[], false],
  ])('%j is %s', (statuses, settled) => {
    expect(isSettled(statuses.map((status, i) => attempt(i + 1, status)))).toBe(settled)
  })
})

describe('judge', () => {
  it('knows nothing before the task was seen', () => {
    expect(judge('ready', 'tsk_1', null, emptyEntities)).toEqual({ done: false, failed: null, notes: [] })
  })

  it('looks at the current round only', () => {
    const old = attempt(1, 'trashed')
    const current = attempt(2, 'running', { round: 2 })
    expect(judge('ready', 'tsk_1', null, state([task('working', 1, 2)], [old, current])).done).toBe(false)
  })

  it('says once what changed, with the reason', () => {
    const before = state([task('working')], [attempt(1, 'running'), attempt(2, 'running')])
    const after = state(
      [task('working')],
      [attempt(1, 'running'), attempt(2, 'failed', { reason: 'Exit code 3.' })],
    )
    expect(judge('ready', 'tsk_1', before, after).notes).toEqual(['#2 rehearsal failed: Exit code 3.'])
    expect(judge('ready', 'tsk_1', after, after).notes).toEqual([])
  })

  it('tells nothing of the first state but what waits for an answer', () => {
    const question = { kind: 'question' as const, since: 5, detail: 'Which port?' }
    const first = state(
      [task('working')],
      [attempt(1, 'running'), attempt(2, 'waiting', { attention: question })],
    )
    expect(judge('ready', 'tsk_1', null, first).notes).toEqual([
      '#2 rehearsal asks: Which port? (quartet answer att_2 TEXT)',
    ])
  })

  it('shows a question with the command that answers it, and again only when a new one is asked', () => {
    const question = { kind: 'question' as const, since: 5, detail: 'Which port?' }
    const before = state([task('working')], [attempt(1, 'running')])
    const asked = state([task('working')], [attempt(1, 'waiting', { attention: question })])
    expect(judge('ready', 'tsk_1', before, asked).notes).toEqual([
      '#1 rehearsal waiting',
      '#1 rehearsal asks: Which port? (quartet answer att_1 TEXT)',
    ])
    const again = state(
      [task('working')],
      [attempt(1, 'waiting', { attention: { ...question, since: 9, detail: 'Sure?' } })],
    )
    expect(judge('ready', 'tsk_1', asked, again).notes).toEqual([
      '#1 rehearsal asks: Sure? (quartet answer att_1 TEXT)',
    ])
  })

  it('returns for questions only when nobody else is at work', () => {
    expect(
      judge('ready', 'tsk_1', null, state([task('working')], [attempt(1, 'waiting'), attempt(2, 'running')]))
        .done,
    ).toBe(false)
    expect(
      judge('ready', 'tsk_1', null, state([task('working')], [attempt(1, 'waiting'), attempt(2, 'ready')]))
        .done,
    ).toBe(true)
  })

  it('waits for the landing through the verdict of somebody else', () => {
    const view = (status: TaskStatus) =>
      judge('landed', 'tsk_1', null, state([task(status)], [attempt(1, 'ready')]))
    expect(view('deciding').done).toBe(false)
    expect(view('landing').done).toBe(false)
    expect(view('landed')).toMatchObject({ done: true, failed: null })
  })

  it.each(['rework', 'abandoned'] as const)('gives up on landing when the task is in %s', (status) => {
    const view = judge('landed', 'tsk_1', null, state([task(status)], [attempt(1, 'trashed')]))
    expect(view.done).toBe(true)
    expect(view.failed).toMatch(/^(All|The)/)
  })
})
