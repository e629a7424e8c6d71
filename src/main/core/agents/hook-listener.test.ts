import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { Redactor } from '../../kernel/redact.ts'
import { type HookListener, type HookMessage, listenForHooks } from './hook-listener.ts'
import { hookCommand } from './programs.ts'
import { RESOURCES, tempDir, until } from './test-support.ts'

async function listen(dir?: string) {
  const messages: HookMessage[] = []
  const redactor = new Redactor()
  const listener: HookListener = await listenForHooks({
    dir: dir ?? (await tempDir('hooks')),
    log: silentLogger,
    clock: systemClock,
    redactor,
    onMessage: (message) => messages.push(message),
  })
  onTestFinished(() => listener.close())
  return { listener, messages, redactor }
}

/** Runs the shipped hook program with a payload on standard input, as an agent does. */
function runHook(file: string | null, payload: string, args: string[] = ['claude']) {
  const [program = '', ...first] = hookCommand(process.execPath, RESOURCES)
  const env = { PATH: process.env.PATH, ...(file === null ? {} : { QUARTET_HOOK_FILE: file }) }
  const child = spawn(program, [...first, ...args], { env })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  child.stdin.on('error', () => {})
  child.stdin.end(payload)
  return new Promise<{ code: number | null; output: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, output })),
  )
}

const descriptor = async (file: string): Promise<{ socket: string; token: string }> =>
  JSON.parse(await readFile(file, 'utf8'))

/** Writes raw bytes to the socket and waits until the other side hangs up or we do. */
function writeRaw(socket: string, parts: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const client = connect(socket)
    client.on('error', () => resolve())
    client.on('close', () => resolve())
    client.resume()
    client.on('connect', () => {
      for (const part of parts) client.write(part)
      client.end()
    })
  })
}

test('an agent reports through the hook program, and nothing is printed', async () => {
  const { listener, messages } = await listen()
  const door = await listener.open('att_1', await tempDir('run'))
  const result = await runHook(door.file, JSON.stringify({ hook_event_name: 'Stop', session_id: 's1' }))
  expect(result).toEqual({ code: 0, output: '' })
  const message = await until(() => messages[0])
  expect(message).toMatchObject({
    attemptId: 'att_1',
    payload: { hook_event_name: 'Stop', session_id: 's1' },
  })
})

test('a payload in argv is taken as well, and --file goes before the environment', async () => {
  const { listener, messages } = await listen()
  const door = await listener.open('att_1', await tempDir('run'))
  await runHook('/nonexistent', '', ['codex', '--file', door.file, '{"type":"agent-turn-complete"}'])
  expect((await until(() => messages[0])).payload).toEqual({ type: 'agent-turn-complete' })
})

test('the socket and the descriptor are for the owner alone', async () => {
  const dir = await tempDir('hooks')
  const { listener } = await listen(dir)
  const door = await listener.open('att_1', await tempDir('run'))
  const { socket } = await descriptor(door.file)
  const mode = async (path: string) => (await stat(path)).mode & 0o777
  expect([await mode(dir), await mode(socket), await mode(door.file)]).toEqual([0o700, 0o600, 0o600])
})

test('huge payloads are cut by the hook program to what tells the state', async () => {
  const { listener, messages } = await listen()
  const door = await listener.open('att_1', await tempDir('run'))
  const payload = {
    hook_event_name: 'PostToolUse',
    tool_response: { stdout: 'x'.repeat(3_000_000) },
    tool_input: { items: Array.from({ length: 5_000 }, () => 'y'.repeat(500)) },
  }
  await runHook(door.file, JSON.stringify(payload))
  const message = await until(() => messages[0])
  expect(message.payload).toMatchObject({ hook_event_name: 'PostToolUse' })
  expect(JSON.stringify(message.payload).length).toBeLessThan(64 * 1024)
})

test('events of sub-agents do not get through', async () => {
  const { listener, messages } = await listen()
  const door = await listener.open('att_1', await tempDir('run'))
  await runHook(door.file, JSON.stringify({ hook_event_name: 'SubagentStop', session_id: 's' }))
  await runHook(door.file, JSON.stringify({ hook_event_name: 'PostToolUse', agent_id: 'a1' }))
  await runHook(door.file, JSON.stringify({ hook_event_name: 'Stop' }))
  await until(() => messages.length === 1)
  expect(messages[0]?.payload).toEqual({ hook_event_name: 'Stop' })
})

