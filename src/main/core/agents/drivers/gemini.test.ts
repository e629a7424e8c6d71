import { execFile } from 'node:child_process'
import { appendFile, lstat, mkdir, readdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { LaunchContext } from '../driver.ts'
import { fakeProgram, git, makeContext, makeRepository, noUsage, slot, tempDir } from '../test-support.ts'
import { priceTable } from '../usage/prices.ts'
import { geminiDriver } from './gemini.ts'

const driver = geminiDriver(noUsage)
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const FAKE = `#!/bin/sh
case "$1" in
  --help) echo "--session-id  --skip-trust" ;;
  *) echo 0.61.0 ;;
esac
`
const OLD = '#!/bin/sh\necho 0.20.0\n'

async function context(fields: Partial<LaunchContext> = {}, script = FAKE) {
  const dir = await fakeProgram('gemini', script)
  const made = await makeContext({ slot: slot({ agent: 'gemini' }), worktree: await tempDir(), ...fields })
  const env = {
    PATH: `${dir}:/usr/bin:/bin`,
    HOME: await tempDir('home'),
    GEMINI_API_KEY: 'k',
    OPENAI_API_KEY: 'sk-o',
    GH_TOKEN: 'ghp',
    GEMINI_CLI: '1',
  }
  return { ...made, env: { ...env, ...fields.env } }
}

/** Writes a file of the engineer's home. */
async function atHome(made: { env: { HOME: string } }, name: string, text: string): Promise<string> {
  const file = join(made.env.HOME, name)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, text)
  return file
}

test('starts with the prompt in argv, a trusted folder, and a conversation of our naming', async () => {
  const made = await context({ prompt: '- fix "this" $HOME\n- and that' })
  const plan = await driver.plan(made)
  expect(plan.args).toEqual([
    ...['--skip-trust', '--session-id', plan.sessionRef],
    `--prompt-interactive=${made.prompt}`,
  ])
  expect(plan.sessionRef).toMatch(UUID)
  expect(plan.promptDelivery).toBe('argv')
  expect(plan.env.GEMINI_API_KEY).toBe('k')
  // The last one would silence its hooks: it marks what runs inside of a Gemini CLI.
  for (const name of ['OPENAI_API_KEY', 'GH_TOKEN', 'GEMINI_CLI'])
    expect(Object.keys(plan.env)).not.toContain(name)
})

test('an older version gets no flag that it does not know', async () => {
  const plan = await driver.plan(await context({}, OLD))
  expect(plan.args).toEqual(['--prompt-interactive=Do it.\n'])
  expect(plan.sessionRef).toBeNull()
})

test('quotes around a whole prompt survive its reader of arguments', async () => {
  const plan = await driver.plan(await context({ prompt: '"all of it"' }))
  expect(plan.args.at(-1)).toBe('--prompt-interactive= "all of it"')
})

test('a model, and a conversation that is continued with or without a message', async () => {
  const resume = { sessionRef: 'abc-1', message: null }
  const made = await context({ slot: slot({ agent: 'gemini', model: 'gemini-2.5-pro' }), resume })
  const plan = await driver.plan(made)
  expect(plan.args).toEqual(['--skip-trust', '--model', 'gemini-2.5-pro', '--resume', 'abc-1'])
  expect(plan.sessionRef).toBe('abc-1')
  const again = await driver.plan({ ...made, resume: { ...resume, message: 'go on' } })
  expect(again.args.at(-1)).toBe('--prompt-interactive=go on')
})

