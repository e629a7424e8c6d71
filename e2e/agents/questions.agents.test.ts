import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { play } from '../fixtures/model-server.ts'
import { inStatus, makeArena, openCore, REAL_AGENTS, sourcesOf } from './arena.ts'

const say = (text: string) => ({ do: 'say', text }) as const
const commit = {
  do: 'run',
  command: "echo done > done.txt && git add done.txt && git commit -qm 'Add done.txt'",
} as const

describe.each(REAL_AGENTS)('%s', (agent) => {
  it('asks for a permission, is answered from the card, and goes on', async () => {
    const ask = {
      do: 'run',
      command: 'touch ../permitted',
      ask: 'A file beside the worktree is needed.',
    } as const
    const arena = await makeArena({ script: play(ask, commit, say('Done.')), ask: true })
    const core = await openCore(arena)
    const { id } = await core.fire('Do it', agent)
    const waiting = await core.until(inStatus(id, 'waiting', 'ready', 'failed'))
    expect(waiting).toMatchObject({
      status: 'waiting',
      statusSource: 'hook',
      attention: { kind: 'question' },
    })
    expect(waiting.attention).toMatchObject({
      detail: expect.stringContaining('touch ../permitted'),
      options: ['yes', 'no'],
    })
    expect(await core.client.attempts.answer({ id, text: 'yes' })).toEqual({ delivered: true })
    const ready = await core.until(inStatus(id, 'ready', 'failed'))
    expect(await readFile(join(ready.worktree, '..', 'permitted'), 'utf8')).toBe('')
    expect(await readFile(join(ready.worktree, 'done.txt'), 'utf8')).toBe('done\n')
    // From its first prompt on the agent itself says it, through its hooks.
    expect(await sourcesOf(core, id)).toEqual([
      ...['preparing by core', 'starting by core', 'running by process'],
      ...['waiting by hook', 'running by hook', 'finished by hook', 'ready by core'],
    ])
  })
})

const colour = {
  question: 'Which colour shall it have?',
  header: 'Colour',
  multiSelect: false,
  options: [
    { label: 'Red', description: 'A warm one' },
    { label: 'Blue', description: 'A cold one' },
  ],
}
// Codex offers its model such a question in Plan mode alone.
it.each([
  ['claude', 'AskUserQuestion', 'Green, “as the grass” is.'],
  ['claude', 'AskUserQuestion', 'blue'],
  ['opencode', 'question', 'Green, “as the grass” is.'],
  ['opencode', 'question', 'blue'],
] as const)(
  '%s: what its model asks by %s is shown with its entries, and “%s” answers it',
  async (agent, tool, text) => {
    const asks = { do: 'call', tool, input: { questions: [colour] } } as const
    const arena = await makeArena({ script: play(asks, commit, say('Done.')) })
    const core = await openCore(arena)
    const { id } = await core.fire('Paint it', agent)
    const waiting = await core.until(inStatus(id, 'waiting', 'ready', 'failed'))
    expect(waiting).toMatchObject({
      statusSource: 'hook',
      attention: { kind: 'question', detail: colour.question, options: ['Red', 'Blue'] },
    })
    expect(await core.client.attempts.answer({ id, text })).toEqual({ delivered: true })
    await core.until(inStatus(id, 'ready', 'failed'))
    const answered = text === 'blue' ? 'Blue' : text
    expect(arena.model.requests[1]?.toolResults[0]).toContain(`"${colour.question}"="${answered}"`)
  },
)

it('codex: an announcement on start is shown as a question with its entries, and answered by one', async () => {
  const arena = await makeArena({ script: play(commit, say('Done.')), announcements: true })
  const core = await openCore(arena)
  const { id } = await core.fire('Do it', 'codex')
  const waiting = await core.until(inStatus(id, 'waiting'))
  expect(waiting).toMatchObject({ statusSource: 'screen', attention: { kind: 'question' } })
  expect(waiting.attention?.detail).toContain('Use existing model')
  expect(arena.model.requests).toEqual([])
  expect(await core.client.attempts.answer({ id, text: 'Use existing model' })).toEqual({ delivered: true })
  await core.until(inStatus(id, 'ready'))
  expect(new Set(arena.model.requests.map((request) => request.model))).toEqual(new Set(['gpt-5.5']))
})

it('claude: a repository that nobody trusted yet asks for trust, and its answer lets the brief through', async () => {
  const arena = await makeArena({ script: play(commit, say('Done.')) })
  const file = join(arena.env.CLAUDE_CONFIG_DIR ?? '', '.claude.json')
  const state = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(file, JSON.stringify({ ...state, projects: {} }))
  const core = await openCore(arena)
  const { id } = await core.fire('Do it', 'claude')
  const waiting = await core.until(inStatus(id, 'waiting'))
  expect(waiting).toMatchObject({ statusSource: 'screen', attention: { kind: 'trust' } })
  expect(await core.client.attempts.answer({ id, text: 'yes' })).toEqual({ delivered: true })
  await core.until(inStatus(id, 'ready'))
  expect(arena.model.requests[0]?.userMessages[0]).toContain('Do it')
})