test.each([
  ['no descriptor is named', async () => null],
  ['the descriptor is gone', async () => '/nonexistent/hook.json'],
  [
    'nobody listens any more',
    async () => {
      const { listener } = await listen()
      const run = await tempDir('run')
      const door = await listener.open('att_1', run)
      const text = await readFile(door.file, 'utf8')
      await listener.close()
      const stale = join(run, 'stale.json')
      await writeFile(stale, text)
      return stale
    },
  ],
  [
    'the descriptor is damaged',
    async () => {
      const file = join(await tempDir('run'), 'hook.json')
      await writeFile(file, '{"socket":')
      return file
    },
  ],
])('the hook program ends silently with 0 when %s', async (_name, prepare) => {
  const file = await prepare()
  expect(await runHook(file, '{"hook_event_name":"Stop"}')).toEqual({ code: 0, output: '' })
})

test('the hook program does not wait for a listener that hangs', async () => {
  const dir = await tempDir('hang')
  const file = join(dir, 'hook.json')
  // A socket that accepts and never reads.
  const server = spawn(process.execPath, [
    '-e',
    `require('net').createServer((s) => s.pause()).listen(${JSON.stringify(join(dir, 's.sock'))}, () => console.log('up'))`,
  ])
  onTestFinished(() => void server.kill('SIGKILL'))
  await new Promise((resolve) => server.stdout.once('data', resolve))
  await writeFile(file, JSON.stringify({ socket: join(dir, 's.sock'), token: 't'.repeat(43) }))
  const result = await runHook(file, JSON.stringify({ hook_event_name: 'Stop', text: 'x'.repeat(30_000) }))
  expect(result).toEqual({ code: 0, output: '' })
  expect(await leftBehind(dir)).toMatchObject([{ payload: { hook_event_name: 'Stop' } }])
})

