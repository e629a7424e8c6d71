import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import type { LaunchContext } from '../driver.ts'
import { fakeProgram, makeContext, noUsage, RESOURCES, slot, tempDir } from '../test-support.ts'
import { openCodeSession } from '../usage/opencode-fixture.ts'
import { openCodeDriver } from './opencode.ts'

const driver = openCodeDriver(noUsage, { resourcesDir: RESOURCES })
const PLUGIN = pathToFileURL(join(RESOURCES, 'hooks', 'quartet-opencode.mjs')).href

async function context(
  fields: Partial<LaunchContext> = {},
  env: Record<string, string> = {},
): Promise<LaunchContext> {
  const dir = await fakeProgram('opencode', '#!/bin/sh\necho 1.18.33\n')
  const made = await makeContext({ slot: slot({ agent: 'opencode' }), worktree: await tempDir(), ...fields })
  return { ...made, env: { PATH: `${dir}:/usr/bin:/bin`, HOME: await tempDir('home'), ...env } }
}
const settingsOf = (env: Readonly<Record<string, string>>) =>
  JSON.parse(env.OPENCODE_CONFIG_CONTENT ?? 'null')

test('starts with the prompt as one argument, though it begins with a dash, and with a plugin of this launch', async () => {
  const made = await context({
    prompt: '- fix "this" $HOME\n- and that',
    slot: slot({ agent: 'opencode', model: 'anthropic/claude-opus-5' }),
  })
  const plan = await driver.plan(made)
  expect(plan.args).toEqual(['--model=anthropic/claude-opus-5', `--prompt=${made.prompt}`])
  expect(plan).toMatchObject({ sessionRef: null, promptDelivery: 'argv' })
  expect(plan.file).toMatch(/\/opencode$/)
  expect(settingsOf(plan.env)).toEqual({
    agent: { title: { disable: true } },
    plugin: [[PLUGIN, { command: [...made.hook.command, 'opencode'] }]],
  })
  expect(plan.env).toMatchObject({ OPENCODE_DISABLE_AUTOUPDATE: '1', QUARTET_HOOK_FILE: made.hook.file })
  expect(await readFile(new URL(PLUGIN), 'utf8')).toContain('export const Quartet')
})

test('keys of providers reach it, also those that its settings name; those of a forge do not', async () => {
  const made = await context(
    {},
    { ANTHROPIC_API_KEY: 'a', CORP_LLM: 'c', OTHER: 'o', GITHUB_TOKEN: 'g', OPENCODE_CONFIG: '/corp.json' },
  )
  const dir = join(made.env.HOME ?? '', '.config', 'opencode')
  await mkdir(dir, { recursive: true })
  const provider = '"corp": { "options": { "apiKey": "{env:CORP_LLM}", "token": "{env:GITHUB_TOKEN}" } }'
  await writeFile(join(dir, 'opencode.jsonc'), `// mine\n{ "provider": { ${provider} } }`)
  const { env } = await driver.plan(made)
  expect(env).toMatchObject({ ANTHROPIC_API_KEY: 'a', CORP_LLM: 'c', OPENCODE_CONFIG: '/corp.json' })
  expect(Object.keys(env)).not.toContain('OTHER')
  expect(Object.keys(env)).not.toContain('GITHUB_TOKEN')
})

test('what the engineer has put into the same variable stays; what cannot be read is refused, not lost', async () => {
  const own = { model: 'x/y', plugin: ['theirs'], agent: { plan: { model: 'x/z' }, title: { model: 'x/t' } } }
  const made = await context({}, { OPENCODE_CONFIG_CONTENT: JSON.stringify(own) })
  expect(settingsOf((await driver.plan(made)).env)).toMatchObject({
    model: 'x/y',
    agent: { plan: { model: 'x/z' }, title: { disable: true } },
    plugin: ['theirs', [PLUGIN, {}]],
  })
  const commented = { ...made, env: { ...made.env, OPENCODE_CONFIG_CONTENT: '{ /* mine */ }' } }
  await expect(driver.plan(commented)).rejects.toMatchObject({ code: 'invalid_input' })
})

