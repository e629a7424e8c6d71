import { describe, expect, test } from 'vitest'
import type { Pull, PullCheck } from '../../shared/domain/pull.ts'
import { checkLook, checksOfHead, distance, pullOfTask, pullState } from './pull-look.ts'

const check = (change: Partial<PullCheck>): PullCheck => ({
  id: 'c',
  pullId: 'p',
  headSha: 'h1',
  externalId: 'x',
  name: 'unit',
  kind: 'run',
  status: 'completed',
  conclusion: 'success',
  required: true,
  url: null,
  excerpt: null,
  startedAt: null,
  completedAt: null,
  sentAt: null,
  retried: false,
  rev: 1,
  ...change,
})
const pull = (change: Partial<Pull>): Pull => ({
  id: 'p',
  repoId: 'r',
  taskId: 't',
  attemptId: 'a',
  forge: 'github',
  number: 1,
  url: null,
  title: 'A change',
  state: 'open',
  draft: false,
  author: 'me',
  headBranch: 'head',
  headSha: 'h1',
  baseBranch: 'main',
  labels: [],
  mergeability: 'clean',
  behind: null,
  ahead: null,
  decision: 'none',
  reviews: [],
  checks: 'none',
  unresolved: null,
  queuePosition: null,
  mergedSha: null,
  observedAt: null,
  staleSince: null,
  problem: null,
  rev: 1,
  createdAt: 1,
  ...change,
})
const byId = <T extends { id: string }>(rows: T[]) => Object.fromEntries(rows.map((row) => [row.id, row]))

describe('a pull request on its card', () => {
  test('never shows a cancelled or stale check as a success', () => {
    for (const conclusion of ['cancelled', 'stale', 'action_required', 'timed_out', 'failure', null] as const)
      expect(checkLook({ status: 'completed', conclusion }).tone).not.toBe('ok')
    // A conclusion that is left from an earlier run says nothing about the one that runs now.
    expect(checkLook({ status: 'running', conclusion: 'success' })).toEqual({ tone: 'run', text: 'running' })
  })

  test('shows the checks of its head only, what is red first', () => {
    const checks = byId([
      check({ id: '1', name: 'a' }),
      check({ id: '2', name: 'b', conclusion: 'failure' }),
      check({ id: '3', name: 'c', status: 'running', conclusion: null }),
      check({ id: '4', name: 'old', headSha: 'h0', conclusion: 'failure' }),
      check({ id: '5', name: 'other', pullId: 'q', conclusion: 'failure' }),
    ])
    expect(checksOfHead(checks, pull({})).map((one) => one.name)).toEqual(['b', 'c', 'a'])
  })

  test('is the open one of its task, else the newest', () => {
    const rows = byId([
      pull({ id: 'closed', state: 'closed', createdAt: 30 }),
      pull({ id: 'open', createdAt: 20 }),
      pull({ id: 'foreign', taskId: 'u', createdAt: 40 }),
    ])
    expect(pullOfTask(rows, 't')?.id).toBe('open')
    expect(pullOfTask({ ...rows, open: pull({ id: 'open', state: 'merged', createdAt: 20 }) }, 't')?.id).toBe(
      'closed',
    )
    expect(pullOfTask(rows, 'nobody')).toBeUndefined()
  })

  test('says how far it is from its base, and nothing when that is not known', () => {
    expect(distance({ ahead: null, behind: null })).toBeNull()
    expect(distance({ ahead: 1, behind: 0 })).toBe('1 ahead, 0 behind')
    expect(distance({ ahead: 3, behind: 2 })).toBe('3 ahead, 2 behind')
    expect(pullState({ state: 'merged', draft: true }).text).toBe('merged')
  })
})
