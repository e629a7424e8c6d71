import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Database } from 'better-sqlite3'
import { expect, it } from 'vitest'
import { openCodeData, readOpenCode } from '../../src/main/core/agents/usage/opencode-store.ts'
import { sh } from '../../src/main/core/testing/core-harness.ts'
import { typist } from '../../src/main/core/testing/typist.ts'
import { play, type Script } from '../fixtures/model-server.ts'
import { type Arena, inStatus, makeArena, openCore, pathOf, slotOf, untilCounted } from './arena.ts'

// What it shares with the others (turns, faults, questions, reviews) stands in their files: `npm run test:agents -- -t opencode`.

const say = (text: string) => ({ do: 'say', text }) as const
const commit = (name: string) =>
  ({
    do: 'run',
    command: `echo ${name} >> ${name} && git add ${name} && git commit -qm 'Add ${name}'`,
  }) as const
const outside = { do: 'run', command: 'touch ../permitted' } as const

/** Every file below the engineer's own settings of OpenCode, with its text. */
async function settingsOf({ env }: Arena): Promise<Record<string, string>> {
  const dir = join(env.HOME ?? '', '.config', 'opencode')
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  return Object.fromEntries(files.map((file, index) => [relative(dir, file), texts[index] ?? '']))
}

it('leaves nothing of ours in the worktree or the engineer’s settings, and names its conversation after the brief', async () => {
  const arena = await makeArena({ script: play(commit('first'), say('Done.')) })
  const before = await settingsOf(arena)
  // OpenCode writes into such a file when it reads it.
  await writeFile(join(arena.repo, 'opencode.json'), '{ "instructions": ["README.md"] }\n')
  await sh(arena.repo, 'add', '--all')
  await sh(arena.repo, 'commit', '--quiet', '--message', 'Add settings')
  const core = await openCore(arena)
  // What stands last would open a list of files, which takes the Enter.
  const { id } = await core.fire('# Add the first file\n\nIt stands beside @README', 'opencode')
  const ready = await core.until(inStatus(id, 'ready', 'failed', 'waiting'))
  expect(ready.status).toBe('ready')
  expect(await core.client.attempts.answer({ id, text: 'Now look at @READ' })).toEqual({ delivered: true })
  await core.until((state) => arena.model.requests.length === 4 && inStatus(id, 'ready')(state))
  expect(arena.model.requests.at(-1)?.userMessages.map((text) => text.trim())).toEqual([
    expect.stringMatching(/It stands beside @README$/),
    'Now look at @READ',
  ])
  expect(await sh(ready.worktree, 'status', '--porcelain', '--ignored')).toBe('')
  expect(await sh(ready.worktree, 'diff', '--name-only', ready.baseSha)).toBe('first')
  expect(await sh(ready.worktree, 'ls-tree', '-r', '--name-only', 'HEAD')).toBe(
    'README.md\nfirst\nopencode.json',
  )
  const after = await settingsOf(arena)
  expect(after).toMatchObject(before)
  expect(JSON.stringify(after)).not.toContain('quartet')
  // No titles are asked of a model, no update is looked for, and the brief is its one message.
  expect(arena.model.strays).toEqual([])
  expect(new Set(arena.model.requests.map((request) => request.conversation))).toEqual(
    new Set([ready.sessionRef]),
  )
  const title = (db: Database) => db.prepare('SELECT title FROM session WHERE id = ?').get(ready.sessionRef)
  expect(await readOpenCode(arena.env, title)).toEqual({ title: 'Add the first file' })
})

it('refused a permission, it waits for what else to do, and goes on with that', async () => {
  const script: Script = (request) =>
    request.userMessages.length === 1
      ? play(outside, say('never'))(request)
      : play(commit('inside'), say('Done inside.'))(request)
  const arena = await makeArena({ script })
  const core = await openCore(arena)
  const { id } = await core.fire('Do it', 'opencode')
  const asking = await core.until(inStatus(id, 'waiting', 'ready', 'failed'))
  expect(asking.attention?.detail).toContain('touch ../permitted')
  expect(await core.client.attempts.answer({ id, text: 'no' })).toEqual({ delivered: true })
  const refused = await core.until((state) => {
    const attempt = state.attempts[id]
    return attempt?.attention?.detail.includes('interrupted') && attempt
  })
  expect(refused).toMatchObject({ status: 'waiting', statusSource: 'hook' })
  expect(await core.client.attempts.answer({ id, text: 'Stay inside.' })).toEqual({ delivered: true })
  const ready = await core.until(inStatus(id, 'ready', 'failed'))
  expect(await sh(ready.worktree, 'log', '--format=%s', `${ready.baseSha}..HEAD`)).toBe('Add inside')
  expect(arena.model.requests.at(-1)?.userMessages).toEqual([
    expect.stringContaining('Do it'),
    'Stay inside.',
  ])
})

