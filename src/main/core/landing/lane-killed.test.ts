import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { sh } from '../git/fixtures.ts'
import { githubOptions, githubWorld } from './testing/github-world.ts'
import { log, openWorld, worldDir } from './testing/world.ts'

// kill -9 of the process that lands, once in every phase, right when the phase was written down and some moments later:
// what is left over differs each time, the end must not.

const LONG = 600_000
const WORKFLOW =
  '---\nverify:\n  - name: test\n    run: "grep -q fixed c.txt || { echo Error: not fixed; exit 1; }"\n---\n'

interface Killed {
  /** Phases in which it was killed. */
  at: string[]
  code: number | null
}

/** Lands until it is done; kills the process the first time that each phase is entered, after `delay` ms. */
async function landUnderFire(
  dir: string,
  url: string,
  delay: () => number,
  each: () => Promise<void>,
): Promise<Killed> {
  const at: string[] = []
  for (;;) {
    const child: ChildProcess = spawn(
      process.execPath,
      [join(import.meta.dirname, 'testing/land-process.ts'), dir, url],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
    let aimed = false
    child.stdout?.on('data', (chunk: Buffer) => {
      for (const phase of chunk.toString().split('\n').filter(Boolean)) {
        if (aimed || at.includes(phase) || phase === 'done') continue
        aimed = true
        at.push(phase)
        setTimeout(() => child.kill('SIGKILL'), delay())
      }
    })
    const running = { over: false }
    const code = await Promise.race([
      ended.finally(() => {
        running.over = true
      }),
      (async () => {
        while (!running.over) {
          await each()
          await pause(50)
        }
        return ended
      })(),
    ])
    // Ended by itself before it was hit, or not aimed at: it is through.
    if (code !== null) return { at, code }
  }
}

function expectGone(repo: string, attempt: Attempt) {
  expect(existsSync(attempt.worktree)).toBe(false)
  expect(sh(repo, 'branch', '--list', 'quartet/*')).toBe('')
  expect(sh(repo, 'status', '--porcelain')).toBe('')
}

const seeded = (seed: number) => {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

describe.each([
  ['at once', () => 0],
  [
    'a moment later',
    (() => {
      const random = seeded(7)
      return () => Math.floor(random() * 250)
    })(),
  ],
])('killed in every phase, %s', (_name, delay) => {
  it('lands once through pull requests', { timeout: LONG }, async () => {
    const { dir, forge, world, bare } = await githubWorld()
    await forge.protect(['ci'])
    const attempt = await world.ready('Add c', { 'c.txt': 'x\n' })
    world.lane.pause(world.approve(attempt.id, { allowFixes: true }).id)
    const runId = world.runOf(attempt.taskId).id
    await world.close()
    const primed = await openWorld({ ...githubOptions(dir, forge.url), again: true, outsideTests: true })
    primed.ledger.commit((tx) =>
      tx.patch('landRuns', runId, { status: 'active', reason: null, phase: 'queued' }),
    )
    await primed.close()

    const heads: string[] = []
    const killed = await landUnderFire(dir, forge.url, delay, async () => {
      const head = sh(bare, 'for-each-ref', '--format=%(objectname)', 'refs/heads/quartet/')
      if (head === '' || heads.includes(head)) return
      heads.push(head)
      if (heads.length === 1) await forge.check(head, 'ci', 'failure', 'Error: not fixed')
      else await forge.check(head, 'ci', 'success')
      if (heads.length === 2) await forge.remark(1, 'c.txt', 1, 'Please rename.')
    })
    expect(killed.code).toBe(0)
    expect(killed.at).toEqual(
      expect.arrayContaining([
        'queued',
        'integrate',
        'push',
        'pull',
        'checks',
        'fixing',
        'gate',
        'merge',
        'confirm',
        'cleanup',
      ]),
    )
    const after = await openWorld({ ...githubOptions(dir, forge.url), again: true })
    const task = after.ledger.require('tasks', attempt.taskId)
    expect(task).toMatchObject({ status: 'landed', landedSha: sh(bare, 'rev-parse', 'main') })
    expect(log(bare)).toEqual(['Add c (#1)', 'first'])
    expect(sh(bare, 'show', 'main:c.txt')).toBe('fixed and renamed')
    expect(await forge.pulls()).toHaveLength(1)
    const replies = (await forge.comments(1)).filter((comment) => comment.in_reply_to_id !== null)
    expect(replies.map((reply) => reply.body.split('\n')[0])).toEqual([
      expect.stringMatching(/^\*\*Done in [0-9a-f]{10}\.\*\* Renamed\.$/),
    ])
    expect(sh(bare, 'branch', '--list', 'quartet/*')).toBe('')
    expectGone(join(dir, 'app'), attempt)
    const facts = after.ledger.facts({ taskId: attempt.taskId, limit: 1_000 })
    const count = (kind: string) => facts.filter((fact) => fact.kind === kind).length
    expect({
      opened: count('pull.opened'),
      fixes: count('land.fix'),
      replied: count('pull.replied'),
    }).toEqual({
      opened: 1,
      fixes: 2,
      replied: 1,
    })
    expect(facts.filter((fact) => fact.kind === 'task.status' && fact.body.to === 'landed')).toHaveLength(1)
  })

  it('lands once without a forge', { timeout: LONG }, async () => {
    const dir = worldDir()
    const world = await openWorld({ dir, workflow: WORKFLOW })
    const attempt = await world.ready('Add c', { 'c.txt': 'x\n' })
    world.lane.pause(world.approve(attempt.id, { allowFixes: true }).id)
    const runId = world.runOf(attempt.taskId).id
    await world.close()
    const primed = await openWorld({ dir, again: true, outsideTests: true })
    primed.ledger.commit((tx) =>
      tx.patch('landRuns', runId, { status: 'active', reason: null, phase: 'queued' }),
    )
    await primed.close()
    const killed = await landUnderFire(dir, '', delay, async () => {})
    expect(killed.code).toBe(0)
    expect(killed.at).toEqual(
      expect.arrayContaining([
        'queued',
        'integrate',
        'verify',
        'fixing',
        'gate',
        'pull',
        'checks',
        'merge',
        'confirm',
        'cleanup',
      ]),
    )
    const after = await openWorld({ dir, again: true })
    const repo = join(dir, 'app')
    expect(after.ledger.require('tasks', attempt.taskId)).toMatchObject({
      status: 'landed',
      landedSha: sh(repo, 'rev-parse', 'main'),
    })
    expect(log(repo)).toEqual(['Add c', 'first'])
    expect(sh(repo, 'show', 'main:c.txt')).toBe('fixed')
    expect(after.pulls.list({ all: true })).toMatchObject([{ number: 1, state: 'merged' }])
    expectGone(repo, attempt)
  })
})
