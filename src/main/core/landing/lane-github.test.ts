import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { put, sh } from '../git/fixtures.ts'
import { githubWorld } from './testing/github-world.ts'
import { commits, log } from './testing/world.ts'

describe('a landing through pull requests', () => {
  it('goes from approval to merged: red check, fix, green, review comment, reply, merge, clean up', async () => {
    const { forge, world, bare } = await githubWorld({
      agent: (attempt, message) => {
        if (message.includes('## Red checks')) commits(attempt, { 'c.txt': 'fixed\n' }, 'Mend the check')
        else
          commits(
            attempt,
            { 'c.txt': 'renamed\n' },
            'Rename\n\nQuartet-Reply: t1 accept Renamed as you say.\nQuartet-Reply: t2 push-back It is needed.',
          )
      },
    })
    await forge.protect(['ci'])
    const attempt = await world.land('Add c', { 'c.txt': 'three\n' }, { allowFixes: true })
    const opened = await world.until(() => world.pulls.list({})[0])
    expect(opened).toMatchObject({
      number: 1,
      state: 'open',
      headBranch: attempt.branch,
      url: expect.any(String),
    })
    const body = (await forge.pulls())[0]?.body ?? ''
    expect(body).toContain('Please.')
    expect(body).toContain('| Evidence | |')
    expect(body).toContain((attempt.headSha ?? '').slice(0, 12))

    await forge.check(attempt.headSha ?? '', 'ci', 'failure', 'Error: c.txt is not fixed')
    const fixed = await world.until(() => {
      const run = world.runOf(attempt.taskId)
      return run.fixes === 1 && run.phase === 'checks' && run.headSha !== attempt.headSha && run
    })
    expect(world.fixes).toHaveLength(1)
    expect(world.fixes[0]).toContain('Error: c.txt is not fixed')
    expect(sh(bare, 'rev-parse', attempt.branch)).toBe(fixed.headSha)
    expect((await forge.pulls())[0]?.body).toContain((fixed.headSha ?? '').slice(0, 12))

    const remark = await forge.remark(1, 'c.txt', 1, 'Please rename this.')
    await forge.review(1, 'COMMENT', 'Is b.txt needed?')
    await forge.check(fixed.headSha ?? '', 'ci', 'success')
    const renamed = await world.until(() => {
      const run = world.runOf(attempt.taskId)
      return run.fixes === 2 && run.phase === 'checks' && run.headSha !== fixed.headSha && run
    })
    expect(world.fixes[1]).toContain('### t1 — `c.txt`, line 1')
    expect(world.fixes[1]).toContain('Please rename this.')
    const replies = (await forge.comments(1)).filter((comment) => comment.in_reply_to_id === remark.id)
    expect(replies.map((reply) => reply.body.split('\n')[0])).toEqual([
      `**Done in ${(renamed.headSha ?? '').slice(0, 10)}.** Renamed as you say.`,
    ])
    expect(world.ledger.select('findings', 'attemptId = ?', attempt.id)).toMatchObject([
      { reviewer: '@grace', file: 'c.txt', line: 1, status: 'accepted', answer: 'Renamed as you say.' },
      { reviewer: '@grace', title: 'Is b.txt needed?', status: 'pushed_back' },
    ])

    await forge.check(renamed.headSha ?? '', 'ci', 'success')
    const task = await world.until(() => {
      const now = world.ledger.require('tasks', attempt.taskId)
      return world.runOf(attempt.taskId).endedAt !== null && now
    })
    expect(task.status).toBe('landed')
    expect(log(bare)).toEqual(['Add c (#1)', 'first'])
    expect(sh(bare, 'rev-parse', 'main')).toBe(task.landedSha)
    expect(sh(bare, 'log', '-1', '--format=%(trailers:key=Quartet-Attempt,valueonly)', 'main').trim()).toBe(
      attempt.id,
    )
    // The engineer's own base followed, so that the next round starts from here.
    expect(sh(world.repo, 'rev-parse', 'main')).toBe(task.landedSha)
    expect(sh(world.repo, 'status', '--porcelain')).toBe('')
    expect(existsSync(attempt.worktree)).toBe(false)
    expect(sh(bare, 'branch', '--list', 'quartet/*')).toBe('')
    expect(sh(world.repo, 'branch', '--list', 'quartet/*')).toBe('')
    expect(world.pulls.list({ all: true })).toMatchObject([
      { number: 1, state: 'merged', mergedSha: task.landedSha },
    ])
    expect([
      forge.count('POST', /\/pulls$/),
      forge.count('PUT', /\/merge$/),
      forge.count('POST', /\/replies$/),
    ]).toEqual([1, 1, 1])
    const kinds = new Set(
      world.ledger.facts({ taskId: attempt.taskId, limit: 1_000 }).map((fact) => fact.kind),
    )
    for (const kind of [
      'pull.opened',
      'pull.observed',
      'check.ended',
      'land.fix',
      'pull.comment',
      'pull.replied',
      'finding.answered',
      'land.phase',
    ])
      expect(kinds).toContain(kind)
  }, 300_000)

  it('paused while a step runs, sets no agent to work until it goes on', async () => {
    const { forge, world } = await githubWorld({
      agent: (attempt) => commits(attempt, { 'c.txt': 'fixed\n' }, 'Mend the check'),
    })
    await forge.protect(['ci'])
    const attempt = await world.land('Add c', { 'c.txt': 'three\n' }, { allowFixes: true })
    const { id } = await world.until(() => {
      const run = world.runOf(attempt.taskId)
      return run.phase === 'checks' && run
    })
    // In the middle of the step that finds the red check: it is written down, and not acted on yet.
    const paused = new Promise<void>((done) => {
      const seen = world.ledger.committed.on(() => {
        if (!world.ledger.select('pullChecks').some(({ conclusion }) => conclusion === 'failure')) return
        seen.dispose()
        world.lane.pause(id)
        done()
      })
    })
    await forge.check(attempt.headSha ?? '', 'ci', 'failure')
    await paused
    // The rest of the step takes less than asking the forge twice.
    await forge.pulls()
    await forge.pulls()
    expect(world.runOf(attempt.taskId)).toMatchObject({ status: 'paused', fixes: 0 })
    expect(world.fixes).toEqual([])
    world.lane.resume(id)
    await world.until(() => world.fixes.length === 1)
  })

  it('waits for a base that moved: verifies on it and merges what it verified', async () => {
    const { forge, world, bare, dir } = await githubWorld()
    sh(dir, 'clone', '-q', bare, 'other')
    const attempt = await world.land('Add c', { 'c.txt': 'x\n' })
    await world.until(() => world.pulls.list({})[0])
    put(`${dir}/other`, { 'd.txt': 'meanwhile\n' })
    sh(`${dir}/other`, 'add', '-A')
    sh(`${dir}/other`, 'commit', '-q', '-m', 'meanwhile')
    sh(`${dir}/other`, 'push', '-q', 'origin', 'main')
    await forge.check(attempt.headSha ?? '', 'ci', 'success')
    await world.until(() => world.runOf(attempt.taskId).headSha !== attempt.headSha)
    const integrated = world.runOf(attempt.taskId).headSha ?? ''
    await world.until(
      () =>
        world.runOf(attempt.taskId).phase === 'checks' &&
        world.runOf(attempt.taskId).pushedSha === integrated,
    )
    await forge.check(integrated, 'ci', 'success')
    await world.until(() => world.ledger.require('tasks', attempt.taskId).status === 'landed')
    expect(log(bare)).toEqual(['Add c (#1)', 'meanwhile', 'first'])
  }, 300_000)

  it('lands ten approved tasks one after the other; of two that conflict one comes back to be judged', async () => {
    const { forge, world, bare } = await githubWorld({
      agent: (attempt, message) => {
        const base = /git merge ([0-9a-f]{40})/.exec(message)?.[1] ?? ''
        try {
          sh(attempt.worktree, 'merge', base)
        } catch {
          commits(attempt, { 'shared.txt': 'both\n' }, 'Merge and keep both')
        }
      },
    })
    await forge.protect(['ci'])
    const made: Attempt[] = []
    for (let i = 0; i < 10; i++) {
      const files = i === 2 || i === 6 ? { 'shared.txt': `by ${i}\n` } : { [`file${i}.txt`]: 'x\n' }
      made.push(await world.ready(`Task ${i}`, files))
    }
    for (const attempt of made) world.approve(attempt.id)
    const green = new Set<string>()
    await world.until(() => {
      for (const run of world.ledger.select('landRuns')) {
        if (!run.pushedSha || green.has(run.pushedSha)) continue
        green.add(run.pushedSha)
        void forge.check(run.pushedSha, 'ci', 'success')
      }
      return made.every((attempt) => world.runOf(attempt.taskId).endedAt !== null)
    }, 380_000)
    expect(made.map((attempt) => world.ledger.require('tasks', attempt.taskId).status)).toEqual(
      made.map((_attempt, i) => (i === 6 ? 'deciding' : 'landed')),
    )
    expect(world.ledger.require('attempts', made[6]?.id ?? '').attention?.kind).toBe('verdict')
    expect(
      log(bare)
        .reverse()
        .map((subject) => subject.replace(/ \(#\d+\)$/, '')),
    ).toEqual(['first', ...[0, 1, 2, 3, 4, 5, 7, 8, 9].map((i) => `Task ${i}`)])
    expect(sh(bare, 'log', '--merges', '--format=%s', 'main')).toBe('')
    // Each was merged at a head that was verified on the base that the one before left.
    for (const attempt of made.filter((_each, i) => i !== 6)) {
      const run = world.runOf(attempt.taskId)
      expect(sh(bare, 'rev-parse', `${run.landedSha}^`)).toBe(run.expectedBaseSha)
    }
    expect(await forge.pulls()).toHaveLength(9)
  }, 400_000)
})
