import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LaunchContext } from '../driver.ts'
import {
  addWorktree,
  fakeProgram,
  makeContext,
  makeRepository,
  noUsage,
  slot,
  tempDir,
} from '../test-support.ts'
import { codexDriver, commitFolders } from './codex.ts'

/** A stand-in for what a test must not wait for: answers `--version`, `--help` and `hooks/list` as Codex 0.169 does. */
const FAKE = `#!${process.execPath}
const args = process.argv.slice(2)
require('fs').appendFileSync(__filename + '.calls', JSON.stringify(args) + '\\n')
if (args.includes('--version')) console.log('codex-cli 0.169.0')
else if (args.includes('--help')) console.log('  --no-daemon  Run without the shared background server')
else if (args.at(-1) === 'app-server') {
  const events = args.filter((arg) => arg.startsWith('hooks.')).map((arg) => arg.slice(6, arg.indexOf('=')))
  require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id } = JSON.parse(line)
    if (id === 1) console.log('{"id":1,"result":{}}')
    if (id !== 2) return
    const hooks = events.map((event) => ({ key: '/<session-flags>/config.toml:' + event, currentHash: 'sha256:' + event, source: 'sessionFlags' }))
    hooks.unshift({ key: '/home/config.toml:stop', currentHash: 'sha256:user', source: 'user' })
    console.log('{"method":"noise"}')
    console.log(JSON.stringify({ id: 2, result: { data: [{ hooks }] } }))
  })
}
`
/** A version that knows neither hooks nor the server. */
const OLD = `#!/bin/sh
case "$*" in *--version*) echo codex-cli 0.40.0;; *--help*) echo usage;; *) exit 2;; esac
`

async function context(program = FAKE, fields: Partial<LaunchContext> = {}) {
  const dir = await fakeProgram('codex', program)
  const worktree = fields.worktree ?? (await tempDir())
  const made = await makeContext({ slot: slot({ agent: 'codex' }), worktree, ...fields })
  return {
    ...made,
    bin: dir,
    env: {
      PATH: `${dir}:${process.env.PATH}`,
      HOME: await tempDir('home'),
      OPENAI_API_KEY: 'sk-o',
      GITHUB_TOKEN: 'ghp',
      MY_KEY: 'k',
    },
  }
}
const newDriver = () => codexDriver(noUsage)

/** The value of each `-c name=…`. */
const overrides = (args: readonly string[]) =>
  Object.fromEntries(
    args.flatMap((arg, index) => {
      if (args[index - 1] !== '-c') return []
      const at = arg.indexOf('=')
      return [[arg.slice(0, at), arg.slice(at + 1)]]
    }),
  )

test('it reports its use to us, unless it is too old or the engineer has it report elsewhere', async () => {
  const telemetry = { base: 'http://127.0.0.1:4318', header: { name: 'x-quartet-attempt', value: 'att_1.t' } }
  const made = await context(FAKE, { telemetry })
  const exporter = async () => {
    const { args, env } = await newDriver().plan(made)
    const { 'otel.exporter': value } = overrides(args)
    // One without the other would be refused, or go where the engineer's own reports go.
    expect(env.OTEL_EXPORTER_OTLP_LOGS_HEADERS).toBe(value && 'x-quartet-attempt=att_1.t')
    return value
  }
  expect(await exporter()).toBe('{otlp-http={endpoint="http://127.0.0.1:4318/v1/logs",protocol="json"}}')
  const { args } = await newDriver().plan(made)
  expect(overrides(args)['otel.log_user_prompt']).toBe('false')
  // Other users read the arguments, and what it runs inherits its environment.
  expect(args.join(' ')).not.toContain('att_1.t')
  expect(overrides(args)['shell_environment_policy.set.OTEL_EXPORTER_OTLP_LOGS_HEADERS']).toBe('""')
  const config = join(made.env.HOME, '.codex', 'config.toml')
  await mkdir(join(config, '..'), { recursive: true })
  for (const own of ['[otel]\nexporter = "none"', 'otel.environment = "x"', '[otel.exporter.otlp-grpc]']) {
    await writeFile(config, `model = "m"\n${own}\n`)
    expect(await exporter()).toBeUndefined()
  }
  const old = await context(OLD, { telemetry })
  const plan = await newDriver().plan(old)
  expect(overrides(plan.args)['otel.exporter']).toBeUndefined()
  expect(plan.env.OTEL_EXPORTER_OTLP_LOGS_HEADERS).toBeUndefined()
})

