import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { SecretStore } from '../../kernel/secret-store.ts'
import { agentCommits, put, sh } from '../git/fixtures.ts'
import type { Fault } from './testing/emulated-forge.ts'
import { githubWorld } from './testing/github-world.ts'
import { commits, log } from './testing/world.ts'

const LONG = 300_000

type Weather = Awaited<ReturnType<typeof githubWorld>>

/** Somebody else's clone of the remote. */
function somebody({ dir, bare }: Weather): string {
  const path = join(dir, 'somebody')
  sh(dir, 'clone', '-q', bare, 'somebody')
  return path
}

const once = ({ forge }: Weather) => [forge.count('POST', /\/pulls$/), forge.count('PUT', /\/merge$/)]

/** CI that is green for whatever is pushed. */
async function green({ forge, world }: Weather, taskId: string): Promise<void> {
  const seen = new Set<string>()
  await world.until(() => {
    const sha = world.runOf(taskId).pushedSha
    if (sha && !seen.has(sha)) {
      seen.add(sha)
      void forge.check(sha, 'ci', 'success')
    }
    return world.ledger.require('tasks', taskId).status !== 'landing'
  })
}

const landedOnce = async (weather: Weather, taskId: string) => {
  await weather.world.until(() => weather.world.runOf(taskId).endedAt !== null)
  expect(weather.world.ledger.require('tasks', taskId).status).toBe('landed')
  expect(log(weather.bare).filter((subject) => subject.startsWith('Add c'))).toHaveLength(1)
  expect(await weather.forge.pulls()).toHaveLength(1)
}

