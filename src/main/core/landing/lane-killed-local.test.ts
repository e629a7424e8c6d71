import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { agentCommits, sh } from '../git/fixtures.ts'
import { expectGone, landUnderFire, type Mode } from './testing/land-under-fire.ts'
import { log, openWorld, worldDir } from './testing/world.ts'

const LONG = 600_000
const workflow = (run: string) => `---\nverify:\n  - name: test\n    run: ${JSON.stringify(run)}\n---\n`

/** Those that must have been among them. Unmarked children may have done some of the work before the next process came to it. */
const MOMENTS: Record<Mode, string[]> = {
  entered: 'queued integrate verify fixing gate pull checks merge confirm cleanup'.split(' '),
  leaving: 'queued integrate verify fixing gate pull checks merge confirm cleanup'.split(' '),
  within: [
    ...['integrate:commit-tree', 'integrate:update-ref', 'integrate:read-tree', 'verify:bash'],
    ...['merge:commit-tree', 'merge:update-index', 'merge:update-ref', 'merge:read-tree'],
    'cleanup:update-ref',
  ],
  unmarked: ['integrate:update-ref', 'verify:bash', 'merge:update-ref', 'cleanup:update-ref'],
}

describe.each<Mode>(['entered', 'leaving', 'within', 'unmarked'])('killed in every phase, %s', (mode) => {
  it('lands once without a forge', { timeout: LONG }, async () => {
    const dir = worldDir()
    const repo = join(dir, 'app')
    const world = await openWorld({
      dir,
      workflow: workflow('grep -q fixed c.txt || { echo Error: not fixed; exit 1; }'),
    })
    const attempt = await world.ready('Add c', { 'c.txt': 'x\n' })
    agentCommits(repo, { 'd.txt': 'x\n' }, 'meanwhile')
    world.lane.pause(world.approve(attempt.id, { allowFixes: true }).id)
    const runId = world.runOf(attempt.taskId).id
    await world.close()
    const primed = await openWorld({ dir, again: true, outsideTests: true })
    primed.ledger.commit((tx) =>
      tx.patch('landRuns', runId, { status: 'active', reason: null, phase: 'queued' }),
    )
    await primed.close()
    const killed = await landUnderFire({ dir, url: '-', mode })
    expect(killed).toMatchObject({ code: 0 })
    expect(killed.at).toEqual(expect.arrayContaining(MOMENTS[mode]))
    const after = await openWorld({ dir, again: true })
    expect(after.ledger.require('tasks', attempt.taskId)).toMatchObject({
      status: 'landed',
      landedSha: sh(repo, 'rev-parse', 'main'),
    })
    expect(log(repo)).toEqual(['Add c', 'meanwhile', 'first'])
    expect(sh(repo, 'show', 'main:c.txt')).toBe('fixed')
    expect(after.pulls.list({ all: true })).toMatchObject([{ number: 1, state: 'merged' }])
    expectGone(repo, attempt)
  })
})