test('starts with hooks, consent to exactly ours, trust in exactly this folder, and the prompt in argv', async () => {
  const made = await context(FAKE, { prompt: '- fix this' })
  const plan = await newDriver().plan(made)
  const config = overrides(plan.args)
  expect(plan.args[0]).toBe('--no-daemon')
  expect(plan.args.slice(-2)).toEqual(['--', '- fix this'])
  expect(config.projects).toBe(`{"${made.worktree}"={trust_level="trusted"}}`)
  expect(config['hooks.Stop']).toMatch(
    /^\[\{hooks=\[\{type="command",command=".*quartet-hook\.mjs codex",timeout=10\}\]\}\]$/,
  )
  expect(config['hooks.state']).toContain('"/<session-flags>/config.toml:Stop"={trusted_hash="sha256:Stop"}')
  expect(config['hooks.state']).not.toContain('user')
  expect(Object.keys(config)).not.toContain('notify')
  expect(plan.args).not.toContain('--dangerously-bypass-hook-trust')
  expect(plan.sessionRef).toBeNull()
  expect(plan.env.OPENAI_API_KEY).toBe('sk-o')
  expect(Object.keys(plan.env)).not.toContain('GITHUB_TOKEN')
  expect(Object.keys(plan.env)).not.toContain('MY_KEY')
})

test('the key that the engineer’s own provider is configured to use is passed on', async () => {
  const made = await context()
  await mkdir(join(made.env.HOME, '.codex'), { recursive: true })
  await writeFile(join(made.env.HOME, '.codex', 'config.toml'), '[model_providers.q]\nenv_key = "MY_KEY"\n')
  expect((await newDriver().plan(made)).env.MY_KEY).toBe('k')
})

test('a version without hooks reports the end of its turns by notify', async () => {
  const plan = await newDriver().plan(await context(OLD))
  expect(overrides(plan.args).notify).toMatch(/^\[".*","codex"\]$/)
  expect(plan.args).not.toContain('--no-daemon')
})

test('Codex is asked for its hashes once, not at each start', async () => {
  const made = await context()
  const driver = newDriver()
  await Promise.all([driver.plan(made), driver.plan(made), driver.plan(made)])
  await driver.plan(made)
  const calls = await readFile(join(made.bin, 'codex.calls'), 'utf8')
  expect(calls.match(/"app-server"/g)).toHaveLength(1)
})

test('a conversation is continued by its id, with or without a message', async () => {
  const made = await context(FAKE, { resume: { sessionRef: 'abc-1', message: 'go on' } })
  const driver = newDriver()
  expect((await driver.plan(made)).args.slice(-4)).toEqual(['resume', 'abc-1', '--', 'go on'])
  expect(
    (await driver.plan({ ...made, resume: { sessionRef: 'abc-1', message: null } })).args.slice(-2),
  ).toEqual(['resume', 'abc-1'])
  expect(await driver.canResume(made)).toBe(false)
  const dir = join(made.env.HOME, '.codex', 'sessions', '2026', '11', '22')
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'rollout-2026-11-22T10-00-00-abc-1.jsonl'), '{}\n')
  expect(await driver.canResume(made)).toBe(true)
})

test('a prompt of 200 kB goes by its file', async () => {
  const made = await context(FAKE, { prompt: 'x'.repeat(200_000) })
  const plan = await newDriver().plan(made)
  expect(plan.promptDelivery).toBe('file')
  expect(plan.args.at(-1)).toContain(made.promptFile)
})

test('it may write where a commit of this worktree writes, and nowhere else in the repository', async () => {
  const repo = await makeRepository({ 'a.txt': 'a' })
  const worktree = await addWorktree(repo, 'quartet/hours-abc123/r1a1')
  const folders = await commitFolders(worktree, 'quartet/hours-abc123/r1a1')
  const shared = join(repo, '.git')
  expect(folders).toEqual([
    join(shared, 'worktrees', 'tree'),
    join(shared, 'objects'),
    join(shared, 'refs/heads/quartet/hours-abc123'),
    join(shared, 'logs/refs/heads/quartet/hours-abc123'),
  ])
  for (const folder of folders) expect((await stat(folder)).isDirectory()).toBe(true)
  expect(await commitFolders(repo, 'main')).toEqual([])
  const plan = await newDriver().plan(await context(FAKE, { worktree }))
  expect(plan.args.filter((_arg, index) => plan.args[index - 1] === '--add-dir')).toEqual(folders)
})

