import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { Redactor } from '../../kernel/redact.ts'
import { openCodeDriver } from './drivers/opencode.ts'
import { listenForHooks } from './hook-listener.ts'
import { hookCommand } from './programs.ts'
import { noUsage, RESOURCES, tempDir, until } from './test-support.ts'

/** What OpenCode gives a plugin and gets from it, as far as ours uses it. */
interface Hooks {
  event(input: { event: { type: string; properties: unknown } }): Promise<void>
  'chat.message'(input: { sessionID: string }, output: { parts: readonly object[] }): Promise<void>
  'tool.execute.before'(input: { tool: string; sessionID: string }): Promise<void>
  dispose(): Promise<void>
}
type Plugin = (context: { client: unknown }, options: object) => Promise<Hooks>

const driver = openCodeDriver(noUsage, { resourcesDir: RESOURCES })

/**
 * The shipped plugin, loaded as OpenCode loads it, reporting by the real hook program to a real listener; `told` is what the
 * driver makes of its reports.
 */
async function load({ resume, parents = {} }: { resume?: object; parents?: Record<string, string> } = {}) {
  const told: string[] = []
  const listener = await listenForHooks({
    dir: await tempDir('hooks'),
    log: silentLogger,
    clock: systemClock,
    redactor: new Redactor(),
    onMessage({ payload, at }) {
      for (const event of driver.interpret(payload, at)) {
        const { at: _at, kind, ...rest } = event
        told.push(Object.keys(rest).length === 0 ? kind : `${kind} ${JSON.stringify(rest)}`)
      }
    },
  })
  onTestFinished(() => listener.close())
  const runDir = await tempDir('run')
  // The plugin runs within OpenCode, whose environment the hook program inherits: here it is this process's own.
  vi.stubEnv('QUARTET_HOOK_FILE', (await listener.open('att_1', runDir)).file)
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  const asked: unknown[] = []
  const client = {
    session: {
      get: async ({ path: { id } }: { path: { id: string } }) => ({
        data: { id, title: 'Mine', parentID: parents[id] },
      }),
      update: async (call: unknown) => asked.push(call),
      promptAsync: async (call: unknown) => asked.push(call),
    },
  }
  const { Quartet } = (await import(join(RESOURCES, 'hooks', 'quartet-opencode.mjs'))) as { Quartet: Plugin }
  const command = [...hookCommand(process.execPath, RESOURCES), 'opencode']
  const start = () => Quartet({ client }, { command, ...(resume ? { resume } : {}) })
  const hooks = await start()
  const is = (type: string, properties: object) => hooks.event({ event: { type, properties } })
  return {
    told,
    asked,
    hooks,
    start,
    is,
    created: (id: string, parentID?: string) =>
      is('session.created', { sessionID: id, info: { id, parentID, title: 'New session - 2026-11-28' } }),
    prompt: (sessionID: string, text: string) =>
      hooks['chat.message']({ sessionID }, { parts: [{ type: 'text', text }] }),
    call: (sessionID: string, tool: string) => hooks['tool.execute.before']({ sessionID, tool }),
    answer: (sessionID: string, info: object) =>
      is('message.updated', { sessionID, info: { id: 'msg_2', role: 'assistant', sessionID, ...info } }),
    say: (sessionID: string, text: string) =>
      is('message.part.updated', { part: { type: 'text', text, messageID: 'msg_2', sessionID } }),
    idle: (sessionID: string) => is('session.idle', { sessionID }),
    /** Closes it and gives all that was told. */
    async end() {
      await hooks.dispose()
      await until(() => told.at(-1)?.startsWith('ended'))
      return told.filter((line) => !/^(attached|ended)/.test(line))
    },
  }
}

const SESSION = 'session {"sessionRef":"ses_1","transcript":null}'
const started = (text: string) => [SESSION, `started {"text":"${text}"}`]
const finished = (text: string) => `finished {"text":"${text}"}`
const working = (tool: string | null, failed = false) => `working ${JSON.stringify({ tool, failed })}`

