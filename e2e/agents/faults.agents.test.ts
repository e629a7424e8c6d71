import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sh } from '../../src/main/core/testing/core-harness.ts'
import { play, type Script } from '../fixtures/model-server.ts'
import {
  conversationOf,
  inStatus,
  makeArena,
  openCore,
  pathOf,
  REAL_AGENTS,
  type RealAgent,
  slotOf,
} from './arena.ts'
import { startHost } from './host-process.ts'

const say = (text: string) => ({ do: 'say', text }) as const
const commit = (name: string) =>
  ({
    do: 'run',
    command: `echo ${name} > ${name} && git add ${name} && git commit -qm 'Add ${name}'`,
  }) as const

/** The hook by which each says that its turn is over. */
const END_OF_TURN: Readonly<Record<RealAgent, string>> = {
  codex: 'Stop',
  claude: 'Stop',
  gemini: 'AfterAgent',
  opencode: 'Stop',
}

describe.each(REAL_AGENTS)('%s', (agent) => {
  it('killed in the middle of its turn, is resumed in the same conversation', async () => {
    const long = { do: 'wait', ms: 120_000, next: say('never') } as const
    const arena = await makeArena({ script: play(commit('first'), long) })
    const core = await openCore(arena)
    const { id } = await core.fire('Make two files', agent)
    const running = await core.until((state) => arena.model.requests.length > 1 && state.attempts[id])
    const { pid } = core.state.terminals[running.terminalId ?? ''] ?? {}
    // Never 0 by accident: that is our own process group.
    if (!pid) throw new Error('the agent has no process')
    process.kill(pid, 'SIGKILL')
    const failed = await core.until(inStatus(id, 'failed'))
    expect(failed.attention).toMatchObject({ kind: 'crash' })

    arena.model.setScript(play(commit('second'), say('Both are there.')))
    await core.client.attempts.resume({ id })
    const ready = await core.until(inStatus(id, 'ready', 'waiting'))
    expect(ready).toMatchObject({ status: 'ready', sessionRef: failed.sessionRef })
    expect(await sh(ready.worktree, 'log', '--format=%s', `${ready.baseSha}..HEAD`)).toBe(
      'Add second\nAdd first',
    )
    const last = arena.model.requests.at(-1)
    expect(last?.conversation).toBe(conversationOf(failed))
    expect(last?.userMessages[0]).toContain('Make two files')
    expect(last?.userMessages.at(-1)).toBe('You were interrupted. Go on where you left off.')
    expect(last?.userMessages.filter((text) => text.includes('Make two files'))).toHaveLength(1)
  })

  it('ends its turn while the core is killed, and the next core learns of it', async () => {
    const slow: Script = (request) =>
      play(commit('first'), { do: 'wait', ms: 3_000, next: commit('second') }, say('Through.'))(request)
    const arena = await makeArena({ script: slow })
    const first = await startHost(arena)
    await first.client.system.saveSettings({ reviews: false })
    const repository = await first.client.repositories.add({ path: arena.repo, trust: true })
    const fired = await first.client.tasks.fire({
      repoId: repository.id,
      brief: 'Make two files',
      slots: [slotOf(agent)],
    })
    const id = fired.attempts[0]?.id ?? ''
    await expect.poll(() => arena.model.requests.length, { timeout: 60_000 }).toBe(2)
    await first.kill9()
    // Nobody is there when it says that it is through.
    const missed = join(arena.dataDir, 'run', 'attempts', id, 'missed.jsonl')
    await expect
      .poll(() => readFile(missed, 'utf8').catch(() => ''), { timeout: 60_000 })
      .toContain(`"${END_OF_TURN[agent]}"`)
    const second = await startHost(arena)
    const ready = await second.until(id, (attempt) => attempt.status === 'ready' || attempt.status === 'lost')
    expect(ready.status).toBe('ready')
    expect(await sh(ready.worktree, 'log', '--format=%s', `${ready.baseSha}..HEAD`)).toBe(
      'Add second\nAdd first',
    )
    expect(new Set(arena.model.requests.map((request) => request.conversation))).toEqual(
      new Set([conversationOf(ready)]),
    )
    // It takes messages from the new core as from the old one.
    expect(await second.client.attempts.answer({ id, text: 'Thanks.' })).toEqual({ delivered: true })
    await second.until(id, (attempt) => attempt.status === 'ready')
  })
})

// Gemini CLI gives up at a cut stream and shows nothing of a short limit: gemini.agents.test.ts says what it does instead.
describe.each(['codex', 'claude'] as const)('%s', (agent) => {
  it('asks again by itself when its connection is cut, and the brief counts once', async () => {
    const script: Script = (request) =>
      request.retries === 0 && request.toolResults.length === 0
        ? { do: 'drop' }
        : play(commit('first'), say('Done in spite of it.'))(request)
    const arena = await makeArena({ script })
    const core = await openCore(arena)
    const { id } = await core.fire('Make a file', agent)
    const ready = await core.until(inStatus(id, 'ready', 'failed'))
    expect(await pathOf(core, id)).toEqual(['preparing', 'starting', 'running', 'finished', 'ready'])
    expect(await sh(ready.worktree, 'log', '--format=%s', `${ready.baseSha}..HEAD`)).toBe('Add first')
    expect(arena.model.requests.at(-1)?.userMessages).toHaveLength(1)
  })

  it('at its limit, holds back the next one of its kind until the limit is over', async () => {
    const refuse: Script = () => ({
      do: 'refuse',
      status: 429,
      message: 'Rate limit reached for requests. Please try again in 8s.',
      retryAfterSeconds: 8,
    })
    const arena = await makeArena({ script: refuse })
    const core = await openCore(arena)
    await core.client.system.saveSettings({ slots: 1 })
    const { id, attempts } = await core.fire('Make a file', agent, agent)
    const limited = await core.until(
      (state) => state.attempts[id]?.attention?.kind === 'limit' && state.attempts[id],
    )
    expect(limited.status).toBe('waiting')
    await core.client.system.saveSettings({ slots: 4 })
    const second = attempts[1]?.id ?? ''
    const held = await core.until(
      (state) => state.attempts[second]?.attention?.kind === 'limit' && state.attempts[second],
    )
    expect(held).toMatchObject({ status: 'pending' })
    expect(held.reason).toContain('is at its limit')
    arena.model.setScript(play(commit('first'), say('Done.')))
    // It starts by itself once the limit is over.
    await core.until(inStatus(second, 'ready'))
    // The first goes on by its own retry, or when it is told to.
    if (core.state.attempts[id]?.status === 'waiting')
      await core.client.attempts.answer({ id, text: 'Go on.' })
    const ready = await core.until(inStatus(id, 'ready'))
    expect(ready.sessionRef).toBe(limited.sessionRef)
  })
})