describe('a forge that refuses for a while', () => {
  it.each<[string, Fault, string | null]>([
    ['401: the token was revoked', { status: 401 }, 'auth'],
    ['403: not allowed', { status: 403 }, 'auth'],
    ['404: hidden or gone', { status: 404 }, 'auth'],
    ['409: a conflict', { status: 409 }, null],
    ['429 with Retry-After', { status: 429, headers: { 'retry-after': '2' } }, null],
    ['429 without', { status: 429 }, null],
    [
      'a secondary limit',
      { status: 403, headers: { 'retry-after': '1' }, message: 'You have exceeded a secondary rate limit' },
      null,
    ],
    ['500', { status: 500 }, null],
    ['503', { status: 503 }, null],
    ['a line that is cut before the work', 'refused', null],
    ['a line that is cut after the work', 'lost', null],
    ['an answer that breaks off halfway', 'half', null],
  ])('%s', { timeout: LONG }, async (_name, fault, attention) => {
    const weather = await githubWorld()
    const { forge, world } = weather
    // From the first look on, then again around each write.
    let left = 6
    forge.setFault(() => (left-- > 0 ? fault : undefined))
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    if (attention) {
      const run = await world.until(() => {
        const now = world.runOf(attempt.taskId)
        return now.status === 'waiting' && now
      })
      expect(run.reason).toBeTruthy()
      expect(world.ledger.require('attempts', attempt.id).attention?.kind).toBe(attention)
      left = 0
      world.lane.retry(attempt.taskId)
    }
    await green(weather, attempt.taskId)
    await landedOnce(weather, attempt.taskId)
    expect(once(weather)[1]).toBe(1)
    expect(world.ledger.require('attempts', attempt.id).attention).toBeNull()
  })

  it('a token that is revoked midway: it waits for another one and goes on with that', {
    timeout: LONG,
  }, async () => {
    const kept = new Map<string, string>()
    const secrets: SecretStore = {
      available: async () => true,
      read: async (name) => kept.get(name) ?? null,
      write: async (name, value) => {
        if (value === null) kept.delete(name)
        else kept.set(name, value)
      },
    }
    const weather = await githubWorld({ secrets })
    const { forge, world } = weather
    await forge.protect(['ci'])
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.runOf(attempt.taskId).phase === 'checks' && world.pulls.list({})[0])
    forge.revoke('token-after-the-old-one')
    await world.until(() => world.ledger.require('attempts', attempt.id).attention?.kind === 'auth')
    const [pull] = world.pulls.list({})
    // What was last seen stays on the card.
    expect(pull).toMatchObject({ state: 'open', number: 1 })
    expect(pull?.staleSince).not.toBeNull()
    expect(once(weather)[1]).toBe(0)
    await world.pulls.saveToken('forge.test', 'token-after-the-old-one')
    expect((await world.pulls.tokens()).hosts).toContainEqual({
      host: 'forge.test',
      source: 'keychain',
      tail: '-one',
    })
    world.lane.retry(attempt.taskId)
    await forge.check(world.runOf(attempt.taskId).pushedSha ?? '', 'ci', 'success')
    await landedOnce(weather, attempt.taskId)
    expect(world.ledger.require('attempts', attempt.id).attention).toBeNull()
    const told = JSON.stringify([
      world.ledger.facts({ limit: 1_000 }),
      world.ledger.select('landRuns'),
      world.ledger.select('pulls'),
    ])
    expect(told).not.toContain('token-after')
  })

  it('422: the landing stops and says why', { timeout: LONG }, async () => {
    const { forge, world } = await githubWorld()
    forge.setFault((exchange) =>
      exchange.method === 'POST' && exchange.path.endsWith('/pulls')
        ? { status: 422, message: 'No commits between main and this' }
        : undefined,
    )
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toContain('No commits between')
  })

  it('answers to the merge are lost: it is merged once', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { forge, world } = weather
    forge.setFault((exchange) =>
      exchange.method === 'PUT' && exchange.path.endsWith('/merge') ? 'lost' : undefined,
    )
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await green(weather, attempt.taskId)
    await landedOnce(weather, attempt.taskId)
    expect(once(weather)).toEqual([1, 1])
  })

  it('at random: nothing is done twice', { timeout: LONG }, async () => {
    const seed = Number(process.env.QUARTET_SEED ?? Date.now() % 1_000_000)
    let state = seed
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return state / 2_147_483_648
    }
    const faults: Fault[] = [
      'lost',
      'refused',
      { status: 500 },
      { status: 502 },
      { status: 429, headers: { 'retry-after': '1' } },
    ]
    const weather = await githubWorld({
      agent: (attempt) => commits(attempt, { 'c.txt': 'y\n' }, 'Mend\n\nQuartet-Reply: t1 accept Done.'),
    })
    const { forge, world } = weather
    forge.setFault(() => (random() < 0.12 ? faults[Math.floor(random() * faults.length)] : undefined))
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' }, { allowFixes: true })
    await world.until(() => world.pulls.list({})[0])
    await forge.remark(1, 'c.txt', 1, 'Please mend.')
    await green(weather, attempt.taskId)
    await landedOnce(weather, attempt.taskId)
    const replies = (await forge.comments(1)).filter((comment) => comment.in_reply_to_id !== null)
    expect({
      seed,
      replies: replies.length,
      merges: sh(weather.bare, 'rev-list', '--count', 'main'),
    }).toEqual({
      seed,
      replies: 1,
      merges: '2',
    })
  })
})

