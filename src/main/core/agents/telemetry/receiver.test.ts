import { stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../kernel/clock.ts'
import { silentLogger } from '../../../kernel/logger.ts'
import { Redactor } from '../../../kernel/redact.ts'
import type { TelemetryAccess } from '../driver.ts'
import { tempDir } from '../test-support.ts'
import type { LogRecord } from './otlp-logs.ts'
import { receiveTelemetry } from './receiver.ts'

async function receive(dir?: string) {
  const taken: [string, readonly LogRecord[]][] = []
  const stateFile = join(dir ?? (await tempDir('telemetry')), 'telemetry.json')
  const receiver = await receiveTelemetry({
    stateFile,
    log: silentLogger,
    clock: systemClock,
    redactor: new Redactor(),
    onRecords: (attemptId, records) => taken.push([attemptId, records]),
  })
  onTestFinished(() => receiver.close())
  const access = receiver.accessFor('att_1')
  if (!access) throw new Error('it does not listen')
  return { receiver, taken, stateFile, access }
}

const attribute = (key: string, value: object) => ({ key, value })
const batch = (...records: object[]) => ({
  resourceLogs: [{ resource: {}, scopeLogs: [{ logRecords: records }] }],
})
const ONE = batch({
  timeUnixNano: '1795355150435000000',
  severityNumber: 9,
  body: { stringValue: 'claude_code.api_request' },
  attributes: [
    attribute('event.name', { stringValue: 'api_request' }),
    attribute('event.sequence', { intValue: '7' }),
    attribute('tokens', { intValue: 12 }),
    attribute('cost', { doubleValue: 0.5 }),
    attribute('ok', { boolValue: true }),
    attribute('list', { arrayValue: { values: [] } }),
  ],
})

async function post(access: TelemetryAccess, body: unknown, init: RequestInit & { path?: string } = {}) {
  const { path = '/v1/logs', headers, ...rest } = init
  const response = await fetch(`${access.base}${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...rest,
    headers: { 'content-type': 'application/json', [access.header.name]: access.header.value, ...headers },
  })
  await response.arrayBuffer()
  return response.status
}

test('takes the records of an attempt, its attributes as text', async () => {
  const { access, taken } = await receive()
  expect(await post(access, ONE)).toBe(200)
  expect(taken).toEqual([
    [
      'att_1',
      [
        {
          key: expect.stringContaining('1795355150435000000'),
          attributes: {
            'event.name': 'api_request',
            'event.sequence': '7',
            tokens: '12',
            cost: '0.5',
            ok: 'true',
            list: '',
          },
        },
      ],
    ],
  ])
  // Sent again, it has the same name.
  await post(access, ONE)
  expect(taken[1]?.[1][0]?.key).toBe(taken[0]?.[1][0]?.key)
})

test('refuses what is none of an attempt of ours, and goes on', async () => {
  const { access, receiver, taken } = await receive()
  const other = receiver.accessFor('att_2')?.header.value ?? ''
  const header = (value: string) => ({ headers: { [access.header.name]: value } })
  expect(await post(access, ONE, header(''))).toBe(401)
  expect(await post(access, ONE, header('att_1'))).toBe(401)
  expect(await post(access, ONE, header(`att_1.${other.split('.')[1]}`))).toBe(401)
  expect(await post(access, ONE, { path: '/v1/traces' })).toBe(404)
  expect(await post(access, ONE, { method: 'PUT' })).toBe(405)
  expect(await post(access, ONE, { headers: { 'content-encoding': 'gzip' } })).toBe(415)
  expect(await post(access, ONE, { headers: { origin: 'http://evil.example' } })).toBe(403)
  expect(taken).toEqual([])
  expect(await post(access, ONE)).toBe(200)
})

test('an address can say who sends, for agents that cannot be given a header; what they send besides is thrown away', async () => {
  const { access, receiver, taken } = await receive()
  const mine = `/${access.header.value}`
  const other = receiver.accessFor('att_2')?.header.value.split('.')[1] ?? ''
  // The header is no longer needed.
  const anonymous = { headers: { [access.header.name]: '' } }
  expect(await post(access, ONE, { ...anonymous, path: `${mine}/v1/logs` })).toBe(200)
  expect(await post(access, 'spans', { ...anonymous, path: `${mine}/v1/traces` })).toBe(200)
  expect(await post(access, '{}', { ...anonymous, path: `${mine}/v1/metrics` })).toBe(200)
  expect(await post(access, ONE, { path: `/att_1.${other}/v1/logs` })).toBe(401)
  expect(await post(access, ONE, { path: `/att_1.${other}/v1/traces` })).toBe(401)
  expect(await post(access, ONE, { path: `${mine}/v1/others` })).toBe(404)
  expect(await post(access, ONE, { path: '/att_1/v1/logs' })).toBe(404)
  expect(taken.map(([attemptId]) => attemptId)).toEqual(['att_1'])
})

test.each(['', '[]', 'null', '{"resourceLogs":[{}]}', '{"resourceLogs":1}', '{"resourceLogs":[', '"x"'])(
  'refuses a body that is no log: %s',
  async (body) => {
    const { access, taken } = await receive()
    expect(await post(access, body)).toBe(400)
    expect(taken).toEqual([])
  },
)

test('a body beyond the bound is refused, announced or not, and a flood has to wait', async () => {
  const { access, taken } = await receive()
  expect(await post(access, ' '.repeat(5 * 1024 * 1024))).toBe(413)
  // Without a length: cut off in the middle.
  const { port } = new URL(access.base)
  const cut = new Promise<void>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(`POST /v1/logs HTTP/1.1\r\nHost: x\r\n${access.header.name}: ${access.header.value}\r\n`)
      socket.write('Transfer-Encoding: chunked\r\n\r\n')
      const chunk = `100000\r\n${' '.repeat(0x100000)}\r\n`
      for (let i = 0; i < 6; i++) socket.write(chunk)
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.resume()
  })
  await cut
  const big = batch({ attributes: [attribute('text', { stringValue: 'x'.repeat(3_900_000) })] })
  const statuses: number[] = []
  for (let i = 0; i < 6; i++) statuses.push(await post(access, big))
  expect(statuses).toEqual([200, 200, 200, 200, 429, 429])
  expect(taken).toHaveLength(4)
})

test('agents that outlive a core reach the next one as before; where the port was taken meanwhile, only new ones do', async () => {
  const dir = await tempDir('telemetry')
  const first = await receive(dir)
  expect((await stat(first.stateFile)).mode & 0o777).toBe(0o600)
  await first.receiver.close()
  const second = await receive(dir)
  expect(second.access).toEqual(first.access)
  expect(await post(first.access, ONE)).toBe(200)
  await second.receiver.close()

  const squatter = createServer().listen(Number(new URL(first.access.base).port), '127.0.0.1')
  onTestFinished(() => void squatter.close())
  await new Promise((resolve) => squatter.once('listening', resolve))
  const third = await receive(dir)
  expect(third.access.base).not.toBe(first.access.base)
  expect(third.access.header).toEqual(first.access.header)
  expect(await post(third.access, ONE)).toBe(200)
})

test('a damaged state is replaced', async () => {
  const dir = await tempDir('telemetry')
  await writeFile(join(dir, 'telemetry.json'), '{"port":80,"key":"short"}')
  const { access } = await receive(dir)
  expect(await post(access, ONE)).toBe(200)
})
