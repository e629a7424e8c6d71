import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, it } from 'vitest'
import { sh } from '../../src/main/core/testing/core-harness.ts'
import { typist } from '../../src/main/core/testing/typist.ts'
import { play, type Script } from '../fixtures/model-server.ts'
import { inStatus, makeArena, openCore, pathOf } from './arena.ts'

const say = (text: string) => ({ do: 'say', text }) as const
const commit = (name: string) =>
  ({
    do: 'run',
    command: `echo ${name} > ${name} && git add ${name} && git commit -qm 'Add ${name}'`,
  }) as const

it('commits in the engineer’s name, though its shell is cut off from the configuration of git', async () => {
  const arena = await makeArena({ script: play(commit('first'), say('Done.')) })
  // The repository names nobody, as most do.
  for (const name of ['user.name', 'user.email']) await sh(arena.repo, 'config', '--unset', name)
  const core = await openCore(arena)
  const { id } = await core.fire('Make a file', 'gemini')
  const ready = await core.until(inStatus(id, 'ready', 'failed', 'waiting'))
  const who = await sh(ready.worktree, 'log', '-1', '--format=%an <%ae> %cn <%ce>')
  expect(who).toBe('Ada Example <ada@example.com> Ada Example <ada@example.com>')
})

it('at the limit of its day, it asks how to go on, the next one is held back, and “Keep trying” lifts the limit', async () => {
  const refuse: Script = () => ({
    do: 'refuse',
    status: 429,
    message: 'Resource has been exhausted (e.g. check quota).',
    retryAfterSeconds: 3_600,
  })
  const arena = await makeArena({ script: refuse })
  const core = await openCore(arena)
  await core.client.system.saveSettings({ slots: 1 })
  const { id, attempts } = await core.fire('Make a file', 'gemini', 'gemini')
  const limited = await core.until(
    (state) => state.attempts[id]?.attention?.kind === 'limit' && state.attempts[id],
  )
  expect(limited).toMatchObject({
    status: 'waiting',
    statusSource: 'screen',
    attention: { detail: expect.stringContaining('Usage limit reached'), options: ['Keep trying', 'Stop'] },
  })
  await core.client.system.saveSettings({ slots: 4 })
  const second = attempts[1]?.id ?? ''
  const held = await core.until(
    (state) => state.attempts[second]?.attention?.kind === 'limit' && state.attempts[second],
  )
  expect(held).toMatchObject({ status: 'pending' })
  expect(held.reason).toMatch(/is at its limit until \d\d:\d\d/)
  const soon = await core.client.system.agents({ refresh: false })
  expect(soon.find((agent) => agent.name === 'gemini')?.limit).toContain('is at its limit')

  arena.model.setScript(play(commit('first'), say('Done.')))
  expect(await core.client.attempts.answer({ id, text: 'Keep trying' })).toEqual({ delivered: true })
  const ready = await core.until(inStatus(id, 'ready'))
  expect(ready.sessionRef).toBe(limited.sessionRef)
  // Its first answer lifted the limit.
  await core.until(inStatus(second, 'ready'))
  expect(arena.model.requests.at(-1)?.userMessages).toHaveLength(1)
})

it('a connection that is cut ends its turn by an error, which is said, and it can be told again', async () => {
  const script: Script = (request) =>
    request.userMessages.length === 1 && request.toolResults.length === 1
      ? { do: 'drop' }
      : play(commit(`file-${request.userMessages.length}`), say('Done in spite of it.'))(request)
  const arena = await makeArena({ script })
  const core = await openCore(arena)
  const { id } = await core.fire('Make a file', 'gemini')
  const failed = await core.until(inStatus(id, 'waiting', 'ready', 'failed'))
  expect(failed).toMatchObject({ status: 'waiting', statusSource: 'hook', attention: { kind: 'crash' } })
  expect(failed.attention?.detail).toContain('terminated')
  expect(await core.client.attempts.answer({ id, text: 'Go on with it.' })).toEqual({ delivered: true })
  const ready = await core.until(inStatus(id, 'ready', 'failed'))
  expect(await pathOf(core, id)).toEqual([
    ...['preparing', 'starting', 'running', 'waiting', 'running', 'finished', 'ready'],
  ])
  expect(ready.sessionRef).toBe(failed.sessionRef)
  // What it did before is not forgotten.
  expect(arena.model.requests.at(-1)?.userMessages).toEqual([
    expect.stringContaining('Make a file'),
    'Go on with it.',
  ])
})

