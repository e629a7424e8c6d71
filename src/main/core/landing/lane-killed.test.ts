import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { agentCommits, sh } from '../git/fixtures.ts'
import { githubOptions, githubWorld } from './testing/github-world.ts'
import { log, openWorld, worldDir } from './testing/world.ts'

// kill -9 of the process that lands, once in every phase and at every moment that differs: right when the phase was
// entered, when all of it is done and only the record of that is missing, and while a git, a check or a request of ours is
// at work, which then outlives the process. What is left over differs each time, the end must not.

const LONG = 600_000
/** The child that outlived one process is let go while the next one is at work. */
const THAW_MS = 300
const workflow = (run: string) => `---\nverify:\n  - name: test\n    run: ${JSON.stringify(run)}\n---\n`

type Mode = 'entered' | 'leaving' | 'within' | 'unmarked'

interface Killed {
  /** The moments in which it was killed, in order. */
  at: string[]
  code: number | null
  /** What the last one said. */
  said: string
}

interface Fire {
  dir: string
  url: string
  mode: Mode
  /** Plays the world around it, again and again. */
  each?: () => Promise<void>
  /** Hears of each process that is started. */
  started?: (child: ChildProcess, die: (moment: string) => void) => void
}

/** Starts the landing process again and again until it ends by itself. */
async function landUnderFire({ dir, url, mode, each, started }: Fire): Promise<Killed> {
  const program = join(import.meta.dirname, 'testing/land-process.ts')
  const at: string[] = []
  let frozen: number | null = null
  const thaw = () => {
    try {
      if (frozen !== null) process.kill(frozen, 'SIGCONT')
    } catch {
      // The next process has ended it already.
    }
    frozen = null
  }
  onTestFinished(thaw)
  for (;;) {
    const child = spawn(process.execPath, [program, dir, url, mode, at.join(',')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let struck = ''
    started?.(child, (moment) => {
      if (at.includes(moment) || struck !== '') return
      struck = moment
      child.kill('SIGKILL')
    })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      if (said === '') setTimeout(thaw, THAW_MS)
      said += chunk.toString()
    })
    // `close` comes after the last byte of its output.
    let over = false
    const ended = new Promise<number | null>((resolve) =>
      child.once('close', (code) => {
        over = true
        resolve(code)
      }),
    )
    while (!over) {
      await each?.()
      await pause(50)
    }
    const code = await ended
    thaw()
    const [, moment = '', pid = ''] = /^up\n(\S+) (\d*)\n$/.exec(said) ?? ['', struck]
    if (code !== null || moment === '' || at.includes(moment)) return { at, code, said }
    if (pid !== '') frozen = Number(pid)
    at.push(moment)
  }
}

function expectGone(repo: string, attempt: Attempt) {
  expect(existsSync(attempt.worktree)).toBe(false)
  expect(sh(repo, 'branch', '--list', 'quartet/*')).toBe('')
  expect(sh(repo, 'status', '--porcelain')).toBe('')
}

/** Those that must have been among them. Unmarked children may have done some of the work before the next process came to it. */
const MOMENTS: Record<'github' | 'local', Record<Mode, string[]>> = {
  github: {
    entered: 'queued integrate verify push pull checks fixing gate merge confirm cleanup'.split(' '),
    leaving: 'queued integrate verify push pull checks fixing gate merge confirm cleanup'.split(' '),
    within: [
      ...['integrate:fetch', 'integrate:commit-tree', 'integrate:update-ref', 'integrate:read-tree'],
      ...['verify:bash', 'push:push', 'merge:fetch', 'confirm:update-ref', 'confirm:read-tree'],
      ...['cleanup:update-ref', 'cleanup:push', 'POST pulls', 'PATCH pull', 'POST reply', 'PUT merge'],
    ],
    unmarked: ['integrate:update-ref', 'verify:bash', 'push:push', 'confirm:update-ref', 'PUT merge'],
  },
  local: {
    entered: 'queued integrate verify fixing gate pull checks merge confirm cleanup'.split(' '),
    leaving: 'queued integrate verify fixing gate pull checks merge confirm cleanup'.split(' '),
    within: [
      ...['integrate:commit-tree', 'integrate:update-ref', 'integrate:read-tree', 'verify:bash'],
      ...['merge:commit-tree', 'merge:update-index', 'merge:update-ref', 'merge:read-tree'],
      'cleanup:update-ref',
    ],
    unmarked: ['integrate:update-ref', 'verify:bash', 'merge:update-ref', 'cleanup:update-ref'],
  },
}

