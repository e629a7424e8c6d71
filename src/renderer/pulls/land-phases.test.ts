import { describe, expect, test } from 'vitest'
import type { LandRun } from '../../shared/domain/landing.ts'
import { canTakeOut, lanesOf, phasesOf, placeBefore } from './land-phases.ts'

const run = (id: string, rank: number, change: Partial<LandRun> = {}): LandRun => ({
  id,
  repoId: 'r',
  taskId: `t-${id}`,
  attemptId: `a-${id}`,
  baseBranch: 'main',
  phase: 'queued',
  status: 'active',
  reason: null,
  method: 'squash',
  allowFixes: false,
  rank,
  fixes: 0,
  verdict: null,
  reviewedSha: null,
  headSha: null,
  pushedSha: null,
  pullId: null,
  waitUntil: null,
  fixMessage: null,
  expectedBaseSha: null,
  landedSha: null,
  rev: 1,
  startedAt: 1,
  endedAt: null,
  ...change,
})
const byId = (runs: LandRun[]) => Object.fromEntries(runs.map((one) => [one.id, one]))

describe('a land lane', () => {
  test('holds what is under way, by rank, one lane per repository and base', () => {
    const runs = byId([
      run('late', 3),
      run('first', -1, { status: 'paused' }),
      run('other-base', 0, { baseBranch: 'next' }),
      run('other-repo', 0, { repoId: 's' }),
      run('over', 0, { status: 'landed', endedAt: 5 }),
    ])
    expect(lanesOf(runs, 'r').map((lane) => [lane.baseBranch, lane.runs.map((one) => one.id)])).toEqual([
      ['main', ['first', 'late']],
      ['next', ['other-base']],
    ])
    expect(lanesOf(runs, null)).toHaveLength(3)
  })

  test('names the neighbour that a move goes before', () => {
    const lane = lanesOf(byId([run('a', 1), run('b', 2), run('c', 3)]), 'r')[0]
    if (!lane) throw new Error('no lane')
    expect(placeBefore(lane, 'b', -1)).toBe('a')
    expect(placeBefore(lane, 'a', 1)).toBe('c')
    expect(placeBefore(lane, 'b', 1)).toBeNull()
    expect(placeBefore(lane, 'a', -1)).toBeUndefined()
    expect(placeBefore(lane, 'c', 1)).toBeUndefined()
  })

  test('lets go of what is not being merged yet', () => {
    expect(canTakeOut(run('a', 1, { phase: 'checks' }))).toBe(true)
    expect(canTakeOut(run('a', 1, { phase: 'merge' }))).toBe(false)
    expect(canTakeOut(run('a', 1, { phase: 'merge', status: 'paused' }))).toBe(true)
  })

  test('shows the phases of a forge only where there is one', () => {
    expect(phasesOf('local', 'verify')).not.toContain('push')
    expect(phasesOf('local', 'done')).not.toContain('push')
    expect(phasesOf('local', 'checks')).toContain('checks')
    expect(phasesOf('github', 'verify')).toContain('push')
  })
})