test('a turn: its prompt, its tools and the last that its model said', async () => {
  const plugin = await load()
  await plugin.created('ses_1')
  await plugin.prompt('ses_1', 'Fix it')
  await plugin.answer('ses_1', { finish: undefined })
  await plugin.say('ses_1', 'Let me look.')
  await plugin.call('ses_1', 'bash')
  await plugin.is('message.part.updated', {
    part: { type: 'tool', tool: 'bash', callID: 'c', sessionID: 'ses_1', state: { status: 'error' } },
  })
  await plugin.answer('ses_1', { finish: 'tool-calls' })
  await plugin.answer('ses_1', { id: 'msg_3' })
  await plugin.is('message.part.updated', {
    part: { type: 'text', text: 'Done.', messageID: 'msg_3', sessionID: 'ses_1' },
  })
  await plugin.answer('ses_1', { id: 'msg_3', finish: 'stop' })
  await plugin.idle('ses_1')
  await plugin.idle('ses_1')
  expect(await plugin.end()).toEqual([
    ...started('Fix it'),
    ...[working('bash'), working('bash', true), finished('Done.')],
  ])
})

test('a new conversation is named after its prompt, an old one keeps its name', async () => {
  const plugin = await load()
  await plugin.created('ses_1')
  await plugin.prompt('ses_1', '\n# Fix the login\n\nIt is flaky.')
  await plugin.prompt('ses_1', 'And more')
  await plugin.prompt('ses_2', 'In an old one')
  await plugin.end()
  expect(plugin.asked).toEqual([{ path: { id: 'ses_1' }, body: { title: 'Fix the login' } }])
})

test('what a sub-agent does is not told, but what it asks is', async () => {
  const plugin = await load({ parents: { ses_3: 'ses_1' } })
  await plugin.created('ses_1')
  await plugin.prompt('ses_1', 'Fix it')
  await plugin.created('ses_2', 'ses_1')
  // One of an earlier process is known to OpenCode alone.
  for (const sub of ['ses_2', 'ses_3']) {
    await plugin.prompt(sub, 'Count')
    await plugin.call(sub, 'read')
    await plugin.is('session.status', {
      sessionID: sub,
      status: { type: 'retry', message: '429 rate limit' },
    })
    await plugin.answer(sub, { finish: 'stop' })
    await plugin.idle(sub)
  }
  const question = { id: 'per_1', sessionID: 'ses_2', permission: 'bash', metadata: { command: 'ls /' } }
  await plugin.is('permission.asked', question)
  expect(await plugin.end()).toEqual([
    ...started('Fix it'),
    'question {"text":"bash: ls /","about":"permission","options":["yes","no"]}',
  ])
})

test('of several dialogs at once the one is told that is shown, and its tool works again after an answer', async () => {
  const plugin = await load()
  await plugin.created('ses_1')
  const ask = (id: string, command: string) =>
    plugin.is('permission.asked', { id, sessionID: 'ses_1', permission: 'bash', metadata: { command } })
  const reply = (requestID: string, to: string) =>
    plugin.is('permission.replied', { sessionID: 'ses_1', requestID, reply: to })
  await ask('per_1', 'one')
  await ask('per_2', 'two')
  await ask('per_3', 'three')
  // “Allow always” answers those, too, that ask for the same.
  await reply('per_2', 'always')
  await reply('per_1', 'once')
  await reply('per_3', 'once')
  const question = (text: string) =>
    `question {"text":"bash: ${text}","about":"permission","options":["yes","no"]}`
  expect(await plugin.end()).toEqual([question('one'), question('three'), working(null)])
})

test('a question of the model is told with its entries', async () => {
  const plugin = await load()
  const questions = [{ question: 'Which?', header: 'C', options: [{ label: 'Red', description: 'warm' }] }]
  await plugin.is('question.asked', { id: 'que_1', sessionID: 'ses_1', questions })
  await plugin.is('question.replied', { requestID: 'que_1', answers: [['Red']] })
  expect(await plugin.end()).toEqual([
    'question {"text":"Which?","about":"question","options":["Red"]}',
    working(null),
  ])
})