test.each([
  [{ hook_event_name: 'SessionStart', session_id: 's', transcript_path: '/t' }, ['session', 'attached']],
  [{ hook_event_name: 'UserPromptSubmit', prompt: 'x' }, ['started']],
  [
    { hook_event_name: 'PermissionRequest', tool_name: 'Bash', tool_input: { command: 'touch /etc/x' } },
    ['question'],
  ],
  [{ hook_event_name: 'Interrupt' }, ['interrupted']],
  [{ hook_event_name: 'Stop', last_assistant_message: null }, ['finished']],
  [{ hook_event_name: 'PreCompact' }, ['compacted']],
  [{ hook_event_name: 'SessionEnd' }, ['ended']],
  [{ type: 'agent-turn-complete', 'last-assistant-message': 'x' }, ['finished']],
  [{ type: 'other' }, []],
])('understands %j', (payload, kinds) => {
  expect(
    newDriver()
      .interpret(payload, 1)
      .map((event) => event.kind),
  ).toEqual(kinds)
})

test('an error under the last message is read from the screen; an old one is not', () => {
  const driver = newDriver()
  const failed =
    '› a fatal one\n\n■ unexpected status 401 Unauthorized: bad key\n\n› Ask Codex to do anything\n'
  expect(driver.readScreen(failed, 1)).toMatchObject([
    { kind: 'failed', text: expect.stringContaining('401') },
  ])
  expect(
    driver.readScreen(
      `${failed.replace('› Ask Codex to do anything\n', '')}› another\n• Done.\n› Ask Codex to do anything\n`,
      1,
    ),
  ).toEqual([])
  const limited =
    '› go\n■ exceeded retry limit, last status: 429 Too Many Requests\n› Ask Codex to do anything'
  expect(driver.readScreen(limited, 1).map((event) => event.kind)).toEqual(['limit', 'failed'])
  expect(driver.readScreen('› go\n■ Conversation interrupted - use /feedback\n› Ask Codex', 1)).toEqual([])
})

test('the trust dialog is a question', () => {
  const screen =
    '  Folder access\n  /tmp/wt\n\n  Trust this folder? Codex can read, edit, and run files here.\n\n› 1. Trust and continue\n  2. Back\n\n  enter continue · esc back'
  expect(newDriver().readScreen(screen, 1)).toMatchObject([{ kind: 'question', about: 'trust' }])
})

test('answers press what the dialogs expect', () => {
  const permission = { text: 'x', about: 'permission', options: ['yes', 'no'] } as const
  const driver = newDriver()
  expect(driver.answer(permission, 'yes')).toEqual(['y'])
  expect(driver.answer(permission, 'no')).toEqual(['\x1b'])
  expect(driver.answer({ ...permission, about: 'trust' }, 'yes')).toEqual(['\r'])
})

test('a limit that it waits out by itself is read from its line of progress, an old one is not', () => {
  const busy = [
    '› Add a file',
    '',
    '• Server is busy, reconnecting 3/3 (56s • esc to interrupt)',
    '  └ Exceeded retry limit, last status: 429 Too Many Requests',
    '› Ask Codex to do anything',
  ]
  expect(newDriver().readScreen(busy.join('\n'), 7)).toMatchObject([{ kind: 'limit', at: 7, resetsAt: null }])
  expect(newDriver().readScreen([...busy.slice(2, 4), '› Go on', '• Working'].join('\n'), 7)).toEqual([])
})

test('an announcement on start is a question, with the entries of its list', () => {
  const screen = [
    '  Meet the next model',
    '› 1. Try new model          ',
    '  2. Use existing model',
    '  enter/esc confirm · ^c quit',
  ].join('\n')
  const [event] = newDriver().readScreen(screen, 1)
  const options = ['Try new model', 'Use existing model']
  expect(event).toMatchObject({ kind: 'question', about: 'question', options })
  const question = { text: '', about: 'question', options } as const
  expect(newDriver().answer(question, 'use existing model')).toEqual(['2'])
})