test('its home for one launch leads to the engineer’s own, and has our hooks besides', async () => {
  const made = await context()
  const settings = await atHome(made, '.gemini/settings.json', '{"ui":{}}')
  await atHome(made, '.gemini/extensions/theirs/gemini-extension.json', '{}')
  await atHome(made, '.gemini/projects.json', '{}')
  await atHome(made, '.config/x', 'x')
  const { env } = await driver.plan(made)
  const home = env.GEMINI_CLI_HOME ?? ''
  expect(home).toBe(join(made.runDir, 'gemini-home'))
  expect(await realpath(join(home, '.gemini', 'settings.json'))).toBe(settings)
  expect(await readFile(join(home, '.config', 'x'), 'utf8')).toBe('x')
  expect((await readdir(join(home, '.gemini', 'extensions'))).sort()).toEqual(['quartet-hooks', 'theirs'])
  expect(await readdir(join(home, '.gemini'))).not.toContain('projects.json')
  // What it writes goes where it would have gone, be it there already or not.
  await writeFile(join(home, '.gemini', 'oauth_creds.json'), 'token')
  await mkdir(join(home, '.gemini', 'tmp', 'project'))
  expect(await readFile(join(made.env.HOME, '.gemini', 'oauth_creds.json'), 'utf8')).toBe('token')
  expect(await readdir(join(made.env.HOME, '.gemini', 'tmp'))).toEqual(['project'])
  // Made again for the next launch, without a loss.
  await driver.plan(made)
  expect(await readFile(settings, 'utf8')).toBe('{"ui":{}}')
  expect((await lstat(join(home, '.gemini', 'settings.json'))).isSymbolicLink()).toBe(true)
})

test('the extension holds a hook for each event and nothing else, silent inside of another Gemini CLI', async () => {
  const made = await context()
  const { env } = await driver.plan(made)
  const extension = join(env.GEMINI_CLI_HOME ?? '', '.gemini', 'extensions', 'quartet-hooks')
  expect((await readdir(extension)).sort()).toEqual(['gemini-extension.json', 'hooks'])
  const { hooks } = JSON.parse(await readFile(join(extension, 'hooks', 'hooks.json'), 'utf8'))
  expect(Object.keys(hooks)).toEqual([
    ...['SessionStart', 'BeforeAgent', 'AfterAgent', 'BeforeTool', 'AfterTool', 'Notification', 'SessionEnd'],
  ])
  const { command } = hooks.AfterAgent[0].hooks[0]
  expect(command).toContain('quartet-hook.mjs')
  expect(command).not.toContain(made.hook.file)
  const run = promisify(execFile)
  const line = command.replace(/exec .*/, 'echo ran')
  const within = { PATH: '/usr/bin:/bin', GEMINI_CLI: '1' }
  expect((await run('/bin/sh', ['-c', line], { env: within })).stdout).toBe('')
  expect((await run('/bin/sh', ['-c', line], { env: { PATH: '/usr/bin:/bin' } })).stdout).toBe('ran\n')
})

test('in a sandbox it keeps the real home, and that its hooks are not heard there is said', async () => {
  const inEnv = await context({ env: { GEMINI_SANDBOX: 'docker' } })
  expect((await driver.plan({ ...inEnv })).env.GEMINI_CLI_HOME).toBeUndefined()
  const info = await driver.detect(inEnv.env, AbortSignal.timeout(5_000))
  expect(info).toMatchObject({
    installed: true,
    version: '0.61.0',
    problem: expect.stringContaining('sandbox'),
  })
  const inFile = await context()
  await atHome(inFile, '.gemini/settings.json', '{"tools":{"sandbox":"podman"}}')
  expect((await driver.plan(inFile)).env.GEMINI_CLI_HOME).toBeUndefined()
  const off = await context()
  await atHome(off, '.gemini/settings.json', '{"tools":{"sandbox":false}}')
  expect((await driver.plan(off)).env.GEMINI_CLI_HOME).toBeDefined()
  expect((await driver.detect(off.env, AbortSignal.timeout(5_000))).problem).toBeNull()
})

test.each(['{"hooksConfig":{"enabled":false}}', '{"security":{"allowedExtensions":["^x$"]}}'])(
  'settings that silence its hooks are said: %s',
  async (settings) => {
    const made = await context()
    await atHome(made, '.gemini/settings.json', settings)
    const { problem } = await driver.detect(made.env, AbortSignal.timeout(5_000))
    expect(problem).toContain('only its screen tells what it does')
  },
)

test('the engineer’s git configuration reaches its shell, as far as commits depend on it and the repository does not say', async () => {
  const worktree = await makeRepository({ 'a.txt': 'a' })
  const made = await context({ worktree })
  const own =
    '[user]\n\tname = Ada\n\temail = ada@example.com\n[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\trequired\n'
  await atHome(made, '.gitconfig', `${own}[credential]\n\thelper = store\n[core]\n\tsshCommand = evil\n`)
  await git(worktree, 'config', 'user.email', 'team@example.com')
  const { env } = await driver.plan(made)
  const carried = Object.fromEntries(
    Array.from({ length: Number(env.GIT_CONFIG_COUNT) }, (_, i) => [
      env[`GIT_CONFIG_KEY_${i}`],
      env[`GIT_CONFIG_VALUE_${i}`],
    ]),
  )
  expect(carried).toEqual({
    'user.name': 'Ada',
    'filter.lfs.clean': 'git-lfs clean -- %f',
    'filter.lfs.required': 'true',
  })
})