const aborted = { name: 'MessageAbortedError', data: { message: 'Aborted' } }
test.each([
  ['by Escape', { error: aborted }, 'interrupted'],
  ['after a refused permission', { finish: 'tool-calls' }, 'interrupted'],
  ['by an error', { error: { name: 'APIError', data: { message: 'bad key' } } }, 'failed {"text":"bad key"}'],
  ['by the length of its answer', { finish: 'length' }, 'finished {"text":null}'],
])('a turn that ends %s says so once', async (_how, info, event) => {
  const plugin = await load()
  await plugin.created('ses_1')
  await plugin.prompt('ses_1', 'Fix it')
  await plugin.answer('ses_1', info)
  await plugin.idle('ses_1')
  await plugin.answer('ses_1', info)
  await plugin.idle('ses_1')
  expect(await plugin.end()).toEqual([...started('Fix it'), event])
})

test('an error that no message carries ends the turn as a failure', async () => {
  const plugin = await load()
  await plugin.created('ses_1')
  await plugin.prompt('ses_1', 'Fix it')
  const error = { name: 'UnknownError', data: { message: 'Model not found: nobody/knows.' } }
  await plugin.is('session.error', { sessionID: 'ses_1', error })
  await plugin.idle('ses_1')
  expect(await plugin.end()).toEqual([
    ...started('Fix it'),
    'failed {"text":"Model not found: nobody/knows."}',
  ])
})

test('a limit is told with the time of its next try', async () => {
  const plugin = await load()
  await plugin.created('ses_1')
  const status = { type: 'retry', attempt: 1, message: 'Too Many Requests', next: 1_795_825_833_408 }
  await plugin.is('session.status', { sessionID: 'ses_1', status })
  await plugin.is('session.status', { sessionID: 'ses_1', status: { type: 'busy' } })
  expect(await plugin.end()).toEqual(['limit {"text":"Too Many Requests","resetsAt":1795825833408}'])
})

test('a message that continues a conversation is sent once, though the plugin is loaded again', async () => {
  const file = join(await tempDir('resume'), 'message.md')
  await writeFile(file, '- go on')
  const model = { providerID: 'a', modelID: 'b' }
  const plugin = await load({ resume: { sessionID: 'ses_1', file, model } })
  await until(() => plugin.asked.length > 0)
  const again = await plugin.start()
  await again.dispose()
  const parts = [{ type: 'text', text: '- go on' }]
  expect(plugin.asked).toEqual([{ path: { id: 'ses_1' }, body: { parts, model } }])
  await expect(access(file)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('what OpenCode writes into the repository’s settings when it reads them is taken back, and nothing else', async () => {
  const dir = await tempDir('settings')
  const added = '{\n  "$schema": "https://opencode.ai/config.json",'
  const rest = '"instructions":["A.md"]}\n'
  const file = (name: string) => join(dir, name)
  await writeFile(file('touched.json'), `${added}${rest}`)
  await writeFile(file('changed.json'), `{ ${rest}`)
  const bare = ['touched', 'changed', 'removed'].map((name) => ({ file: file(`${name}.json`), begin: '\n{' }))
  const { Quartet } = (await import(join(RESOURCES, 'hooks', 'quartet-opencode.mjs'))) as { Quartet: Plugin }
  const hooks = await Quartet({ client: null }, { command: ['/nonexistent/node'], bare })
  await hooks.dispose()
  expect(await readFile(file('touched.json'), 'utf8')).toBe(`\n{${rest}`)
  expect(await readFile(file('changed.json'), 'utf8')).toBe(`{ ${rest}`)
  await expect(access(file('removed.json'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('it disturbs nobody when its hook program is gone or what it hears is damaged', async () => {
  const { Quartet } = (await import(join(RESOURCES, 'hooks', 'quartet-opencode.mjs'))) as { Quartet: Plugin }
  const hooks = await Quartet({ client: null }, { command: ['/nonexistent/node'] })
  await hooks.event({ event: { type: 'message.updated', properties: {} } })
  await hooks.event({ event: { type: 'session.idle', properties: {} } })
  await hooks['tool.execute.before']({ tool: 'bash', sessionID: 'ses_1' })
  await expect(hooks.dispose()).resolves.toBeUndefined()
})
