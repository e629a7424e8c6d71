import { expect, it } from 'vitest'
import { sh } from '../../src/main/core/testing/core-harness.ts'
import type { Usage } from '../../src/shared/domain/attempt.ts'
import { play } from '../fixtures/model-server.ts'
import { APIS, conversationOf, costOf, makeArena, openCore, type RealAgent } from './arena.ts'

it('a mixed round, two Codex, two Claude Code and a Gemini CLI, ends with five that can be judged, and one lands', async () => {
  const commit = {
    do: 'run',
    command: 'echo "$QUARTET_ATTEMPT" > who.txt && git add who.txt && git commit -qm "Say who"',
  } as const
  const arena = await makeArena({ script: play(commit, { do: 'say', text: 'I said who.' }) })
  const core = await openCore(arena)
  const agents: RealAgent[] = ['codex', 'claude', 'codex', 'claude', 'gemini']
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
    const mine = arena.model.requests.filter((request) => request.conversation === conversationOf(attempt!))
    expect(mine[0]?.userMessages).toHaveLength(1)
    expect(mine[0]?.userMessages[0]).toContain(brief)
  }
  expect(new Set(arena.model.requests.map((request) => request.conversation)).size).toBe(5)
  expect(new Set(ready.map((attempt) => attempt?.portBase)).size).toBe(5)
  // All that the model reported is counted, to the attempts of the agent that it was reported to.
  for (const agent of new Set(agents)) {
    const billed = arena.model.billed(APIS[agent])
    const mine = ready.filter((attempt) => attempt?.agent === agent).map((attempt) => attempt?.id ?? '')
    const usages = await core.until((state) => {
      const all = mine.map((id) => state.attempts[id]?.usage)
      const output = all.reduce((sum, usage) => sum + (usage?.outputTokens ?? 0), 0)
      return output === billed.output && all
    })
    const sum = (of: (usage: Usage) => number) =>
      usages.reduce((so, usage) => so + (usage ? of(usage) : 0), 0)
    expect(sum((usage) => usage.inputTokens)).toBe(billed.input)
    expect(sum((usage) => usage.cachedTokens)).toBe(billed.cached)
    expect(sum((usage) => usage.cost ?? 0)).toBeCloseTo(await costOf(agent, billed), 9)
    for (const [i, id] of mine.entries()) {
      // Its own conversation at least; the rest are titles.
      const own = arena.model.totals(conversationOf(core.state.attempts[id]!) ?? '')
      expect(usages[i]?.cachedTokens).toBe(own?.cached)
      expect(usages[i]?.inputTokens).toBeGreaterThanOrEqual(own?.input ?? Number.POSITIVE_INFINITY)
    }
  }

  const winner = ready[1]!
  await core.client.attempts.verdict({ id: winner.id, kind: 'mergeable', headSha: winner.headSha ?? '' })
  await core.until((state) => state.tasks[task.id]?.status === 'landed')
  expect(await sh(arena.repo, 'show', 'main:who.txt')).toBe(winner.id)
})