/** What the hook program left in a run folder. */
async function leftBehind(run: string): Promise<{ at: number; payload: Record<string, unknown> }[]> {
  const text = await readFile(join(run, 'missed.jsonl'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

test('a report is left behind when nobody confirms it, without the token, and only then', async () => {
  const { listener, messages } = await listen()
  const run = await tempDir('run')
  const door = await listener.open('att_1', run)
  const { token } = await descriptor(door.file)
  await runHook(door.file, '{"hook_event_name":"PreToolUse"}')
  expect(messages).toHaveLength(1)
  expect(await leftBehind(run)).toEqual([])

  // A core that has just started listens before it knows its attempts.
  const early = join(run, 'early.json')
  await writeFile(early, JSON.stringify({ ...(await descriptor(door.file)), token: 'x'.repeat(43) }))
  const before = Date.now()
  await runHook(early, '{"hook_event_name":"PostToolUse"}')
  await listener.close()
  await runHook(door.file, '{"hook_event_name":"Stop"}')
  const left = await leftBehind(run)
  expect(left.map(({ payload }) => payload.hook_event_name)).toEqual(['PostToolUse', 'Stop'])
  expect(left.every(({ at }) => at >= before && at <= Date.now())).toBe(true)
  expect(await readFile(join(run, 'missed.jsonl'), 'utf8')).not.toContain(token)
  expect((await stat(join(run, 'missed.jsonl'))).mode & 0o777).toBe(0o600)
})

test('what is left behind is bounded, and calls of tools leave room for the ends of turns', async () => {
  const { listener } = await listen()
  const run = await tempDir('run')
  const door = await listener.open('att_1', run)
  await listener.close()
  const file = join(run, 'missed.jsonl')
  const sizeAfter = async (filled: number, event: string) => {
    await writeFile(file, 'x'.repeat(filled))
    expect(await runHook(door.file, JSON.stringify({ hook_event_name: event }))).toEqual({
      code: 0,
      output: '',
    })
    return (await stat(file)).size
  }
  expect(await sizeAfter(256 * 1024, 'PostToolUse')).toBe(256 * 1024)
  expect(await sizeAfter(256 * 1024, 'Stop')).toBeGreaterThan(256 * 1024)
  expect(await sizeAfter(512 * 1024, 'Stop')).toBe(512 * 1024)
})

test('a place that cannot be written to disturbs nobody', async () => {
  const { listener } = await listen()
  const run = await tempDir('run')
  const door = await listener.open('att_1', run)
  await listener.close()
  await mkdir(join(run, 'missed.jsonl'))
  expect(await runHook(door.file, '{"hook_event_name":"Stop"}')).toEqual({ code: 0, output: '' })
})

test('a wrong token, no JSON and too long a line are thrown away; the next message still gets through', async () => {
  const { listener, messages } = await listen()
  const door = await listener.open('att_1', await tempDir('run'))
  const { socket, token } = await descriptor(door.file)
  await writeRaw(socket, [`${JSON.stringify({ token: 'x'.repeat(43), payload: { a: 1 } })}\n`])
  await writeRaw(socket, ['this is no json\n'])
  await writeRaw(socket, [`{"token":"${token}","payload":"${'y'.repeat(70_000)}"}\n`])
  await writeRaw(socket, ['z'.repeat(200_000)])
  await writeRaw(socket, [`${JSON.stringify({ token, payload: { a: 2 } })}\n`])
  await until(() => messages.length > 0)
  expect(messages.map((message) => message.payload)).toEqual([{ a: 2 }])
})

test('a message that comes in pieces is put together, also within a character', async () => {
  const { listener, messages } = await listen()
  const door = await listener.open('att_1', await tempDir('run'))
  const { socket, token } = await descriptor(door.file)
  const bytes = Buffer.from(`${JSON.stringify({ token, payload: { text: 'Grüße 👋' } })}\n`)
  await new Promise<void>((resolve) => {
    const client = connect(socket, async () => {
      for (const byte of bytes) await new Promise((done) => client.write(Buffer.from([byte]), done))
      client.end()
      resolve()
    })
  })
  expect((await until(() => messages[0])).payload).toEqual({ text: 'Grüße 👋' })
})

test('a token reports for its own attempt only, and not after its door was closed', async () => {
  const { listener, messages } = await listen()
  const one = await listener.open('att_1', await tempDir('run'))
  const two = await listener.open('att_2', await tempDir('run'))
  const first = await descriptor(one.file)
  await one.close()
  await writeRaw(first.socket, [`${JSON.stringify({ token: first.token, payload: { from: 'closed' } })}\n`])
  await runHook(two.file, '{"from":"open","attemptId":"att_1"}')
  await until(() => messages.length > 0)
  expect(messages).toMatchObject([{ attemptId: 'att_2', payload: { from: 'open' } }])
  await expect(stat(one.file)).rejects.toThrow()
})

test('an agent that outlives the core reports to the next one, at another socket', async () => {
  const first = await listen()
  const run = await tempDir('run')
  const door = await first.listener.open('att_1', run)
  const before = await descriptor(door.file)
  await first.listener.close()
  const second = await listen()
  await second.listener.open('att_1', run)
  const after = await descriptor(door.file)
  expect(after.token).toBe(before.token)
  expect(after.socket).not.toBe(before.socket)
  await runHook(door.file, '{"hook_event_name":"Stop"}')
  await until(() => second.messages.length === 1)
})

test('a descriptor of another attempt gives its token to nobody', async () => {
  const { listener } = await listen()
  const run = await tempDir('run')
  const door = await listener.open('att_1', run)
  const { token } = await descriptor(door.file)
  await listener.open('att_2', run)
  expect((await descriptor(door.file)).token).not.toBe(token)
})

test('a data folder whose path is too long for a socket address works', async () => {
  const dir = join(await tempDir('hooks'), 'd'.repeat(120))
  const { listener, messages } = await listen(dir)
  const door = await listener.open('att_1', await tempDir('run'))
  const { socket } = await descriptor(door.file)
  onTestFinished(() => rm(join(socket, '..'), { recursive: true, force: true }))
  await runHook(door.file, '{"hook_event_name":"Stop"}')
  await until(() => messages.length === 1)
})

test('a flood of messages is cut per attempt', async () => {
  const { listener, messages } = await listen()
  const door = await listener.open('att_1', await tempDir('run'))
  const { socket, token } = await descriptor(door.file)
  const line = `${JSON.stringify({ token, payload: {} })}\n`
  for (let n = 0; n < 20; n++)
    await writeRaw(
      socket,
      Array.from({ length: 30 }, () => line),
    )
  await until(() => messages.length >= 100)
  expect(messages.length).toBeLessThan(600)
})

test('tokens are registered with the redactor', async () => {
  const { listener, redactor } = await listen()
  const door = await listener.open('att_1', await tempDir('run'))
  const { token } = await descriptor(door.file)
  expect(redactor.text(`token ${token}`)).toBe('token [redacted]')
})