describe('somebody else', () => {
  it('who pushed to the branch is not overwritten', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { world, bare } = weather
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.pulls.list({})[0])
    const other = somebody(weather)
    sh(other, 'checkout', '-q', attempt.branch)
    const foreign = agentCommits(other, { 'foreign.txt': 'x\n' }, 'Foreign work')
    sh(other, 'push', '-q', 'origin', attempt.branch)
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toMatch(
      /Ada pushed to its branch.*Foreign work.*nothing was overwritten/,
    )
    expect(sh(bare, 'rev-parse', attempt.branch)).toBe(foreign)
    // Judged again, it still is not.
    world.approve(attempt.id)
    await world.until(() => world.runOf(attempt.taskId).status === 'failed')
    expect(sh(bare, 'rev-parse', attempt.branch)).toBe(foreign)
  })

  it('who force-pushed the branch is not overwritten', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { world, bare } = weather
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.pulls.list({})[0])
    const other = somebody(weather)
    sh(other, 'checkout', '-q', '-b', 'rewritten', 'origin/main')
    const forced = agentCommits(other, { 'rewritten.txt': 'x\n' }, 'Rewritten')
    sh(other, 'push', '-q', '--force', 'origin', `rewritten:${attempt.branch}`)
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(sh(bare, 'rev-parse', attempt.branch)).toBe(forced)
    expect(world.ledger.require('attempts', attempt.id).attention?.kind).toBe('conflict')
  })

  it('who closed the pull request is believed', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { forge, world } = weather
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.pulls.list({})[0])
    await forge.close(1)
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toContain('#1 was closed')
    expect(world.pulls.list({ all: true })[0]).toMatchObject({ state: 'closed' })
  })

  it('who merged it by hand has landed it', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { forge, world, bare } = weather
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.pulls.list({})[0])
    await forge.mergeByHand(1)
    await world.until(() => world.runOf(attempt.taskId).endedAt !== null)
    expect(world.ledger.require('tasks', attempt.taskId)).toMatchObject({
      status: 'landed',
      landedSha: sh(bare, 'rev-parse', 'main'),
    })
    expect(once(weather)[1]).toBe(0)
    expect(sh(bare, 'branch', '--list', 'quartet/*')).toBe('')
  })

  it('who merged what was taken out of the lane has landed it too', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { forge, world } = weather
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    const pull = await world.until(() => world.pulls.list({})[0])
    world.lane.remove(world.runOf(attempt.taskId).id)
    expect(world.ledger.require('tasks', attempt.taskId).status).toBe('deciding')
    await forge.mergeByHand(1)
    await world.pulls.refresh(pull.id)
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'landed')
  })

  it('who deleted the branch is believed', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { world, bare, forge } = weather
    await forge.protect(['ci'])
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.runOf(attempt.taskId).phase === 'checks')
    sh(bare, 'update-ref', '-d', `refs/heads/${attempt.branch}`)
    // The base moves, so that the branch has to be pushed again.
    const other = somebody(weather)
    agentCommits(other, { 'd.txt': 'x\n' }, 'Meanwhile')
    sh(other, 'push', '-q', 'origin', 'HEAD:main')
    await forge.check(attempt.headSha ?? '', 'ci', 'success')
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toContain('deleted on the remote')
    expect(sh(bare, 'branch', '--list', 'quartet/*')).toBe('')
  })

  it('who renamed the base while its checks ran stops the landing', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { world, bare, forge } = weather
    await forge.protect(['ci'])
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.runOf(attempt.taskId).phase === 'checks')
    sh(bare, 'branch', '-m', 'main', 'trunk')
    await forge.check(attempt.headSha ?? '', 'ci', 'success')
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toMatch(/was it renamed|goes to “trunk” now/)
    expect([once(weather)[1], log(bare, 'trunk')]).toEqual([0, ['first']])
  })

  it('who protected the base meanwhile is obeyed', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { world, bare, forge } = weather
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.pulls.list({})[0])
    await forge.protect(['security'])
    await forge.check(attempt.headSha ?? '', 'ci', 'success')
    // The rules that are known are some minutes old: the forge itself refuses, and that is waited for.
    await world.until(() => world.runOf(attempt.taskId).reason?.includes('security'))
    expect(log(bare)).toEqual(['first'])
    await forge.check(attempt.headSha ?? '', 'security', 'success')
    await landedOnce(weather, attempt.taskId)
  })

  it('who lands the same while its checks run leaves nothing to land', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { world, bare, forge } = weather
    await forge.protect(['ci'])
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.runOf(attempt.taskId).phase === 'checks')
    const other = somebody(weather)
    agentCommits(other, { 'c.txt': 'x\n' }, 'The same')
    sh(other, 'push', '-q', 'origin', 'HEAD:main')
    await forge.check(attempt.headSha ?? '', 'ci', 'success')
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toContain('already contains')
    expect(log(bare)).toEqual(['The same', 'first'])
  })

  it('who renamed the base stops the landing', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { world, bare } = weather
    sh(bare, 'branch', '-m', 'main', 'trunk')
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toContain('was it renamed')
  })

  it('who did the same already leaves nothing to land', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { world, forge } = weather
    const other = somebody(weather)
    agentCommits(other, { 'c.txt': 'x\n' }, 'The same')
    sh(other, 'push', '-q', 'origin', 'HEAD:main')
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'deciding')
    expect(world.runOf(attempt.taskId).reason).toContain('already contains')
    expect(forge.count('POST', /\/pulls$/)).toBe(0)
  })
})

