import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { play, type Script } from '../fixtures/model-server.ts'
import { inStatus, makeArena, openCore, pathOf, REAL_AGENTS, untilCounted } from './arena.ts'

const say = (text: string) => ({ do: 'say', text }) as const
const commit = (name: string) =>
  ({
    do: 'run',
    command: `echo ${name} > ${name} && git add ${name} && git commit -qm 'Add ${name}'`,
  }) as const

it.each(REAL_AGENTS)(
  '%s goes on being counted, and once, when its files are gone: by its telemetry',
  async (agent) => {
    const script: Script = (request) =>
      play(commit(`file-${request.userMessages.length}`), say('Committed.'))(request)
    const arena = await makeArena({ script })
    const core = await openCore(arena)
    const { id } = await core.fire('Make a file', agent)
    const ready = await core.until(inStatus(id, 'ready', 'failed'))
    const before = await untilCounted(arena, core, id, agent)
    const files = {
      codex: [arena.env.CODEX_HOME, 'sessions'],
      claude: [arena.env.CLAUDE_CONFIG_DIR, 'projects'],
    }
    await rm(join(...files[agent].map(String)), { recursive: true })

    expect(await core.client.attempts.answer({ id, text: 'And another.' })).toEqual({ delivered: true })
    await core.until((state) => {
      const attempt = state.attempts[id]
      return attempt?.status === 'ready' && attempt.headSha !== ready.headSha
    })
    const after = await untilCounted(arena, core, id, agent)
    expect(after).toMatchObject({ turns: 2, toolCalls: 2 })
    expect(after.outputTokens).toBeGreaterThan(before.outputTokens)
  },
)

it('codex: what its sub-agent uses is part of the attempt, and its end is not the end of the attempt', async () => {
  const delegate = {
    do: 'call',
    tool: 'spawn_agent',
    input: { task_name: 'count', message: 'Count the files.' },
  } as const
  const script: Script = (request) =>
    request.subAgent === null ? play(delegate, commit('first'), say('Done.'))(request) : say('There is one.')
  const arena = await makeArena({ script, subAgents: true })
  const core = await openCore(arena)
  const { id } = await core.fire('Make a file', 'codex')
  const ready = await core.until(inStatus(id, 'ready', 'failed'))
  expect(await pathOf(core, id)).toEqual(['preparing', 'starting', 'running', 'finished', 'ready'])
  await expect.poll(() => arena.model.requests.map((request) => request.subAgent)).toContain('/root/count')
  expect(new Set(arena.model.requests.map((request) => request.conversation))).toEqual(
    new Set([ready.sessionRef]),
  )
  expect(await untilCounted(arena, core, id, 'codex')).toMatchObject({ turns: 1, toolCalls: 2 })
})