const telemetry = { base: 'http://127.0.0.1:4318', header: { name: 'x-quartet-attempt', value: 'att_1.t' } }

test('it reports its use to us by an address of its own, unless the engineer has it report elsewhere', async () => {
  const made = await context({ telemetry })
  const { env } = await driver.plan(made)
  expect(env).toMatchObject({
    GEMINI_TELEMETRY_ENABLED: 'true',
    GEMINI_TELEMETRY_OTLP_ENDPOINT: 'http://127.0.0.1:4318/att_1.t',
    GEMINI_TELEMETRY_OTLP_PROTOCOL: 'http',
    GEMINI_TELEMETRY_LOG_PROMPTS: 'false',
  })
  // Programs that it runs would send such a header elsewhere.
  expect(Object.keys(env).filter((name) => name.startsWith('OTEL_'))).toEqual([])
  const endpoint = async (fields: Partial<LaunchContext>) =>
    (await driver.plan({ ...made, ...fields })).env.GEMINI_TELEMETRY_OTLP_ENDPOINT
  expect(await endpoint({ telemetry: null })).toBeUndefined()
  expect(
    await endpoint({ env: { ...made.env, HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://p:1' } }),
  ).toBeUndefined()
  expect(await endpoint({ env: { ...made.env, GEMINI_TELEMETRY_ENABLED: 'false' } })).toBeUndefined()
  await atHome(made, '.gemini/settings.json', '{"telemetry":{"enabled":true}}')
  expect(await endpoint({})).toBeUndefined()
})

test('a prompt of 200 kB goes by a file in a folder that it may read, with nothing else in it', async () => {
  const made = await context({ prompt: 'ä'.repeat(100_000) })
  const plan = await driver.plan(made)
  expect(plan.promptDelivery).toBe('file')
  const folder = plan.args[plan.args.indexOf('--include-directories') + 1] ?? ''
  expect(await readdir(folder)).toEqual(['prompt.md'])
  expect(await readFile(join(folder, 'prompt.md'), 'utf8')).toBe(made.prompt)
  expect((await stat(join(folder, 'prompt.md'))).mode & 0o777).toBe(0o600)
  expect(plan.args.at(-1)).toContain(join(folder, 'prompt.md'))
})

test('a conversation can be continued only in its own folder, and while its file is there', async () => {
  const sessionRef = '0c9ae2f8-9e07-4f3f-9f43-6f4c7a4b6f4e'
  const made = await context({ resume: { sessionRef, message: null } })
  expect(await driver.canResume(made)).toBe(false)
  const name = '.gemini/tmp/tree/chats/session-2026-11-28T00-26-0c9ae2f8.jsonl'
  await atHome(made, name, '{"sessionId":"0c9ae2f8-another"}\n')
  const owner = await atHome(made, '.gemini/tmp/tree/.project_root', made.worktree)
  expect(await driver.canResume(made)).toBe(false)
  await atHome(made, name, `{"sessionId":"${sessionRef}"}\n`)
  expect(await driver.canResume(made)).toBe(true)
  await writeFile(owner, '/elsewhere')
  expect(await driver.canResume(made)).toBe(false)
  expect(await driver.canResume({ ...made, resume: { sessionRef: '../x', message: null } })).toBe(false)
})

const SAID = { hook_event_name: 'AfterAgent', prompt: 'go', prompt_response: 'All\nDone.' }
test.each([
  [{ hook_event_name: 'SessionStart', session_id: 's', transcript_path: '/t' }, ['session', 'attached']],
  [{ hook_event_name: 'BeforeAgent', prompt: 'x' }, ['started']],
  [{ hook_event_name: 'BeforeTool', tool_name: 'run_shell_command', tool_input: {} }, ['working']],
  [{ hook_event_name: 'AfterTool', tool_name: 'replace', tool_response: { llmContent: 'x' } }, ['working']],
  [{ ...SAID, last_said: { type: 'gemini', text: 'Done.' } }, ['finished']],
  [{ ...SAID, last_said: { type: 'info', text: 'Request cancelled.' } }, ['interrupted']],
  [{ ...SAID, last_said: { type: 'error', text: '[API Error: terminated]' } }, ['failed']],
  [
    {
      ...SAID,
      last_said: { type: 'error', text: '[API Error: You have exhausted your daily quota on this model.]' },
    },
    ['limit', 'failed'],
  ],
  [{ ...SAID, last_said: { type: 'user', text: null } }, ['failed']],
  // Its transcript could not be read.
  [SAID, ['finished']],
  [{ ...SAID, last_said: null, prompt_response: '[no response text]' }, ['failed']],
  [{ hook_event_name: 'PreCompress', trigger: 'auto' }, []],
  [{ hook_event_name: 'SessionEnd', reason: 'exit' }, ['ended']],
  [
    {
      hook_event_name: 'Notification',
      notification_type: 'ToolPermission',
      details: { type: 'ask_user', title: 'x' },
    },
    [],
  ],
  [{ other: 1 }, []],
])('understands %j', (payload, kinds) => {
  expect(driver.interpret(payload, 1).map((event) => event.kind)).toEqual(kinds)
})

test('the last words of a turn are those of its last answer; a tool that failed is told', () => {
  const [end] = driver.interpret({ ...SAID, last_said: { type: 'gemini', text: 'Done.' } }, 1)
  expect(end).toMatchObject({ text: 'Done.' })
  expect(driver.interpret(SAID, 1)).toMatchObject([{ text: 'All\nDone.' }])
  const failed = {
    hook_event_name: 'AfterTool',
    tool_name: 'replace',
    tool_response: { error: { message: 'x' } },
  }
  expect(driver.interpret(failed, 1)).toMatchObject([{ tool: 'replace', failed: true }])
})

test.each([
  [{ type: 'exec', title: 'Confirm Shell Command', command: 'make' }, 'Confirm Shell Command: make'],
  [{ type: 'edit', title: 'Confirm Edit: a.ts', filePath: '/w/a.ts' }, 'Confirm Edit: a.ts: /w/a.ts'],
  [{ type: 'mcp', title: 'Confirm MCP', serverName: 'db', toolName: 'query' }, 'Confirm MCP: db query'],
])('a permission says what for: %j', (details, text) => {
  expect(driver.interpret({ hook_event_name: 'Notification', details }, 1)).toEqual([
    { kind: 'question', at: 1, about: 'permission', options: ['yes', 'no'], text },
  ])
})

test('a question of the model is shown with its entries', () => {
  const questions = [{ question: 'Which?', options: [{ label: 'Red' }, { label: 'Blue' }] }]
  const payload = { hook_event_name: 'BeforeTool', tool_name: 'ask_user', tool_input: { questions } }
  expect(driver.interpret(payload, 1)).toMatchObject([
    { kind: 'question', about: 'question', text: 'Which?', options: ['Red', 'Blue'] },
  ])
})

const TIPS =
  'Tips for getting started:\n1. Create GEMINI.md files to customize your interactions\n2. /help for more information'
const BAR = '▀'.repeat(20)
const INPUT = `──────\n Shift+Tab to accept edits\n >   Type your message or @path/to/file\n${BAR}`
const asked = (text: string) => `${TIPS}\n${BAR}\n > ${text}\n${BAR}\n`
const framed = (...lines: string[]) =>
  ['╭─╮', ...lines.map((line) => `│ ${line.padEnd(60)} │`), '╰─╯'].join('\n')

test('the limit of a day or longer is read from its dialog, with the time and the ways to go on', () => {
  const screen = `${asked('go')}${framed('Usage limit reached for all Pro models.', 'Access resets at 12:46 AM UTC.', '/stats model for usage details', '', '● 1. Keep trying', '  2. Stop')}`
  const at = new Date(2026, 10, 28, 0, 31).getTime()
  const options = ['Keep trying', 'Stop']
  expect(driver.readScreen(screen, at)).toEqual([
    {
      kind: 'limit',
      at,
      text: 'Usage limit reached for all Pro models.',
      resetsAt: new Date(2026, 10, 28, 0, 46).getTime(),
      question: { text: 'Usage limit reached for all Pro models.', about: 'question', options },
    },
  ])
  expect(driver.answer({ text: '', about: 'question', options }, 'keep trying')).toEqual(['1'])
})

test('an error that is its last word is read from the screen, an older one is not', () => {
  const error =
    '✕ [API Error: {"error":{"code":400,"message":"Request contains an invalid\n  argument."}}]\nℹ This request failed. Press F12 for diagnostics'
  expect(driver.readScreen(`${asked('go')}\n${error}\n${INPUT}`, 1)).toMatchObject([
    { kind: 'failed', text: expect.stringContaining('an invalid argument.') },
  ])
  expect(driver.readScreen(`${asked('go')}\n${error}\n > again\n${BAR}\n✦ Done.\n${INPUT}`, 1)).toEqual([])
  expect(
    driver.readScreen(`${asked('go')}\n${error}\n > again\n${BAR}\n ⠋ Thinking...\n${INPUT}`, 1),
  ).toEqual([])
  const cancelled = `${asked('go')}✦ I begin\nℹ Request cancelled.\n${INPUT}`
  expect(driver.readScreen(cancelled, 1)).toEqual([{ kind: 'interrupted', at: 1 }])
  expect(driver.readScreen(`${asked('go')}✦ Done.\n${INPUT}`, 1)).toEqual([])
})

test.each([
  [
    'trust',
    framed(
      'Do you trust the files in this folder?',
      '',
      '● 1. Trust folder (repo)',
      '  2. Trust parent folder (gem)',
      "  3. Don't trust",
    ),
    3,
  ],
  [
    'auth',
    framed(
      '? Get started',
      'How would you like to authenticate for this project?',
      '  1. Sign in with Google',
      '● 2. Use Gemini API Key',
      '  3. Vertex AI',
    ),
    3,
  ],
  [
    'permission',
    framed(
      'Allow execution of [Shell]?',
      '● 1. Allow once',
      '  2. Allow for this session',
      '  3. No, suggest changes (esc)',
    ),
    2,
  ],
])('a dialog about %s is a question, its entries without the tips above it', (about, dialog, entries) => {
  const [event] = driver.readScreen(`${TIPS}\n${dialog}`, 1)
  expect(event).toMatchObject({ kind: 'question', about })
  expect(event?.kind === 'question' && event.options).toHaveLength(entries)
})

test('answers press what the dialogs expect', () => {
  const permission = { text: 'x', about: 'permission', options: ['yes', 'no'] } as const
  expect(driver.answer(permission, 'yes')).toEqual(['1'])
  expect(driver.answer(permission, 'no')).toEqual(['\x1b'])
  expect(driver.answer(permission, 'use make')).toEqual(['\x1b', '\x1b[200~use make\x1b[201~', '\r'])
  const trust = {
    text: 'x',
    about: 'trust',
    options: ['Trust folder (r)', 'Trust parent folder (p)', "Don't trust"],
  } as const
  expect(driver.answer(trust, 'yes')).toEqual(['1'])
  expect(driver.answer(trust, 'trust parent folder (p)')).toEqual(['2'])
  expect(driver.answer(trust, 'no')).toEqual(['3'])
})

test('without the program it says so', async () => {
  const made = await makeContext({
    slot: slot({ agent: 'gemini' }),
    worktree: await tempDir(),
    env: { PATH: '/nonexistent' },
  })
  await expect(driver.plan(made)).rejects.toMatchObject({ code: 'agent_missing' })
  expect(await driver.detect(made.env, AbortSignal.timeout(5_000))).toMatchObject({
    installed: false,
    problem: expect.stringContaining('gemini'),
  })
})

const price = { input: 1, cachedInput: 0.1, cacheWrite: null, cacheWrite1h: null, output: 10 }
const prices = priceTable([{ model: 'gemini-2.5-pro', ...price, asOf: '2026-11-28', source: 'test' }])

async function headless() {
  const made = await context()
  const priced = geminiDriver({ ...noUsage, prices: async () => prices })
  const plan = await priced.headless?.({
    prompt: 'Look.',
    schema: { type: 'object', required: ['summary'] },
    worktree: made.worktree,
    model: 'gemini-2.5-pro',
    scenario: null,
    runDir: made.runDir,
    env: made.env,
  })
  if (!plan) throw new Error('no headless mode')
  return { plan, made }
}

test('a reviewer reads without a terminal, may call nothing but tools that read, and is told the schema', async () => {
  const { plan } = await headless()
  expect(plan.args).toEqual(
    expect.arrayContaining(['--skip-trust', '--output-format', 'json', '--approval-mode', 'default']),
  )
  expect(plan.args.slice(-6)).toEqual([
    ...['--allowed-mcp-server-names', 'none', '--extensions', 'none', '--model', 'gemini-2.5-pro'],
  ])
  const policy = await readFile(plan.args[plan.args.indexOf('--policy') + 1] ?? '', 'utf8')
  expect(policy).toMatch(/toolName = "\*"\ndecision = "deny"\npriority = 998/)
  expect(policy).not.toContain('run_shell_command')
  expect(plan.input).toContain('Look.')
  expect(plan.input).toContain('{"type":"object","required":["summary"]}')
  expect(plan.env.GEMINI_CLI_HOME).toBeUndefined()
})

test('its answer is JSON in words, and what it cost is told; an error is said in its own words', async () => {
  const { plan } = await headless()
  const tokens = { prompt: 1_000_000, cached: 400_000, candidates: 60_000, thoughts: 40_000, tool: 0 }
  const stats = { models: { 'gemini-2.5-pro': { tokens } }, tools: { totalCalls: 2, totalFail: 1 } }
  const stdout = JSON.stringify({ response: '```json\n{"summary":"good"}\n```', stats })
  const { value, usage } = await plan.read({ code: 0, stdout, stderr: 'Warning: x' })
  expect(value).toEqual({ summary: 'good' })
  expect(usage).toMatchObject({
    inputTokens: 1_000_000,
    cachedTokens: 400_000,
    outputTokens: 100_000,
    toolCalls: 2,
    toolFailures: 1,
  })
  expect(usage?.cost).toBeCloseTo(0.6 + 0.04 + 1, 9)
  const failed = JSON.stringify({
    error: { type: 'Error', message: 'Request contains an invalid argument.', code: 400 },
  })
  await expect(plan.read({ code: 144, stdout: failed, stderr: '' })).rejects.toThrow(/invalid argument/)
  await expect(plan.read({ code: 0, stdout: '', stderr: 'no key' })).rejects.toThrow(/no key/)
  const words = JSON.stringify({ response: 'Looks good to me.' })
  await expect(plan.read({ code: 0, stdout: words, stderr: '' })).rejects.toThrow(/did not answer with JSON/)
})

test('our hook program tells what the transcript says last', async () => {
  const made = await context()
  const transcript = join(made.runDir, 'chat.jsonl')
  const missed = join(made.runDir, 'missed.jsonl')
  await writeFile(made.hook.file, JSON.stringify({ socket: join(made.runDir, 'nobody'), token: 't' }))
  const report = async (...records: object[]) => {
    for (const record of records) await appendFile(transcript, `${JSON.stringify(record)}\n`)
    const [program = '', ...args] = made.hook.command
    const payload = JSON.stringify({ ...SAID, transcript_path: transcript })
    await promisify(execFile)(program, [...args, 'gemini', '--file', made.hook.file, payload])
    const lines = (await readFile(missed, 'utf8')).trim().split('\n')
    return JSON.parse(lines.at(-1) ?? '').payload.last_said
  }
  expect(await report()).toBeNull()
  const set = { $set: { lastUpdated: 'x' } }
  const answer = { id: 'a', type: 'gemini', content: 'Done.', tokens: {} }
  expect(await report({ sessionId: 's' }, { id: 'u', type: 'user', content: [] }, answer, set)).toEqual({
    type: 'gemini',
    text: 'Done.',
  })
  const error = { id: 'e', type: 'error', content: '[API Error: terminated]' }
  const remark = { id: 'i', type: 'info', content: 'This request failed. Press F12' }
  expect(await report(error, remark, set)).toEqual({ type: 'error', text: error.content })
  const cancelled = { id: 'c', type: 'info', content: 'Request cancelled.' }
  expect(await report(cancelled, set)).toEqual({ type: 'info', text: 'Request cancelled.' })
  // A line that is longer than what is read of the end.
  expect(await report({ id: 'l', type: 'gemini', content: 'x'.repeat(600_000) })).toBeNull()
})