describe('rules of the remote', () => {
  it('a hook that refuses the push is told with its words, and tried again when asked to', {
    timeout: LONG,
  }, async () => {
    const weather = await githubWorld()
    const { world, bare } = weather
    const hook = join(bare, 'hooks/pre-receive')
    writeFileSync(hook, '#!/bin/sh\necho "Ticket number missing" >&2\nexit 1\n')
    chmodSync(hook, 0o755)
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    const run = await world.until(() => {
      const now = world.runOf(attempt.taskId)
      return now.status === 'waiting' && now
    })
    expect(run.reason).toContain('Ticket number missing')
    expect(world.ledger.require('attempts', attempt.id).attention?.kind).toBe('conflict')
    rmSync(hook)
    world.lane.retry(attempt.taskId)
    await green(weather, attempt.taskId)
    await landedOnce(weather, attempt.taskId)
  })

  it('a required check that never starts asks for somebody', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { world, forge } = weather
    await forge.protect(['never'])
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(
      () => world.ledger.require('attempts', attempt.id).attention?.kind === 'ci_stuck',
      250_000,
    )
    expect(world.runOf(attempt.taskId).reason).toContain('requires never')
    expect(once(weather)[1]).toBe(0)
    await forge.check(world.runOf(attempt.taskId).headSha ?? '', 'never', 'success')
    await landedOnce(weather, attempt.taskId)
  })

  it('a cancelled check is no success, and neither is one of an older commit', {
    timeout: LONG,
  }, async () => {
    const weather = await githubWorld({ agent: (attempt) => commits(attempt, { 'c.txt': 'y\n' }) })
    const { world, forge } = weather
    await forge.protect(['ci'])
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' }, { allowFixes: true })
    await world.until(() => world.pulls.list({})[0])
    const first = attempt.headSha ?? ''
    // The emulator can run it again, and it is cancelled again: then it is the agent's.
    await forge.check(first, 'ci', 'cancelled')
    await world.until(() => world.ledger.select('pullChecks', "retried = 1 AND status = 'queued'").length > 0)
    await forge.check(first, 'ci', 'cancelled')
    await world.until(
      () => world.runOf(attempt.taskId).fixes === 1 && world.runOf(attempt.taskId).pushedSha !== first,
    )
    await forge.check(first, 'ci', 'success')
    expect(once(weather)[1]).toBe(0)
    await forge.check(world.runOf(attempt.taskId).headSha ?? '', 'ci', 'success')
    await landedOnce(weather, attempt.taskId)
    expect(world.fixes).toHaveLength(1)
  })

  it('mergeability that is not known yet is waited for', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    weather.forge.hideMergeability(6)
    const attempt = await weather.world.land('Add c', { 'c.txt': 'x\n' })
    await green(weather, attempt.taskId)
    await landedOnce(weather, attempt.taskId)
  })

  it('a reviewer who asks for changes is heard, answered, and waited for', { timeout: LONG }, async () => {
    const weather = await githubWorld({
      agent: (attempt) => commits(attempt, { 'c.txt': 'y\n' }, 'As asked\n\nQuartet-Reply: t1 accept'),
    })
    const { world, forge, bare } = weather
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' }, { allowFixes: true })
    await world.until(() => world.pulls.list({})[0])
    await forge.review(1, 'REQUEST_CHANGES', 'Please mend c.')
    await world.until(
      () => world.runOf(attempt.taskId).fixes === 1 && world.runOf(attempt.taskId).status === 'waiting',
    )
    expect(world.runOf(attempt.taskId).reason).toContain('has to look again')
    // It waits for a person: the next one passes.
    const second = await world.land('Second', { 'e.txt': 'x\n' })
    await world.until(() => world.ledger.require('tasks', second.taskId).status === 'landed')
    expect(log(bare)[0]).toBe('Second (#2)')
    await forge.review(1, 'APPROVE', '')
    await world.until(() => world.runOf(attempt.taskId).endedAt !== null)
    expect(world.fixes).toHaveLength(1)
    expect(log(bare)).toEqual(['Add c (#1)', 'Second (#2)', 'first'])
  })
})