it('broken off by Escape, it says so, waits, and goes on when it is told to', async () => {
  const script: Script = (request) =>
    request.userMessages.at(-1) === 'Make a file instead.'
      ? play(commit('instead'), say('Done.'))(request)
      : { do: 'wait', ms: 120_000, next: say('never') }
  const arena = await makeArena({ script })
  const core = await openCore(arena)
  const { id } = await core.fire('Think long', 'gemini')
  const running = await core.until((state) => arena.model.requests.length > 0 && state.attempts[id])
  typist(core.core, running.terminalId ?? '').press('\x1b')
  const waiting = await core.until(inStatus(id, 'waiting', 'ready', 'failed'))
  expect(waiting).toMatchObject({ statusSource: 'hook', attention: { kind: 'question' } })
  expect(waiting.attention?.detail).toContain('interrupted')
  expect(await core.client.attempts.answer({ id, text: 'Make a file instead.' })).toEqual({ delivered: true })
  const ready = await core.until(inStatus(id, 'ready', 'failed'))
  expect(await sh(ready.worktree, 'log', '--format=%s', `${ready.baseSha}..HEAD`)).toBe('Add instead')
  expect(await pathOf(core, id)).toEqual([
    ...['preparing', 'starting', 'running', 'waiting', 'running', 'finished', 'ready'],
  ])
  // What was broken off it forgets, the brief included: the next message has to say all.
  expect(arena.model.requests.at(-1)?.userMessages).toEqual(['Make a file instead.'])
})

const colour = {
  question: 'Which colour shall it have?',
  header: 'Colour',
  type: 'choice',
  options: [
    { label: 'Red', description: 'A warm one' },
    { label: 'Blue', description: 'A cold one' },
  ],
}
it.each([
  ['Green, “as the grass” is.', 'in one’s own words'],
  ['blue', 'by one of its entries'],
])('a question of the model is shown with its entries, and “%s” answers it %s', async (text) => {
  const asks = { do: 'call', tool: 'ask_user', input: { questions: [colour] } } as const
  const arena = await makeArena({ script: play(asks, commit('done'), say('Done.')) })
  const core = await openCore(arena)
  const { id } = await core.fire('Paint it', 'gemini')
  const waiting = await core.until(inStatus(id, 'waiting', 'ready', 'failed'))
  expect(waiting).toMatchObject({
    statusSource: 'hook',
    attention: { kind: 'question', detail: colour.question, options: ['Red', 'Blue'] },
  })
  expect(await core.client.attempts.answer({ id, text })).toEqual({ delivered: true })
  await core.until(inStatus(id, 'ready', 'failed'))
  expect(arena.model.requests[1]?.toolResults[0]).toContain(text === 'blue' ? 'Blue' : text)
})

it('a conversation whose file is gone is started afresh, and that is said', async () => {
  const long = { do: 'wait', ms: 120_000, next: say('never') } as const
  const arena = await makeArena({ script: play(commit('first'), long) })
  const core = await openCore(arena)
  const { id } = await core.fire('Make two files', 'gemini')
  const running = await core.until((state) => arena.model.requests.length > 1 && state.attempts[id])
  const { pid } = core.state.terminals[running.terminalId ?? ''] ?? {}
  if (!pid) throw new Error('the agent has no process')
  process.kill(pid, 'SIGKILL')
  const failed = await core.until(inStatus(id, 'failed'))
  const chats = join(arena.env.HOME ?? '', '.gemini', 'tmp', basename(failed.worktree), 'chats')
  await rm(chats, { recursive: true })
  arena.model.setScript(play(say('Again from the start.')))
  await core.client.attempts.resume({ id })
  const ready = await core.until(inStatus(id, 'ready', 'waiting'))
  expect(ready.sessionRef).not.toBe(failed.sessionRef)
  const facts = await core.client.history.facts({ attemptId: id, limit: 200 })
  expect(JSON.stringify(facts)).toContain('Started afresh in the same worktree')
})

it('asks to be signed in where nobody chose how, and that is shown as such', async () => {
  const arena = await makeArena({ script: play(commit('first'), say('Done.')) })
  await rm(join(arena.env.HOME ?? '', '.gemini', 'settings.json'))
  const core = await openCore(arena)
  const { id } = await core.fire('Make a file', 'gemini')
  const waiting = await core.until(inStatus(id, 'waiting', 'ready', 'failed'))
  expect(waiting).toMatchObject({ statusSource: 'screen', attention: { kind: 'auth' } })
  expect(waiting.attention?.options).toContain('Use Gemini API Key')
  expect(arena.model.requests).toEqual([])
})