it('stopped by Escape pressed twice, it says so and takes the next message', async () => {
  const script: Script = (request) =>
    request.userMessages.length === 1
      ? play(commit('first'), { do: 'wait', ms: 120_000, next: say('never') })(request)
      : play(commit('second'), say('Done.'))(request)
  const arena = await makeArena({ script })
  const core = await openCore(arena)
  const { id } = await core.fire('Do it', 'opencode')
  const running = await core.until((state) => arena.model.requests.length > 1 && state.attempts[id])
  const keys = typist(core.core, running.terminalId ?? '')
  keys.press('\x1b')
  const screen = () => core.client.attempts.log({ id, from: 0, maxBytes: 1_048_576, raw: false })
  await expect.poll(async () => (await screen()).text, { timeout: 30_000 }).toContain('again')
  keys.press('\x1b')
  const stopped = await core.until(inStatus(id, 'waiting'))
  expect(stopped).toMatchObject({ statusSource: 'hook' })
  expect(stopped.attention?.detail).toContain('interrupted')
  expect(await core.client.attempts.answer({ id, text: 'Go on.' })).toEqual({ delivered: true })
  const ready = await core.until(inStatus(id, 'ready', 'failed'))
  expect(ready.sessionRef).toBe(stopped.sessionRef)
  expect(await sh(ready.worktree, 'log', '--format=%s', `${ready.baseSha}..HEAD`)).toBe(
    'Add second\nAdd first',
  )
})

it('what its sub-agent does is not the attempt’s end, and what that uses is counted', async () => {
  const delegate = {
    do: 'call',
    tool: 'task',
    input: { description: 'Count files', prompt: 'Count the files.', subagent_type: 'general' },
  } as const
  const script: Script = (request) =>
    request.userMessages[0]?.includes('Count the files.')
      ? play({ do: 'run', command: 'ls' }, say('There is one.'))(request)
      : play(delegate, commit('first'), say('Done.'))(request)
  const arena = await makeArena({ script })
  const core = await openCore(arena)
  const { id } = await core.fire('Make a file', 'opencode')
  const ready = await core.until(inStatus(id, 'ready', 'failed', 'waiting'))
  expect(await pathOf(core, id)).toEqual(['preparing', 'starting', 'running', 'finished', 'ready'])
  expect(new Set(arena.model.requests.map((request) => request.conversation)).size).toBe(2)
  expect(arena.model.requests[0]?.conversation).toBe(ready.sessionRef)
  expect(await untilCounted(arena, core, id, 'opencode')).toMatchObject({ turns: 1, toolCalls: 3 })
})

it('an error that ends its turn is shown with its words', async () => {
  const refuse: Script = () => ({ do: 'refuse', status: 401, message: 'invalid x-api-key' })
  const arena = await makeArena({ script: refuse })
  const core = await openCore(arena)
  const { id } = await core.fire('Do it', 'opencode')
  const failed = await core.until(inStatus(id, 'waiting', 'ready', 'failed'))
  expect(failed).toMatchObject({ status: 'waiting', statusSource: 'hook', attention: { kind: 'crash' } })
  expect(failed.attention?.detail).toContain('invalid x-api-key')
})

it('a conversation that is gone is not taken for one that goes on: a fresh start is said to be one', async () => {
  const long = { do: 'wait', ms: 120_000, next: say('never') } as const
  const arena = await makeArena({ script: play(commit('first'), long) })
  const core = await openCore(arena)
  const { id } = await core.fire('Make two files', 'opencode')
  const running = await core.until((state) => arena.model.requests.length > 1 && state.attempts[id])
  const { pid } = core.state.terminals[running.terminalId ?? ''] ?? {}
  // Never 0 by accident: that is our own process group.
  if (!pid) throw new Error('the agent has no process')
  process.kill(pid, 'SIGKILL')
  const failed = await core.until(inStatus(id, 'failed'))
  await rm(openCodeData(arena.env), { recursive: true })
  arena.model.setScript(play(commit('second'), say('Both are there.')))
  await core.client.attempts.resume({ id })
  const ready = await core.until(inStatus(id, 'ready', 'waiting'))
  expect(ready).toMatchObject({ status: 'ready' })
  expect(ready.sessionRef).not.toBe(failed.sessionRef)
  const reasons = (await core.client.history.facts({ attemptId: id, limit: 1_000 })).map(
    ({ body }) => body.reason,
  )
  expect(reasons).toContain('Started afresh in the same worktree: the old conversation cannot be continued.')
  expect(await sh(ready.worktree, 'log', '--format=%s', `${ready.baseSha}..HEAD`)).toBe(
    'Add second\nAdd first',
  )
  const last = arena.model.requests.at(-1)
  expect(last?.conversation).toBe(ready.sessionRef)
  expect(last?.userMessages[0]).toContain('Make two files')
})

it('the doctor says where it is, which version, that it has a key, and that reports arrive', async () => {
  const arena = await makeArena({ script: play(say('Hello.')) })
  const core = await openCore(arena)
  const found = (await core.client.system.agents({ refresh: true })).find(({ name }) => name === 'opencode')
  expect(found).toMatchObject({
    installed: true,
    version: expect.stringMatching(/^1\.\d+\.\d+$/),
    problem: null,
    signIn: { state: 'yes', detail: 'by ANTHROPIC_API_KEY' },
    hookProblem: null,
    limit: null,
  })
  const line = (await core.client.system.doctor()).find(({ name }) => name === 'OpenCode')
  expect(line).toMatchObject({ status: 'ok', detail: expect.stringContaining(found?.path ?? 'no path') })
  expect(slotOf('opencode').model).toBe('anthropic/claude-opus-5')
})
