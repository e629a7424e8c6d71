import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LaunchContext } from '../driver.ts'
import { fakeProgram, makeContext, noUsage, slot, tempDir } from '../test-support.ts'
import { claudeDriver } from './claude.ts'

const driver = claudeDriver(noUsage)
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

async function context(fields: Partial<LaunchContext> = {}): Promise<LaunchContext> {
  const dir = await fakeProgram('claude', '#!/bin/sh\necho "2.1.330 (Claude Code)"\n')
  const made = await makeContext({ slot: slot({ agent: 'claude' }), worktree: await tempDir(), ...fields })
  return {
    ...made,
    env: {
      PATH: `${dir}:/usr/bin:/bin`,
      HOME: await tempDir('home'),
      ANTHROPIC_API_KEY: 'sk-ant-x',
      OPENAI_API_KEY: 'sk-o',
      GH_TOKEN: 'ghp',
    },
  }
}

test('starts with the prompt in argv, settings of this launch and a session id of ours', async () => {
  const made = await context({ prompt: '- fix "this" $HOME\n- and that' })
  const plan = await driver.plan(made)
  const settings = join(made.runDir, 'claude-settings.json')
  expect(plan.args).toEqual(['--settings', settings, '--session-id', plan.sessionRef, '--', made.prompt])
  expect(plan.sessionRef).toMatch(UUID)
  expect(plan.promptDelivery).toBe('argv')
  expect(plan.file).toMatch(/\/claude$/)
  expect(plan.env.ANTHROPIC_API_KEY).toBe('sk-ant-x')
  expect(Object.keys(plan.env)).not.toContain('OPENAI_API_KEY')
  expect(Object.keys(plan.env)).not.toContain('GH_TOKEN')
})

test('the settings hold a hook for each event and nothing else', async () => {
  const made = await context()
  await driver.plan(made)
  const settings = JSON.parse(await readFile(join(made.runDir, 'claude-settings.json'), 'utf8'))
  expect(Object.keys(settings)).toEqual(['hooks'])
  expect(Object.keys(settings.hooks)).toEqual(
    expect.arrayContaining(['SessionStart', 'UserPromptSubmit', 'Stop', 'PermissionRequest', 'SessionEnd']),
  )
  const { command } = settings.hooks.Stop[0].hooks[0]
  expect(command).toContain('quartet-hook.mjs')
  expect(command).not.toContain(made.hook.file)
})

test('a model, and a conversation that is continued with or without a message', async () => {
  const sessionRef = '0c9ae2f8-9e07-4f3f-9f43-6f4c7a4b6f4e'
  const made = await context({
    slot: slot({ agent: 'claude', model: 'opus' }),
    resume: { sessionRef, message: null },
  })
  const settings = join(made.runDir, 'claude-settings.json')
  const plan = await driver.plan(made)
  expect(plan.args).toEqual(['--settings', settings, '--resume', sessionRef, '--model', 'opus'])
  const again = await driver.plan({ ...made, resume: { sessionRef, message: 'go on' } })
  expect(again.args.slice(-2)).toEqual(['--', 'go on'])
  expect(again.sessionRef).toBe(sessionRef)
})

const telemetry = { base: 'http://127.0.0.1:4318', header: { name: 'x-quartet-attempt', value: 'att_1.t' } }

test('it reports its use to us, unless the engineer has it report elsewhere or a proxy stands in between', async () => {
  const made = await context({ telemetry })
  const exporting = async (fields: Partial<LaunchContext>) =>
    (await driver.plan({ ...made, ...fields })).env.OTEL_EXPORTER_OTLP_ENDPOINT
  const { env } = await driver.plan(made)
  expect(env).toMatchObject({
    CLAUDE_CODE_ENABLE_TELEMETRY: '1',
    OTEL_EXPORTER_OTLP_ENDPOINT: telemetry.base,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-quartet-attempt=att_1.t',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_LOG_USER_PROMPTS: '0',
  })
  expect(await exporting({ telemetry: null })).toBeUndefined()
  expect(await exporting({ env: { ...made.env, CLAUDE_CODE_ENABLE_TELEMETRY: '1' } })).toBeUndefined()
  const proxied = { ...made.env, https_proxy: 'http://p:1', HTTP_PROXY: 'http://p:1' }
  expect(await exporting({ env: proxied })).toBeUndefined()
  expect(await exporting({ env: { ...proxied, no_proxy: 'a, 127.0.0.1', NO_PROXY: '*' } })).toBe(
    telemetry.base,
  )
  const home = join(made.env.HOME ?? '', '.claude')
  await mkdir(home, { recursive: true })
  await writeFile(join(home, 'settings.json'), '{"env":{"CLAUDE_CODE_ENABLE_TELEMETRY":"1"}}')
  expect(await exporting({})).toBeUndefined()
})

test('a prompt of 200 kB goes by its file, which it may read without asking', async () => {
  const made = await context({ prompt: 'ä'.repeat(100_000) })
  const plan = await driver.plan(made)
  expect(plan.promptDelivery).toBe('file')
  expect(Math.max(...plan.args.map((arg) => Buffer.byteLength(arg)))).toBeLessThan(128 * 1024)
  expect(plan.args).toContain(`Read(/${made.promptFile})`)
  expect(plan.args.at(-1)).toContain(made.promptFile)
})

test('a conversation can be continued only while its transcript is there', async () => {
  const made = await context()
  const resume = { sessionRef: 'abc-1', message: null }
  expect(await driver.canResume({ ...made, resume })).toBe(false)
  const dir = join(made.env.HOME ?? '', '.claude', 'projects', '-some-folder')
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'abc-1.jsonl'), '{}\n')
  expect(await driver.canResume({ ...made, resume })).toBe(true)
  expect(await driver.canResume({ ...made, resume: { sessionRef: '../abc-1', message: null } })).toBe(false)
})

