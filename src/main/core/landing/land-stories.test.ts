import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { agentCommits, sh } from '../git/fixtures.ts'
import { githubWorld } from './testing/github-world.ts'
import { type Agent, commits, log, openWorld, type World, type WorldOptions } from './testing/world.ts'

// Stories that must end alike whether a repository lands by git alone or through pull requests of its forge.

const LONG = 400_000
const workflow = (run: string) => `---\nverify:\n  - name: test\n    run: ${JSON.stringify(run)}\n---\n`

interface Stage {
  world: World
  /** The repository that has the base which everybody works from. */
  base: string
  /** Somebody else's commit on the base. */
  moveBase: (files: Record<string, string>, message: string) => void
  renameBase: () => void
  /** Subjects of the base, newest first, without the numbers of pull requests. */
  landed: () => string[]
}

const STAGES: Record<string, (options?: WorldOptions) => Promise<Stage>> = {
  'by git alone': async (options = {}) => {
    const world = await openWorld(options)
    return {
      world,
      base: world.repo,
      moveBase: (files, message) => void agentCommits(world.repo, files, message),
      renameBase: () => void sh(world.repo, 'branch', '-m', 'main', 'trunk'),
      landed: () => log(world.repo),
    }
  },
  'through pull requests': async (options = {}) => {
    const { world, dir, bare } = await githubWorld(options)
    const somebody = join(dir, 'somebody')
    sh(dir, 'clone', '-q', bare, somebody)
    return {
      world,
      base: bare,
      moveBase: (files, message) => {
        sh(somebody, 'pull', '-q', '--rebase', 'origin', 'main')
        agentCommits(somebody, files, message)
        sh(somebody, 'push', '-q', 'origin', 'HEAD:main')
      },
      renameBase: () => void sh(bare, 'branch', '-m', 'main', 'trunk'),
      landed: () => log(bare).map((subject) => subject.replace(/ \(#\d+\)$/, '')),
    }
  },
}

/** Merges the base as the message of a fix round says, and keeps both sides of a conflict. */
const keepBoth: Agent = (attempt, message) => {
  const base = /git merge ([0-9a-f]{40})/.exec(message)?.[1] ?? ''
  try {
    sh(attempt.worktree, 'merge', base)
  } catch {
    commits(attempt, { 'shared.txt': 'both\n' }, 'Merge and keep both')
  }
}

const statusOf = (world: World, attempt: Attempt) => world.ledger.require('tasks', attempt.taskId).status
const over = (world: World, attempt: Attempt) =>
  world.until(() => world.runOf(attempt.taskId).endedAt !== null && world.runOf(attempt.taskId))
const isGone = (world: World, attempt: Attempt) =>
  !existsSync(attempt.worktree) && sh(world.repo, 'branch', '--list', attempt.branch) === ''

describe.each(Object.entries(STAGES))('landing %s', (_name, open) => {
  it('goes from approval over a red gate, a fix and a new base to landed, and tells all of it', {
    timeout: LONG,
  }, async () => {
    const { world, base, moveBase, landed } = await open({
      workflow: workflow('grep -q fixed c.txt || { echo "Error: c.txt is not fixed"; exit 1; }'),
      agent: (attempt) => commits(attempt, { 'c.txt': 'fixed\n' }, 'Mend the check'),
    })
    const attempt = await world.ready('Add c', { 'c.txt': 'three\n' })
    moveBase({ 'd.txt': 'x\n' }, 'meanwhile')
    world.approve(attempt.id, { allowFixes: true })
    const run = await over(world, attempt)
    expect(run).toMatchObject({ status: 'landed', phase: 'done', fixes: 1, reason: null })
    expect(world.fixes).toHaveLength(1)
    expect(world.fixes[0]).toContain('Error: c.txt is not fixed')
    expect(landed()).toEqual(['Add c', 'meanwhile', 'first'])
    const task = world.ledger.require('tasks', attempt.taskId)
    expect([task.landedSha, sh(base, 'show', 'main:c.txt')]).toEqual([sh(base, 'rev-parse', 'main'), 'fixed'])
    // What landed was verified with the new base in it.
    expect(sh(base, 'rev-parse', `${task.landedSha}^`)).toBe(run.expectedBaseSha)
    expect(world.ledger.select('checks', 'headSha = ?', run.headSha)).toMatchObject([{ status: 'passed' }])
    expect(isGone(world, attempt)).toBe(true)
    expect(sh(base, 'branch', '--list', 'quartet/*')).toBe('')
    // The engineer's own checkout followed.
    expect([sh(world.repo, 'rev-parse', 'main'), sh(world.repo, 'status', '--porcelain')]).toEqual([
      task.landedSha,
      '',
    ])
    expect(world.pulls.list({ all: true })).toMatchObject([
      { number: 1, state: 'merged', mergedSha: task.landedSha },
    ])
    const facts = world.ledger.facts({ taskId: attempt.taskId, limit: 1_000 })
    const count = (kind: string) => facts.filter((fact) => fact.kind === kind).length
    expect([count('pull.opened'), count('land.fix')]).toEqual([1, 1])
    expect(count('check.ended')).toBeGreaterThan(1)
    expect(count('land.phase')).toBeGreaterThan(8)
  })

  it('verifies again on a base that moved while it was verified', { timeout: LONG }, async () => {
    const { world, moveBase, landed } = await open({
      // The base moves under the first run of the gate.
      workflow: workflow(
        'test -e ../began || { touch ../began; until test -e ../moved; do sleep 0.1; done; }',
      ),
    })
    const attempt = await world.ready('Add c', { 'c.txt': 'x\n' })
    world.approve(attempt.id)
    await expect.poll(() => existsSync(join(world.root, 'began')), { timeout: 60_000 }).toBe(true)
    moveBase({ 'd.txt': 'x\n' }, 'meanwhile')
    sh(world.repo, 'init', '-q', join(world.root, 'moved'))
    const run = await over(world, attempt)
    expect(run.status).toBe('landed')
    expect(landed()).toEqual(['Add c', 'meanwhile', 'first'])
    expect(sh(world.repo, 'rev-parse', `${run.landedSha}^`)).toBe(run.expectedBaseSha)
  })

  it.each([
    [true, 'is landed by its agent'],
    [false, 'comes back to be judged'],
  ])(
    'lands approved tasks in order; of two that conflict the later one (fixes allowed: %s) %s',
    {
      timeout: LONG,
    },
    async (allowFixes) => {
      const { world, base, landed } = await open({ workflow: workflow('true'), agent: keepBoth })
      const made: Attempt[] = []
      for (const [i, file] of ['0.txt', 'shared.txt', '2.txt', 'shared.txt', '4.txt'].entries())
        made.push(await world.ready(`Task ${i}`, { [file]: `by ${i}\n` }))
      for (const attempt of made) world.approve(attempt.id, { allowFixes })
      await world.until(() => made.every((attempt) => world.runOf(attempt.taskId).endedAt !== null), 380_000)
      const order = landed().reverse()
      // Those behind the one that its agent had to mend did not wait.
      expect(order.filter((subject) => subject !== 'Task 3')).toEqual([
        'first',
        ...[0, 1, 2, 4].map((i) => `Task ${i}`),
      ])
      expect(order.includes('Task 3')).toBe(allowFixes)
      expect(made.map((attempt) => statusOf(world, attempt))).toEqual(
        [0, 1, 2, 3, 4].map((i) => (i === 3 && !allowFixes ? 'deciding' : 'landed')),
      )
      expect(sh(base, 'log', '--merges', '--format=%s', 'main')).toBe('')
      expect(sh(base, 'show', 'main:shared.txt')).toBe(allowFixes ? 'both' : 'by 1')
      expect(world.fixes).toHaveLength(1)
      if (allowFixes) return
      const conflicting = made[3] as Attempt
      expect(world.ledger.require('tasks', conflicting.taskId).reason).toContain('changed the diff')
      expect(world.ledger.require('attempts', conflicting.id)).toMatchObject({
        status: 'ready',
        verdict: null,
        attention: { kind: 'verdict' },
      })
      // Judged again, it lands.
      world.approve(conflicting.id)
      await world.until(() => statusOf(world, conflicting) === 'landed')
      expect(sh(base, 'show', 'main:shared.txt')).toBe('both')
    },
  )

  it('sends a red gate to the agent with its log, three times at most', { timeout: LONG }, async () => {
    const { world, landed } = await open({
      workflow: workflow('test -f fixed.txt || { echo "Error: fixed.txt is missing"; exit 1; }'),
      agent: (attempt) => commits(attempt, { 'tried.txt': `${Math.random()}\n` }),
    })
    const never = await world.land('Never', { 'c.txt': 'x\n' }, { allowFixes: true })
    expect(await over(world, never)).toMatchObject({ status: 'failed', fixes: 3 })
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
    await world.until(() => statusOf(world, never) === 'landed')
    expect(landed()).toEqual(['Never', 'first'])
  })

  it('runs a gate again that failed for the machine’s sake, and troubles no agent', {
    timeout: LONG,
  }, async () => {
    const { world } = await open({
      workflow: workflow('test -f ../once || { touch ../once; echo "npm ERR! network ECONNRESET"; exit 1; }'),
    })
    const attempt = await world.land('Flaky', { 'c.txt': 'x\n' })
    await world.until(() => statusOf(world, attempt) === 'landed')
    expect(world.fixes).toEqual([])
  })

  it('lets what was overridden land', { timeout: LONG }, async () => {
    const { world } = await open({ workflow: workflow('false') })
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
    await world.until(() => statusOf(world, attempt) === 'landed')
  })

  it('judges again what moved on since the verdict', { timeout: LONG }, async () => {
    const { world, landed } = await open()
    const attempt = await world.ready('Moves', { 'c.txt': 'x\n' })
    commits(attempt, { 'sneaky.txt': 'x\n' }, 'after the look')
    world.approve(attempt.id)
    await world.until(() => statusOf(world, attempt) === 'deciding')
    expect(world.ledger.require('attempts', attempt.id).attention?.detail).toContain('moved on')
    expect(landed()).toEqual(['first'])
  })

  it('has nothing to land when the base has it all', { timeout: LONG }, async () => {
    const { world, moveBase, landed } = await open()
    const attempt = await world.ready('Same', { 'c.txt': 'x\n' })
    moveBase({ 'c.txt': 'x\n' }, 'The same')
    world.approve(attempt.id)
    await world.until(() => statusOf(world, attempt) === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toContain('already contains')
    expect([landed(), world.pulls.list({ all: true })]).toEqual([['The same', 'first'], []])
  })

  it('stops when the base was renamed', { timeout: LONG }, async () => {
    const { world, renameBase } = await open()
    const attempt = await world.ready('Add c', { 'c.txt': 'x\n' })
    renameBase()
    world.approve(attempt.id)
    await world.until(() => statusOf(world, attempt) === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toContain('was it renamed')
    expect(existsSync(attempt.worktree)).toBe(true)
  })

  it('can be paused, reordered, taken out and gone on with', { timeout: LONG }, async () => {
    const { world, landed } = await open({ workflow: workflow('sleep 0.3') })
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
    expect(landed()).toEqual(['Three', 'One', 'first'])
    world.lane.remove(second)
    expect(statusOf(world, two)).toBe('deciding')
    expect(() => world.lane.retry(two.taskId)).toThrow(expect.objectContaining({ code: 'illegal_state' }))
    expect(world.ledger.require('attempts', two.id)).toMatchObject({ status: 'ready', verdict: null })
    world.approve(two.id)
    await world.until(() => statusOf(world, two) === 'landed')
    expect(() => world.lane.remove(second)).toThrow(expect.objectContaining({ code: 'illegal_state' }))
  })
})
