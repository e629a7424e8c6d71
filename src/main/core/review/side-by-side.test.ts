import { describe, expect, it } from 'vitest'
import { agentCommits, sh } from '../git/fixtures.ts'
import { putAttempt, putTask } from '../testing/ledger-fixture.ts'
import { reviewWorld } from '../testing/review-world.ts'
import { decisionTimes } from './decision-times.ts'

describe('two attempts beside each other', () => {
  it('share some files, and each has some of its own', async () => {
    const world = await reviewWorld({ files: { 'a.js': '1\n', 'b.js': '1\n' } })
    const a = await world.attempt(1, { 'a.js': '2\n', 'b.js': '2\n', 'only-a.js': 'x\n' })
    const b = await world.attempt(2, { 'a.js': '2\n', 'b.js': '3\n4\n', 'only-b.js': 'y\nz\n' })
    const { compare } = world.reviewing
    expect(await compare.compare(a.id, b.id)).toEqual({
      a: { attemptId: a.id, sha: a.headSha },
      b: { attemptId: b.id, sha: b.headSha },
      onlyA: [{ path: 'only-a.js', added: 1, removed: 0 }],
      onlyB: [{ path: 'only-b.js', added: 2, removed: 0 }],
      same: [{ path: 'a.js', added: 1, removed: 1 }],
      differing: [{ path: 'b.js', added: 2, removed: 1 }],
    })
    const { patch } = await compare.patch(a.id, b.id, ['b.js'])
    expect(patch).toContain('-2\n+3\n+4\n')
    expect(patch).not.toContain('only-a.js')
    expect(await compare.patch(a.id, a.id, undefined)).toEqual({ patch: '', truncated: false })
  })

  it('can be compared when one was trashed: with what was kept, uncommitted work included', async () => {
    const world = await reviewWorld()
    const a = await world.attempt(1, { 'src/app.js': '2\n' })
    const b = await world.attempt(2, { 'src/app.js': '3\n' })
    const kept = agentCommits(b.worktree, { 'late.js': 'x\n' })
    sh(world.repo, 'update-ref', `refs/quartet/trash/${b.id}`, kept)
    world.ledger.commit((tx) =>
      tx.patch('attempts', b.id, { status: 'trashed', trashRef: `refs/quartet/trash/${b.id}` }),
    )
    const compared = await world.reviewing.compare.compare(a.id, b.id)
    expect(compared.b.sha).toBe(kept)
    expect(compared.onlyB.map((file) => file.path)).toEqual(['late.js'])
  })
})

describe('the overlap radar', () => {
  it('finds attempts of other tasks and a base that will conflict, and asks git only once for each pair', async () => {
    const calls: string[] = []
    const world = await reviewWorld({ files: { 'a.js': '1\n', 'b.js': '1\n' } })
    const merge = world.git.mergeTree
    world.git.mergeTree = (request) => {
      calls.push(`${request.base}:${request.head}`)
      return merge(request)
    }
    const first = await world.attempt(1, { 'a.js': 'first\n' })
    await world.attempt(2, { 'a.js': 'sibling\n' })
    const { round } = putTask(world.ledger, world.repository.id, { id: 'task_2', baseSha: world.base })
    const worktree = `${world.root}/other`
    await world.git.addWorktree({
      repo: world.repo,
      path: worktree,
      branch: 'quartet/other',
      baseSha: world.base,
      attemptId: 'other',
    })
    await world.git.checkoutWorktree({ repo: world.repo, path: worktree })
    const other = putAttempt(world.ledger, round, world.repository.id, {
      worktree,
      branch: 'quartet/other',
      headSha: agentCommits(worktree, { 'a.js': 'other\n', 'b.js': 'other\n' }),
      diffstat: { files: 2, added: 2, removed: 2, uncommitted: true },
    })
    // The base moves on in a file of the other task.
    agentCommits(world.repo, { 'b.js': 'landed\n' })

    const radar = world.reviewing.overlaps
    const seen = await radar.read(world.repository.id)
    const conflicts = seen.overlaps.map((overlap) => [[overlap.a, overlap.b].sort(), overlap.files])
    // Siblings are not compared: only one of them will land.
    expect(conflicts).toHaveLength(3)
    expect(conflicts).toEqual(
      expect.arrayContaining([
        [[first.id, other.id].sort(), ['a.js']],
        [['att_task_1_2', other.id].sort(), ['a.js']],
        [[null, other.id].sort(), ['b.js']],
      ]),
    )
    expect(seen).toMatchObject({ clean: 2, unchecked: 0, uncommitted: [other.id] })
    expect(calls).toHaveLength(5)
    await radar.read(world.repository.id)
    expect(calls).toHaveLength(5)
    // A new head is asked for, the other pairs are known.
    world.ledger.commit((tx) =>
      tx.patch('attempts', first.id, { headSha: agentCommits(first.worktree, { 'c.js': '1\n' }) }),
    )
    await radar.read(world.repository.id)
    expect(calls).toHaveLength(7)
  })
})

it('tells how long verdicts took', async () => {
  const world = await reviewWorld()
  const give = (ms: number | null) =>
    world.ledger.commit((tx) =>
      tx.fact({
        kind: 'verdict.given',
        repoId: world.repository.id,
        body: { kind: 'trash', decidedInMs: ms },
      }),
    )
  expect(decisionTimes(world.ledger, undefined)).toMatchObject({ count: 0, medianMs: null, p90Ms: null })
  for (const ms of [10_000, null, 30_000, 20_000]) give(ms)
  expect(decisionTimes(world.ledger, world.repository.id)).toMatchObject({
    count: 3,
    medianMs: 20_000,
    p90Ms: 30_000,
    recent: [{ ms: 20_000 }, { ms: 30_000 }, { ms: 10_000 }],
  })
  expect(decisionTimes(world.ledger, 'another').count).toBe(0)
})
