import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, it } from 'vitest'
import { play, type Script } from '../fixtures/model-server.ts'
import { inStatus, makeArena, openCore, pathOf, untilCounted, WITH_TELEMETRY } from './arena.ts'

const say = (text: string) => ({ do: 'say', text }) as const
const commit = (name: string) =>
  ({
    do: 'run',
    command: `echo ${name} > ${name} && git add ${name} && git commit -qm 'Add ${name}'`,
  }) as const

/**
 * The arguments of all processes of this machine, as any user can read them (Linux; elsewhere none are found). Of all, not only
 * the agent's: what it starts may be given the token in turn.
 */
async function allArguments(): Promise<string> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const lines = pids.map((pid) => readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => ''))
  return (await Promise.all(lines)).join('\n')
}

it.each(WITH_TELEMETRY)(
  '%s reports with a token that no other user and no program of its own can read',
  async (agent) => {
    // What its tools see of the exporter's settings, and that they ran while the arguments were looked at.
    const look =
      'env | grep ^OTEL_ | grep -v "=$" > seen; touch looked; while [ ! -e go ]; do sleep 0.1; done'
    const keep = "git add --all && git commit -qm 'Add what was seen'"
    const script: Script = play({ do: 'run', command: look }, { do: 'run', command: keep }, say('Committed.'))
    const arena = await makeArena({ script })
    const core = await openCore(arena)
    const { id } = await core.fire('Make a file', agent)
    const { worktree } = await core.until(inStatus(id, 'running', 'waiting', 'failed'))
    await expect.poll(() => readdir(worktree), { timeout: 60_000 }).toContain('looked')
    const everything = await allArguments()
    expect(everything).toContain('touch looked')
    expect(everything).not.toContain(`${id}.`)
    expect(await readFile(join(worktree, 'seen'), 'utf8')).toBe('')
    await writeFile(join(worktree, 'go'), '')
    await core.until(inStatus(id, 'ready', 'failed'))
    expect(await untilCounted(arena, core, id, agent)).toMatchObject({ turns: 1, toolCalls: 2 })
  },
)

it.each(WITH_TELEMETRY)(
  '%s goes on being counted, and once, when its files are gone: by its telemetry',
  async (agent) => {
    const script: Script = (request) =>
      play(commit(`file-${request.userMessages.length}`), say('Committed.'))(request)
    const arena = await makeArena({ script })
    const core = await openCore(arena)
    const { id } = await core.fire('Make a file', agent)
    const ready = await core.until(inStatus(id, 'ready', 'failed'))
    const before = await untilCounted(arena, core, id, agent)
    const files: Record<(typeof WITH_TELEMETRY)[number], (string | undefined)[]> = {
      codex: [arena.env.CODEX_HOME, 'sessions'],
      claude: [arena.env.CLAUDE_CONFIG_DIR, 'projects'],
      gemini: [arena.env.HOME, '.gemini', 'tmp', basename(ready.worktree), 'chats'],
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