test('a prompt of 200 kB goes by its file, which it may read without asking', async () => {
  const made = await context(
    { prompt: 'ä'.repeat(100_000) },
    { OPENCODE_CONFIG_CONTENT: '{"permission":"ask"}' },
  )
  const plan = await driver.plan(made)
  expect(plan.promptDelivery).toBe('file')
  expect(plan.args.at(-1)).toContain(made.promptFile)
  // The last rule that matches counts: ours is after theirs.
  expect(Object.entries(settingsOf(plan.env).permission)).toEqual([
    ['*', 'ask'],
    ['external_directory', { [`${dirname(made.promptFile)}/*`]: 'allow' }],
  ])
})

test('settings of the repository that OpenCode would write into are named to the plugin', async () => {
  const made = await context()
  await mkdir(join(made.worktree, '.opencode'))
  await writeFile(join(made.worktree, 'opencode.json'), '\n{ "instructions": [] }')
  await writeFile(join(made.worktree, '.opencode', 'opencode.jsonc'), '{ "$schema": "https://x" }')
  const [, options] = settingsOf((await driver.plan(made)).env).plugin[0]
  expect(options.bare).toEqual([{ file: join(made.worktree, 'opencode.json'), begin: '\n{' }])
})

test('a conversation is continued by its id; a message goes along by a file that only the plugin reads', async () => {
  const resume = { sessionRef: 'ses_1', message: '- go on' }
  const made = await context({ slot: slot({ agent: 'opencode', model: 'a/b/c' }), resume })
  const plan = await driver.plan(made)
  expect(plan.args).toEqual(['--model=a/b/c', '--session=ses_1'])
  expect(plan.sessionRef).toBe('ses_1')
  const [, options] = settingsOf(plan.env).plugin[0]
  expect(options.resume).toMatchObject({
    sessionID: 'ses_1',
    model: { providerID: 'a', modelID: 'b/c' },
  })
  expect(await readFile(options.resume.file, 'utf8')).toBe('- go on')
  const silent = await driver.plan({ ...made, resume: { sessionRef: 'ses_1', message: null } })
  expect(settingsOf(silent.env).plugin[0][1]).not.toHaveProperty('resume')
})

test('a conversation can be continued only while it is there, in its own folder', async () => {
  const made = await context()
  const resume = { sessionRef: 'ses_1', message: null }
  expect(await driver.canResume({ ...made, resume })).toBe(false)
  await openCodeSession(made.env.HOME ?? '', { id: 'ses_1', directory: made.worktree })
  expect(await driver.canResume({ ...made, resume })).toBe(true)
  expect(await driver.canResume({ ...made, resume, worktree: '/elsewhere' })).toBe(false)
  expect(await driver.canResume({ ...made, resume: { sessionRef: 'ses_2', message: null } })).toBe(false)
})

test('finds the program and its version, and says so when it is missing', async () => {
  const made = await context()
  expect(await driver.detect(made.env, AbortSignal.timeout(10_000))).toMatchObject({
    installed: true,
    version: '1.18.33',
    problem: null,
  })
  const without = { ...made, env: { PATH: '/nonexistent' } }
  await expect(driver.plan(without)).rejects.toMatchObject({ code: 'agent_missing' })
  expect(await driver.detect(without.env, AbortSignal.timeout(5_000))).toMatchObject({ installed: false })
})

