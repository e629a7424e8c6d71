import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { put, sh } from '../git/fixtures.ts'
import { commits, log, openWorld } from './testing/world.ts'

const workflow = (run: string, more = '') =>
  `---\nverify:\n  - name: test\n    run: ${JSON.stringify(run)}\n${more}---\n`

describe('a landing without a forge', () => {
  it('goes through its phases, verifies on the new base, and leaves nothing behind', async () => {
    const world = await openWorld({ workflow: workflow('test -f b.txt') })
    const attempt = await world.ready('Add c', { 'c.txt': 'three\n' })
    put(world.repo, { 'd.txt': 'meanwhile\n' })
    sh(world.repo, 'add', '-A')
    sh(world.repo, 'commit', '-q', '-m', 'meanwhile')
    world.approve(attempt.id)
    const task = await world.until(() => {
      const now = world.ledger.require('tasks', attempt.taskId)
      return world.runOf(attempt.taskId).endedAt !== null && now
    })
    expect(task).toMatchObject({ status: 'landed', reason: null })
    expect(log(world.repo)).toEqual(['Add c', 'meanwhile', 'first'])
    expect(sh(world.repo, 'rev-parse', 'main')).toBe(task.landedSha)
    expect(world.phases(attempt.taskId)).toEqual([
      'integrate',
      'verify',
      'pull',
      'checks',
      'merge',
      'confirm',
      'cleanup',
      'done',
    ])
    const run = world.runOf(attempt.taskId)
    expect(run).toMatchObject({ status: 'landed', phase: 'done', fixes: 0 })
    // Checked was the head with the new base in it.
    expect(run.headSha).not.toBe(attempt.headSha)
    expect(world.ledger.select('checks', 'headSha = ?', run.headSha)).toMatchObject([
      { name: 'test', status: 'passed' },
    ])
    expect(world.pulls.list({ all: true })).toMatchObject([
      { number: 1, state: 'merged', forge: 'local', mergedSha: task.landedSha, checks: 'green' },
    ])
    expect(existsSync(attempt.worktree)).toBe(false)
    expect(sh(world.repo, 'branch', '--list', 'quartet/*')).toBe('')
    expect(sh(world.repo, 'status', '--porcelain')).toBe('')
  })

  it('lands ten approved tasks one after the other, each on the base that the one before left', async () => {
    const world = await openWorld({
      workflow: workflow('true'),
      agent: (attempt, message) => {
        // Resolves the conflict as it is told to.
        const base = /git merge ([0-9a-f]{40})/.exec(message)?.[1] ?? ''
        try {
          sh(attempt.worktree, 'merge', base)
        } catch {
          commits(attempt, { 'shared.txt': 'both\n' }, 'Merge and keep both')
        }
      },
    })
    const made: Attempt[] = []
    for (let i = 0; i < 10; i++) {
      // The second and the sixth change the same file: the one that comes later conflicts.
      const files = i === 2 || i === 6 ? { 'shared.txt': `by ${i}\n` } : { [`file${i}.txt`]: 'x\n' }
      made.push(await world.ready(`Task ${i}`, files))
    }
    for (const [i, attempt] of made.entries()) world.approve(attempt.id, { allowFixes: i === 6 })
    await world.until(() => made.every((attempt) => world.runOf(attempt.taskId).endedAt !== null), 300_000)
    expect(made.map((attempt) => world.ledger.require('tasks', attempt.taskId).status)).toEqual(
      made.map(() => 'landed'),
    )
    const order = log(world.repo)
    // In order, except the one that its agent had to mend: those behind it did not wait.
    expect([...order].reverse().filter((subject) => subject !== 'Task 6')).toEqual([
      'first',
      ...[0, 1, 2, 3, 4, 5, 7, 8, 9].map((i) => `Task ${i}`),
    ])
    expect(order).toHaveLength(11)
    expect(sh(world.repo, 'log', '--merges', '--format=%s', 'main')).toBe('')
    expect(sh(world.repo, 'show', 'main:shared.txt')).toBe('both')
    expect(world.fixes).toHaveLength(1)
  }, 400_000)

  it('gives a conflict back to the engineer when the diff may not change', async () => {
    const world = await openWorld({
      agent: (attempt, message) => {
        const base = /git merge ([0-9a-f]{40})/.exec(message)?.[1] ?? ''
        try {
          sh(attempt.worktree, 'merge', base)
        } catch {
          commits(attempt, { 'a.txt': 'both\n' }, 'Merge')
        }
      },
    })
    const first = await world.ready('First', { 'a.txt': 'first\n' })
    const second = await world.ready('Second', { 'a.txt': 'second\n' })
    world.approve(first.id)
    world.approve(second.id)
    const task = await world.until(() => {
      const now = world.ledger.require('tasks', second.taskId)
      return now.status === 'deciding' && now
    })
    expect(task.reason).toContain('changed the diff')
    expect(world.ledger.require('attempts', second.id)).toMatchObject({
      status: 'ready',
      verdict: null,
      attention: { kind: 'verdict' },
    })
    // Judged again, it lands.
    world.approve(second.id)
    await world.until(() => world.ledger.require('tasks', second.taskId).status === 'landed')
    expect(sh(world.repo, 'show', 'main:a.txt')).toBe('both')
  })

  it('sends a red gate to the agent with its log, three times at most', async () => {
    const world = await openWorld({
      workflow: workflow('test -f fixed.txt || { echo "Error: fixed.txt is missing"; exit 1; }'),
      agent: (attempt) => commits(attempt, { 'tried.txt': `${Math.random()}\n` }),
    })
    const never = await world.land('Never', { 'c.txt': 'x\n' }, { allowFixes: true })
    const failed = await world.until(() => {
      const run = world.runOf(never.taskId)
      return run.status === 'failed' && run
    }, 300_000)
    expect(failed).toMatchObject({ fixes: 3 })
    expect(world.fixes).toHaveLength(3)
    expect(world.fixes[0]).toContain('Error: fixed.txt is missing')
    expect(world.ledger.require('attempts', never.id)).toMatchObject({
      status: 'ready',
      attention: { kind: 'ci_stuck' },
    })
    // Mended by hand, and judged as it is now.
    commits(never, { 'fixed.txt': 'x\n' })
    world.ledger.commit((tx) =>
      tx.patch('attempts', never.id, { headSha: sh(never.worktree, 'rev-parse', 'HEAD') }),
    )
    world.approve(never.id)
    await world.until(() => world.ledger.require('tasks', never.taskId).status === 'landed')
    expect(sh(world.repo, 'show', 'main:fixed.txt')).toBe('x')
  }, 300_000)

  it('runs a gate again that failed for the machine’s sake, and troubles no agent', async () => {
    const world = await openWorld({
      workflow: workflow('test -f ../once || { touch ../once; echo "npm ERR! network ECONNRESET"; exit 1; }'),
    })
    const attempt = await world.land('Flaky', { 'c.txt': 'x\n' })
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'landed')
    expect(world.fixes).toEqual([])
  })

  it('lets what was overridden land, and nothing that became red later', async () => {
    const world = await openWorld({
      workflow: workflow('false'),
    })
    const attempt = await world.ready('Red', { 'c.txt': 'x\n' })
    world.ledger.commit((tx) =>
      tx.put('checks', {
        id: 'check_1',
        attemptId: attempt.id,
        name: 'test',
        command: 'false',
        required: true,
        status: 'failed',
        exitCode: 1,
        headSha: attempt.headSha ?? '',
        durationMs: 1,
        summary: 'red',
        startedAt: 1,
      }),
    )
    world.approve(attempt.id)
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'landed')
  })

  it('waits for a clean checkout of the base and lets the next one pass elsewhere', async () => {
    const world = await openWorld({})
    const attempt = await world.ready('Change a', { 'a.txt': 'new\n' })
    put(world.repo, { 'a.txt': 'the engineer is at it\n' })
    world.approve(attempt.id)
    const run = await world.until(() => {
      const now = world.runOf(attempt.taskId)
      return now.status === 'waiting' && now
    })
    expect(run.reason).toContain('uncommitted changes')
    expect(world.ledger.require('attempts', attempt.id).attention?.kind).toBe('base_dirty')
    sh(world.repo, 'checkout', '-q', '--', 'a.txt')
    world.lane.retry(attempt.taskId)
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'landed')
    expect(world.ledger.require('attempts', attempt.id).attention).toBeNull()
  })

  it('judges again what moved on since the verdict', async () => {
    const world = await openWorld({})
    const attempt = await world.ready('Moves', { 'c.txt': 'x\n' })
    commits(attempt, { 'sneaky.txt': 'x\n' }, 'after the look')
    world.approve(attempt.id)
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(world.ledger.require('attempts', attempt.id).attention?.detail).toContain('moved on')
    expect(log(world.repo)).toEqual(['first'])
  })

  it('has nothing to land when the base has it all', async () => {
    const world = await openWorld({})
    const attempt = await world.ready('Same', { 'c.txt': 'x\n' })
    put(world.repo, { 'c.txt': 'x\n' })
    sh(world.repo, 'add', '-A')
    sh(world.repo, 'commit', '-q', '-m', 'by hand')
    world.approve(attempt.id)
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toContain('already contains')
  })

  it('can be paused, reordered, taken out and gone on with', async () => {
    const world = await openWorld({ workflow: workflow('sleep 0.3') })
    const [one, two, three] = [
      await world.ready('One', { '1.txt': 'x\n' }),
      await world.ready('Two', { '2.txt': 'x\n' }),
      await world.ready('Three', { '3.txt': 'x\n' }),
    ]
    const runs = [one, two, three].map((attempt) => world.approve(attempt.id))
    const [first, second, third] = runs.map((run) => run.id) as [string, string, string]
    world.lane.pause(second)
    world.lane.reorder(third, second)
    expect(() => world.lane.resume(first)).toThrow(expect.objectContaining({ code: 'illegal_state' }))
    await world.until(() => world.runOf(three.taskId).endedAt !== null)
    expect(world.runOf(two.taskId)).toMatchObject({ status: 'paused' })
    expect(log(world.repo)).toEqual(['Three', 'One', 'first'])
    world.lane.remove(second)
    expect(world.ledger.require('tasks', two.taskId).status).toBe('deciding')
    expect(world.ledger.require('attempts', two.id)).toMatchObject({ status: 'ready', verdict: null })
    world.approve(two.id)
    await world.until(() => world.ledger.require('tasks', two.taskId).status === 'landed')
    expect(() => world.lane.remove(second)).toThrow(expect.objectContaining({ code: 'illegal_state' }))
  })
})