const shapeOf = ({ method, path }: { method: string; path: string }): string | null =>
  method === 'GET' || path === '/graphql'
    ? null
    : `${method} ${/(?<=pulls\/\d+\/)merge/.exec(path) ?? (/replies$/.test(path) ? 'reply' : /pulls$/.test(path) ? 'pulls' : 'pull')}`

describe.each<Mode>(['entered', 'leaving', 'within', 'unmarked'])('killed in every phase, %s', (mode) => {
  it('lands once through pull requests', { timeout: LONG }, async () => {
    const { dir, forge, world, bare } = await githubWorld({ workflow: workflow('test -f c.txt') })
    await forge.protect(['ci'])
    const attempt = await world.ready('Add c', { 'c.txt': 'x\n' })
    // The base has moved since: there is something to integrate.
    sh(dir, 'clone', '-q', bare, 'somebody')
    agentCommits(join(dir, 'somebody'), { 'd.txt': 'x\n' }, 'meanwhile')
    sh(join(dir, 'somebody'), 'push', '-q', 'origin', 'HEAD:main')
    world.lane.pause(world.approve(attempt.id, { allowFixes: true }).id)
    const runId = world.runOf(attempt.taskId).id
    await world.close()
    const primed = await openWorld({ ...githubOptions(dir, forge.url), again: true, outsideTests: true })
    primed.ledger.commit((tx) =>
      tx.patch('landRuns', runId, { status: 'active', reason: null, phase: 'queued' }),
    )
    await primed.close()

    const heads: string[] = []
    const killed = await landUnderFire({
      dir,
      url: forge.url,
      mode,
      each: async () => {
        const head = sh(bare, 'for-each-ref', '--format=%(objectname)', 'refs/heads/quartet/')
        if (head === '' || heads.includes(head)) return
        heads.push(head)
        // The remark before the green check: what is green and has no open thread is merged at once.
        if (heads.length === 2) await forge.remark(1, 'c.txt', 1, 'Please rename.')
        if (heads.length === 1) await forge.check(head, 'ci', 'failure', 'Error: not fixed')
        else await forge.check(head, 'ci', 'success')
      },
      started: (_child, die) => {
        if (mode === 'entered' || mode === 'leaving') return
        // The forge goes on with what it was asked; nobody hears the answer.
        forge.setFault((exchange) => {
          const shape = shapeOf(exchange)
          if (shape) die(shape)
          return undefined
        })
      },
    })
    expect(killed).toMatchObject({ code: 0 })
    expect(killed.at).toEqual(expect.arrayContaining(MOMENTS.github[mode]))
    const after = await openWorld({ ...githubOptions(dir, forge.url), again: true })
    const task = after.ledger.require('tasks', attempt.taskId)
    expect(task).toMatchObject({ status: 'landed', landedSha: sh(bare, 'rev-parse', 'main') })
    expect(log(bare)).toEqual(['Add c (#1)', 'meanwhile', 'first'])
    expect(sh(bare, 'show', 'main:c.txt')).toBe('fixed and renamed')
    expect(await forge.pulls()).toHaveLength(1)
    const replies = (await forge.comments(1)).filter((comment) => comment.in_reply_to_id !== null)
    expect(replies.map((reply) => reply.body.split('\n')[0])).toEqual([
      expect.stringMatching(/^\*\*Done in [0-9a-f]{10}\.\*\* Renamed\.$/),
    ])
    expect(sh(bare, 'branch', '--list', 'quartet/*')).toBe('')
    expect(sh(join(dir, 'app'), 'rev-parse', 'main')).toBe(task.landedSha)
    expectGone(join(dir, 'app'), attempt)
    const facts = after.ledger.facts({ taskId: attempt.taskId, limit: 1_000 })
    const count = (kind: string) => facts.filter((fact) => fact.kind === kind).length
    expect({
      opened: count('pull.opened'),
      fixes: count('land.fix'),
      replied: count('pull.replied'),
    }).toEqual({ opened: 1, fixes: 2, replied: 1 })
    expect(facts.filter((fact) => fact.kind === 'task.status' && fact.body.to === 'landed')).toHaveLength(1)
  })

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
    expect(killed.at).toEqual(expect.arrayContaining(MOMENTS.local[mode]))
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