const colour = { question: 'Which colour?', options: [{ label: 'Red' }, { label: 'Blue' }] }
test.each([
  [{ hook_event_name: 'SessionStart' }, [{ kind: 'attached' }]],
  [
    { hook_event_name: 'UserPromptSubmit', session_id: 'ses_1', prompt: 'do it' },
    [
      { kind: 'session', sessionRef: 'ses_1', transcript: null },
      { kind: 'started', text: 'do it' },
    ],
  ],
  [{ hook_event_name: 'PreToolUse', tool_name: 'bash' }, [{ kind: 'working', tool: 'bash', failed: false }]],
  [
    { hook_event_name: 'PostToolUseFailure', tool_name: 'bash' },
    [{ kind: 'working', tool: 'bash', failed: true }],
  ],
  [
    {
      hook_event_name: 'PermissionRequest',
      permission: 'bash',
      patterns: ['rm -r x'],
      command: 'rm -r x && ls',
    },
    [{ kind: 'question', about: 'permission', text: 'bash: rm -r x && ls', options: ['yes', 'no'] }],
  ],
  [
    {
      hook_event_name: 'PermissionRequest',
      permission: 'external_directory',
      patterns: ['/tmp/*'],
      command: 'touch /tmp/x',
    },
    [
      {
        kind: 'question',
        about: 'permission',
        text: 'Outside of its worktree (/tmp/*): touch /tmp/x',
        options: ['yes', 'no'],
      },
    ],
  ],
  [
    { hook_event_name: 'PermissionRequest', permission: 'edit', patterns: ['a.ts'] },
    [{ kind: 'question', about: 'permission', text: 'edit: a.ts', options: ['yes', 'no'] }],
  ],
  [
    { hook_event_name: 'Question', questions: [colour] },
    [{ kind: 'question', about: 'question', text: 'Which colour?', options: ['Red', 'Blue'] }],
  ],
  [
    { hook_event_name: 'Question', questions: [{ ...colour, multiple: true }] },
    [{ kind: 'question', about: 'question', text: 'Which colour?', options: [] }],
  ],
  [{ hook_event_name: 'Interrupt' }, [{ kind: 'interrupted' }]],
  [{ hook_event_name: 'PreCompact' }, [{ kind: 'compacted' }]],
  [{ hook_event_name: 'Stop', last_assistant_message: 'Done.' }, [{ kind: 'finished', text: 'Done.' }]],
  [
    { hook_event_name: 'StopFailure', error_details: 'invalid x-api-key' },
    [{ kind: 'failed', text: 'invalid x-api-key' }],
  ],
  [{ hook_event_name: 'Retry', message: 'Connection reset by server', next: 9 }, []],
  [
    { hook_event_name: 'Retry', message: 'Too Many Requests', next: 9_000 },
    [{ kind: 'limit', text: 'Too Many Requests', resetsAt: 9_000 }],
  ],
  [
    { hook_event_name: 'Retry', message: 'Rate limit reached. Please try again in 8s.', next: 9_000 },
    [{ kind: 'limit', text: 'Rate limit reached. Please try again in 8s.', resetsAt: 8_005 }],
  ],
  [
    { hook_event_name: 'Retry', message: 'Free usage exceeded, subscribe to Go', next: 9_000 },
    [{ kind: 'limit', text: 'Free usage exceeded, subscribe to Go', resetsAt: 9_000 }],
  ],
  [{ hook_event_name: 'SessionEnd' }, [{ kind: 'ended', text: null }]],
  [{ hook_event_name: 'Unheard' }, []],
  ['nonsense', []],
  [null, []],
])('understands %j', (payload, events) => {
  expect(driver.interpret(payload, 5)).toEqual(events.map((event) => ({ at: 5, ...event })))
})

test('a dialog on the screen stands in the way of a message; a quiet screen says nothing', () => {
  const permission = [
    '     $ touch one',
    '  ┃  △ Permission required',
    '  ┃    # Shell command',
    '  ┃  $ touch one',
    '  ┃   Allow once   Allow always   Reject        ctrl+f fullscreen  ⇆ select  enter confirm',
  ].join('\n')
  expect(driver.readScreen(permission, 1)).toMatchObject([{ kind: 'question', about: 'permission' }])
  const entries = ['  ┃  Which colours? (select all that apply)', '  ┃  1. [ ] Red', '  ┃  2. [ ] Blue']
  const question = [...entries, '  ┃  ⇆ tab  ↑↓ select  enter toggle  esc dismiss'].join('\n')
  expect(driver.readScreen(question, 1)).toMatchObject([{ kind: 'question', about: 'question' }])
  const rest = [
    '     All done.',
    '     ▣  Build · Claude Opus 5 · 6.4s',
    '  ┃  Build · Claude Opus 5 Anthropic',
    '   /tmp/oc/repo                          1.2K (0%) · $0.01  ctrl+p commands',
  ].join('\n')
  expect(driver.readScreen(rest, 1)).toEqual([])
})

test('answers press what the dialogs expect', () => {
  const permission = { text: 'bash: x', about: 'permission', options: ['yes', 'no'] } as const
  expect(driver.answer(permission, 'Yes')).toEqual(['\r'])
  expect(driver.answer(permission, 'no')).toEqual(['\x1b'])
  expect(driver.answer(permission, 'use git mv')).toEqual(['\x1b', '\x1b[200~use git mv\x1b[201~', '\r'])
  const question = { text: 'Which?', about: 'question', options: ['Red', 'Blue'] } as const
  expect(driver.answer(question, 'blue')).toEqual(['2'])
  expect(driver.answer(question, 'green')).toEqual(['3', '\x1b[200~green\x1b[201~', '\r'])
  // Enter would take the first entry of a dialog that cannot be answered in one line.
  expect(driver.answer({ ...question, options: [] }, 'green')).toEqual([])
})

