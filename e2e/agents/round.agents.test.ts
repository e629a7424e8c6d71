import { expect, it } from 'vitest'
import { sh } from '../../src/main/core/testing/core-harness.ts'
import { play } from '../fixtures/model-server.ts'
import { costOf, makeArena, openCore, type RealAgent } from './arena.ts'

it('a round of two Codex and two Claude Code attempts ends with four that can be judged, and one lands', async () => {
  const commit = {
    do: 'run',
    command: 'echo "$QUARTET_ATTEMPT" > who.txt && git add who.txt && git commit -qm "Say who"',
  } as const
  const arena = await makeArena({ script: play(commit, { do: 'say', text: 'I said who.' }) })
  const core = await openCore(arena)
  const agents: RealAgent[] = ['codex', 'claude', 'codex', 'claude']
  const brief = '# Say who you are\n\nWrite your attempt’s id into who.txt.'
  const { task, attempts } = await core.fire(brief, ...agents)
  const ready = await core.until((state) => {
    const all = attempts.map(({ id }) => state.attempts[id])
    return all.every((attempt) => attempt?.status === 'ready') && all
  })
  for (const attempt of ready) {
    expect(attempt).toMatchObject({
      attention: null,
      reason: null,
      diffstat: { files: 1, uncommitted: false },
    })
    expect(await sh(attempt!.worktree, 'show', 'HEAD:who.txt')).toBe(attempt?.id)
    const mine = arena.model.requests.filter((request) => request.conversation === attempt?.sessionRef)
    expect(mine[0]?.userMessages).toHaveLength(1)
    expect(mine[0]?.userMessages[0]).toContain(brief)
  }
  expect(new Set(arena.model.requests.map((request) => request.conversation)).size).toBe(4)
  expect(new Set(ready.map((attempt) => attempt?.portBase)).size).toBe(4)
  for (const [i, attempt] of ready.entries()) {
    const total = arena.model.totals(attempt?.sessionRef ?? '')!
    const cost = await costOf(agents[i]!, total)
    const usage = await core.until((state) => {
      const found = state.attempts[attempt?.id ?? '']?.usage
      return found?.outputTokens === total.output && found
    })
    expect(usage).toMatchObject({ inputTokens: total.input, cachedTokens: total.cached })
    expect(usage.cost).toBeCloseTo(cost, 9)
  }

  const winner = ready[1]!
  await core.client.attempts.verdict({ id: winner.id, kind: 'mergeable', headSha: winner.headSha ?? '' })
  await core.until((state) => state.tasks[task.id]?.status === 'landed')
  expect(await sh(arena.repo, 'show', 'main:who.txt')).toBe(winner.id)
})