describe('time', () => {
  it('an hour asleep in the middle, and a clock that is set back, change nothing', {
    timeout: LONG,
  }, async () => {
    const weather = await githubWorld()
    const { world, forge } = weather
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.pulls.list({})[0])
    world.skip(3_600_000)
    await forge.check(attempt.headSha ?? '', 'ci', null)
    await world.until(() => world.pulls.list({})[0]?.checks === 'running')
    world.skip(-2 * 3_600_000)
    const looks = forge.count('GET', /check-runs/)
    await expect.poll(() => forge.count('GET', /check-runs/), { timeout: 30_000 }).toBeGreaterThan(looks + 2)
    await forge.check(attempt.headSha ?? '', 'ci', 'success')
    await landedOnce(weather, attempt.taskId)
  })
})

describe('watching what waits for people', () => {
  it('keeps what was last seen, says since when it is stale, and asks less and less often', {
    timeout: LONG,
  }, async () => {
    const weather = await githubWorld()
    const { world, forge } = weather
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    const pull = await world.until(() => world.pulls.list({})[0])
    world.lane.remove(world.runOf(attempt.taskId).id)
    await world.until(() => world.pulls.list({})[0]?.checks === 'none')
    forge.setFault(() => ({ status: 503 }))
    const stale = await world.until(() => {
      const now = world.ledger.require('pulls', pull.id)
      return world.watch.failuresOf(pull.repoId) >= 3 && now
    })
    expect(stale).toMatchObject({
      state: 'open',
      number: 1,
      checks: 'none',
      problem: expect.stringContaining('503'),
    })
    const since = stale.staleSince ?? 0
    expect(since).toBeGreaterThan(stale.observedAt ?? Number.POSITIVE_INFINITY)
    await expect(world.pulls.refresh(pull.id)).rejects.toMatchObject({ code: 'forge_unavailable' })
    expect(world.ledger.require('pulls', pull.id).staleSince).toBe(since)
    forge.setFault(undefined)
    expect(await world.pulls.refresh(pull.id)).toMatchObject({ staleSince: null, problem: null })
    expect(world.watch.failuresOf(pull.repoId)).toBe(0)
  })

  it('lets the engineer read and answer comments, once', { timeout: LONG }, async () => {
    const weather = await githubWorld()
    const { world, forge } = weather
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    const pull = await world.until(() => world.pulls.list({})[0])
    world.lane.remove(world.runOf(attempt.taskId).id)
    put(world.repo, {})
    await forge.remark(1, 'c.txt', 1, 'Why c?')
    expect((await world.pulls.refresh(pull.id)).unresolved).toBe(1)
    const thread = world.ledger.select('reviewThreads')[0]
    await world.pulls.reply(thread?.id ?? '', 'Because of d.')
    await world.pulls.reply(thread?.id ?? '', 'Because of d.')
    expect((await forge.comments(1)).map((comment) => comment.body.split('\n')[0])).toEqual([
      'Why c?',
      'Because of d.',
    ])
    expect((await world.pulls.refresh(pull.id)).unresolved).toBe(0)
    await forge.remark(1, 'c.txt', 1, 'Another one')
    expect((await world.pulls.refresh(pull.id)).unresolved).toBe(1)
  })
})