test('without the program it says so', async () => {
  const made = await makeContext({
    slot: slot({ agent: 'claude' }),
    worktree: await tempDir(),
    env: { PATH: '/nonexistent' },
  })
  await expect(driver.plan(made)).rejects.toMatchObject({ code: 'agent_missing' })
  expect(await driver.detect(made.env, AbortSignal.timeout(5_000))).toMatchObject({
    installed: false,
    version: null,
  })
})

test('finds the program and its version', async () => {
  const made = await context()
  expect(await driver.detect(made.env, AbortSignal.timeout(10_000))).toMatchObject({
    installed: true,
    version: '2.1.330',
    problem: null,
  })
})

test.each([
  [
    { hook_event_name: 'SessionStart', session_id: 's', transcript_path: '/t' },
    [{ kind: 'session', sessionRef: 's', transcript: '/t' }, { kind: 'attached' }],
  ],
  [{ hook_event_name: 'UserPromptSubmit', prompt: 'do it' }, [{ kind: 'started', text: 'do it' }]],
  [{ hook_event_name: 'PreToolUse', tool_name: 'Bash' }, [{ kind: 'working', tool: 'Bash', failed: false }]],
  [
    { hook_event_name: 'PostToolUseFailure', tool_name: 'Bash' },
    [{ kind: 'working', tool: 'Bash', failed: true }],
  ],
  [
    {
      hook_event_name: 'PermissionRequest',
      tool_name: 'Bash',
      tool_input: { command: 'rm -r x', description: 'Remove x' },
    },
    [{ kind: 'question', about: 'permission', text: 'Bash: rm -r x (Remove x)', options: ['yes', 'no'] }],
  ],
  [
    {
      hook_event_name: 'PermissionRequest',
      tool_name: 'AskUserQuestion',
      tool_input: {
        questions: [{ question: 'Which colour?', options: [{ label: 'Red' }, { label: 'Blue' }] }],
      },
    },
    [{ kind: 'question', about: 'question', text: 'Which colour?', options: ['Red', 'Blue'] }],
  ],
  [
    { hook_event_name: 'Notification', notification_type: 'permission_prompt', message: 'needs permission' },
    [],
  ],
  [
    { hook_event_name: 'Notification', notification_type: 'idle_prompt', message: 'waiting' },
    [{ kind: 'interrupted' }],
  ],
  [{ hook_event_name: 'Stop', last_assistant_message: 'Done.' }, [{ kind: 'finished', text: 'Done.' }]],
  [{ hook_event_name: 'Stop', agent_id: 'sub' }, []],
  [{ hook_event_name: 'StopFailure', error_details: '500 oops' }, [{ kind: 'failed', text: '500 oops' }]],
  [{ hook_event_name: 'SessionEnd', reason: 'other' }, [{ kind: 'ended', text: 'other' }]],
  [{ hook_event_name: 'Unheard', x: 1 }, []],
  ['nonsense', []],
  [null, []],
])('understands %j', (payload, events) => {
  expect(driver.interpret(payload, 5)).toEqual(events.map((event) => ({ at: 5, ...event })))
})

test('a limit in a failure is told apart', () => {
  const events = driver.interpret(
    { hook_event_name: 'StopFailure', error_details: "You've hit your session limit · resets 3pm (UTC)" },
    0,
  )
  expect(events.map((event) => event.kind)).toEqual(['limit', 'failed'])
})

test('the trust dialog of a fresh folder is a question; its answer does not press the wrong entry', () => {
  const screen = [
    '────────────────',
    ' Accessing workspace:',
    ' /tmp/agents/wt',
    ' Quick safety check: Is this a project you created or one you trust?',
    ' ❯ No, exit',
    '   Yes, I trust this folder',
    ' Enter to confirm · Esc to cancel',
  ].join('\n')
  const [event] = driver.readScreen(screen, 1)
  expect(event).toMatchObject({ kind: 'question', about: 'trust', options: ['yes', 'no'] })
  const question = { text: '', about: 'trust', options: ['yes', 'no'] } as const
  expect(driver.answer(question, 'yes')).toEqual(['\x1b[B', '\r'])
  expect(driver.answer(question, 'no')).toEqual(['\x1b'])
})

test('a quiet screen without a dialog says nothing', () => {
  expect(
    driver.readScreen('● All done, I committed the file.\n✻ Brewed for 1s\n❯ \n ⏵⏵ accept edits on', 1),
  ).toEqual([])
})

test('answers press what the dialogs expect', () => {
  const permission = { text: 'Bash: x', about: 'permission', options: ['yes', 'no'] } as const
  expect(driver.answer(permission, 'Yes')).toEqual(['1'])
  expect(driver.answer(permission, 'no')).toEqual(['\x1b'])
  expect(driver.answer(permission, 'use git mv')).toEqual(['\x1b', '\x1b[200~use git mv\x1b[201~', '\r'])
  const question = { text: 'Which?', about: 'question', options: ['Red', 'Blue'] } as const
  expect(driver.answer(question, 'blue')).toEqual(['2'])
  expect(driver.answer(question, 'green')[0]).toBe('3')
})

test('what is pasted cannot end the paste or act as a key', () => {
  const writes = driver.followUp('one\x1b[201~\rtwo\x03\r\nthree')
  expect(writes).toEqual(['\x15', '\x1b[200~one[201~\ntwo\nthree\x1b[201~', '\r'])
})
