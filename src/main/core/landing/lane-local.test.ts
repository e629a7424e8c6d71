import { existsSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { Failure } from '../../../shared/domain/failure.ts'
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

  it.runIf(process.platform === 'linux')(
    'takes away a lock that a killed git left, and no other',
    async () => {
      const world = await openWorld({})
      const lock = join(world.repo, '.git/index.lock')
      writeFileSync(lock, '')
      const attempt = await world.land('Change a', { 'a.txt': 'new\n' })
      await world.until(() => world.ledger.require('attempts', attempt.id).attention?.kind === 'base_dirty')
      expect(world.runOf(attempt.taskId).reason).toContain('held by no process that lives')
      expect(existsSync(lock)).toBe(true)
      // Two minutes later nobody can be about to use it.
      const old = Date.now() / 1_000 - 120
      utimesSync(lock, old, old)
      await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'landed')
      expect(existsSync(lock)).toBe(false)
    },
  )

  it('says so when the checkout of the base cannot follow what has landed, and goes on when it can', async () => {
    let cut = true
    const world = await openWorld({
      wrapGit: (git) => ({
        ...git,
        landLocal: async (request) => {
          const landed = await git.landLocal(request)
          if (cut) {
            // As after a crash between the branch and its checkout, in which the engineer has typed since.
            cut = false
            sh(request.repo, 'read-tree', '--reset', '-u', landed.before)
            put(request.repo, { 'a.txt': 'the engineer is at it\n' })
            throw new Failure('git_timeout', 'Cut off.')
          }
          return landed
        },
      }),
    })
    const attempt = await world.land('Change a', { 'a.txt': 'new\n' })
    const run = await world.until(() => {
      const now = world.runOf(attempt.taskId)
      return now.status === 'waiting' && now
    })
    expect(run.reason).toContain('has landed on main')
    expect(run.reason).toContain('git stash')
    expect(world.ledger.require('attempts', attempt.id).attention?.kind).toBe('base_dirty')
    expect(log(world.repo)).toEqual(['Change a', 'first'])
    sh(world.repo, 'stash', '-q')
    world.lane.retry(attempt.taskId)
    await world.until(() => world.runOf(attempt.taskId).endedAt !== null)
    expect(world.ledger.require('tasks', attempt.taskId).status).toBe('landed')
    expect(log(world.repo)).toEqual(['Change a', 'first'])
    expect([sh(world.repo, 'status', '--porcelain'), sh(world.repo, 'show', 'stash@{0}:a.txt')]).toEqual([
      '',
      'the engineer is at it',
    ])
  })
})