test.each([
  ['look at @src/main', true],
  ['/compact', true],
  ['ask ada@example.com', false],
  ['@ada: go on', false],
  ['/tmp is a folder', false],
])('the list that “%s” opens is closed before Enter: %s', async (text, closed) => {
  const sent = `${text}${closed ? ' ' : ''}`
  expect(driver.followUp(text)).toEqual([`\x1b[200~${sent}\x1b[201~`, '\r'])
  expect((await driver.plan(await context({ prompt: text }))).args).toEqual([`--prompt=${sent}`])
})

const step = (tokens: object, cost: number) => ({ type: 'step_finish', part: { tokens, cost } })
const told = (messageID: string, text: string) => ({ type: 'text', part: { messageID, text } })

async function headless() {
  const dir = await fakeProgram('opencode', '#!/bin/sh\n')
  const env = {
    PATH: `${dir}:/usr/bin:/bin`,
    HOME: await tempDir('home'),
    OPENAI_API_KEY: 'k',
    GH_TOKEN: 'g',
  }
  const request = {
    prompt: 'Review it.',
    schema: { type: 'object', required: ['findings'] },
    worktree: '/wt',
    model: 'openai/gpt',
    scenario: null,
    runDir: await tempDir(),
    env,
  }
  const plan = await driver.headless?.(request)
  if (!plan) throw new Error('it has a headless mode')
  return plan
}

test('a reviewer may read and nothing else, and nothing that it reads configures it', async () => {
  const plan = await headless()
  expect(plan.args).toEqual(['run', '--format=json', '--title=Quartet', '--model=openai/gpt'])
  expect(settingsOf(plan.env)).toEqual({
    permission: { '*': 'deny', read: 'allow', glob: 'allow', grep: 'allow', list: 'allow' },
  })
  expect(plan.env).toMatchObject({ OPENCODE_DISABLE_PROJECT_CONFIG: '1', OPENAI_API_KEY: 'k' })
  expect(Object.keys(plan.env)).not.toContain('GH_TOKEN')
  expect(plan.input).toContain('Review it.')
  expect(plan.input).toContain('{"type":"object","required":["findings"]}')
})

test('its answer is the last message, and all answers are counted', async () => {
  const plan = await headless()
  const lines = [
    told('msg_1', 'Let me look.'),
    { type: 'tool_use', part: { tool: 'read', state: { status: 'error' } } },
    step({ input: 100, output: 10, reasoning: 5, cache: { read: 50, write: 7 } }, 0.25),
    told('msg_2', '```json\n{"findings":'),
    told('msg_2', '[]}\n```'),
    step({ input: 10, output: 1, reasoning: 0, cache: { read: 0, write: 0 } }, 0.5),
  ]
  const stdout = `a line of its own\n${lines.map((line) => JSON.stringify(line)).join('\n')}\n`
  expect(await plan.read({ code: 0, stdout, stderr: '' })).toEqual({
    value: { findings: [] },
    usage: {
      ...{ inputTokens: 167, cachedTokens: 50, outputTokens: 16, cost: 0.75 },
      ...{ turns: 1, toolCalls: 1, toolFailures: 1, compactions: 0 },
    },
  })
  const free = stdout.replaceAll(/"cost":[\d.]+/g, '"cost":0')
  expect((await plan.read({ code: 0, stdout: free, stderr: '' })).usage?.cost).toBeNull()
})

test('a run that failed or said nothing is no answer', async () => {
  const plan = await headless()
  const error = JSON.stringify({ type: 'error', error: { name: 'APIError', data: { message: 'bad key' } } })
  await expect(plan.read({ code: 1, stdout: error, stderr: '' })).rejects.toMatchObject({
    code: 'agent_exited',
    message: expect.stringContaining('bad key'),
  })
  await expect(plan.read({ code: 0, stdout: error, stderr: '' })).rejects.toThrow('bad key')
  await expect(plan.read({ code: 0, stdout: '', stderr: '' })).rejects.toMatchObject({ code: 'agent_exited' })
})
