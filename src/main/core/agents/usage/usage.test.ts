import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { RESOURCES, tempDir } from '../test-support.ts'
import { claudeUsage } from './claude-usage.ts'
import { codexUsage } from './codex-usage.ts'
import { geminiUsage } from './gemini-usage.ts'
import {
  LONG_PROMPTS,
  type ModelTokens,
  noTokens,
  priceTable,
  readPrices,
  shippedPrices,
  TokenSums,
} from './prices.ts'
import { geminiUseEvent } from './use-events.ts'

const signal = AbortSignal.timeout(30_000)
const PRICE = { asOf: '2026-11-22', source: 'test', cacheWrite1h: 8 }
const prices = async () =>
  priceTable([
    { model: 'big', input: 4, cachedInput: 0.2, cacheWrite: 5, output: 20, ...PRICE },
    { model: 'small', input: 1, cachedInput: null, cacheWrite: null, output: 2, ...PRICE },
  ])

async function fileIn(home: string, path: string, lines: readonly unknown[]): Promise<void> {
  const file = join(home, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(
    file,
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  )
}

/** Lines as Claude Code 2.1.330 writes them, without what does not matter here. */
let uuid = 0
const said = (id: string, usage: object, content: object[] = [], model = 'big-20260101') => ({
  type: 'assistant',
  uuid: `u${uuid++}`,
  message: { id, model, role: 'assistant', content, usage },
})
const tool = { type: 'tool_use', id: 't', name: 'Bash', input: {} }
const asked = (text: string) => ({
  type: 'user',
  uuid: `u${uuid++}`,
  message: { role: 'user', content: text },
})
const result = (is_error: boolean) => ({
  type: 'user',
  uuid: `u${uuid++}`,
  message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', is_error }] },
})

async function readClaude(files: Readonly<Record<string, readonly unknown[]>>) {
  const home = await tempDir('home')
  for (const [path, lines] of Object.entries(files))
    await fileIn(home, join('.claude/projects/-x', path), lines)
  const read = await claudeUsage(prices).read({
    sessionRef: 's1',
    worktree: '/x',
    env: { HOME: home },
    signal,
  })
  return read.get('s1')
}

test('Claude Code: counts each answer once, however often it was written', async () => {
  const tokens = {
    input_tokens: 100,
    cache_read_input_tokens: 1_000,
    cache_creation_input_tokens: 50,
    output_tokens: 10,
  }
  const twice = said('m1', { ...tokens, output_tokens: 10 })
  const usage = await readClaude({
    's1.jsonl': [
      asked('do it'),
      said('m1', { ...tokens, output_tokens: 1 }, [tool]),
      twice,
      twice,
      result(true),
      said('m2', {
        input_tokens: 200,
        output_tokens: 20,
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_1h_input_tokens: 30 },
      }),
      said('m3', { input_tokens: 9, output_tokens: 9 }, [], '<synthetic>'),
      asked('and that'),
      { type: 'system', subtype: 'compact_boundary', uuid: 'c' },
      '{"type":"assistant","message":{"id":"m9","usa',
    ],
    'other.jsonl': [said('m7', { input_tokens: 1_000_000, output_tokens: 1 })],
  })
  expect(usage).toEqual({
    inputTokens: 100 + 1_000 + 50 + 200 + 30,
    cachedTokens: 1_000,
    outputTokens: 30,
    cost: (300 * 4 + 1_000 * 0.2 + 50 * 5 + 30 * 8 + 30 * 20) / 1_000_000,
    turns: 2,
    toolCalls: 1,
    toolFailures: 1,
    compactions: 1,
  })
})

test('Claude Code: sub-agents cost too, but take no turns', async () => {
  const usage = await readClaude({
    's1.jsonl': [asked('do it'), said('m1', { input_tokens: 10, output_tokens: 1 })],
    's1/subagents/agent-a.jsonl': [
      asked('sub task'),
      said('m2', { input_tokens: 5, output_tokens: 2 }, [tool]),
    ],
  })
  expect(usage).toMatchObject({ inputTokens: 15, outputTokens: 3, turns: 1, toolCalls: 1 })
})

test('a model without a price, or without one for what was used, leaves the cost unknown', async () => {
  const unknown = await readClaude({
    's1.jsonl': [said('m1', { input_tokens: 10, output_tokens: 1 }, [], 'new-model')],
  })
  expect(unknown).toMatchObject({ inputTokens: 10, cost: null })
  const cached = await readClaude({
    's1.jsonl': [said('m1', { input_tokens: 10, cache_read_input_tokens: 5, output_tokens: 1 }, [], 'small')],
  })
  expect(cached?.cost).toBeNull()
})

test('without a transcript the use is unknown, not zero', async () => {
  expect(await readClaude({})).toBeUndefined()
  expect((await readCodex({})).size).toBe(0)
})

async function readCodex(files: Readonly<Record<string, readonly unknown[]>>) {
  const home = await tempDir('home')
  for (const [id, lines] of Object.entries(files))
    await fileIn(home, `.codex/sessions/2026/11/22/rollout-2026-11-22T10-00-00-${id}.jsonl`, lines)
  return codexUsage(prices).read({ sessionRef: 's1', worktree: '/x', env: { HOME: home }, signal })
}

/** Lines as Codex 0.169 writes them. */
const totals = (input: number, cached: number, output: number) => ({
  type: 'event_msg',
  payload: {
    type: 'token_count',
    info: {
      total_token_usage: {
        input_tokens: input,
        cached_input_tokens: cached,
        cache_write_input_tokens: 0,
        output_tokens: output,
      },
    },
  },
})

test('Codex: takes what the totals grew by, for each model', async () => {
  const lines = [
    { type: 'session_meta', payload: {} },
    { type: 'event_msg', payload: { type: 'task_started' } },
    { type: 'turn_context', payload: { model: 'big' } },
    { type: 'response_item', payload: { type: 'custom_tool_call', name: 'exec' } },
    {
      type: 'event_msg',
      payload: { type: 'item_completed', item: { type: 'CommandExecution', exit_code: 128 } },
    },
    { type: 'event_msg', payload: { type: 'token_count', info: null } },
    totals(1_000, 0, 20),
    totals(1_000, 0, 20),
    totals(2_137, 900, 47),
    { type: 'event_msg', payload: { type: 'task_started' } },
    { type: 'turn_context', payload: { model: 'small' } },
    totals(2_237, 900, 50),
    { type: 'compacted', payload: { message: '' } },
    '{"type":"event_msg","payload":{"type":"token_count","info":{"total',
  ]
  const usage = (await readCodex({ s1: lines })).get('s1')
  expect(usage).toEqual({
    inputTokens: 2_237,
    cachedTokens: 900,
    outputTokens: 50,
    cost: expect.closeTo((1_237 * 4 + 900 * 0.2 + 47 * 20 + 100 * 1 + 3 * 2) / 1_000_000, 12),
    turns: 2,
    toolCalls: 1,
    toolFailures: 1,
    compactions: 1,
  })
})

test('Codex: totals that begin again are added to those before', async () => {
  const files = {
    s1: [{ type: 'turn_context', payload: { model: 'big' } }, totals(1_000, 100, 20), totals(300, 0, 5)],
  }
  expect((await readCodex(files)).get('s1')).toMatchObject({
    inputTokens: 1_300,
    cachedTokens: 100,
    outputTokens: 25,
  })
})

test('Codex: sub-agents are read too, without the history that their files begin with', async () => {
  const started = (id: string) => ({
    type: 'event_msg',
    payload: { type: 'item_completed', item: { type: 'SubAgentActivity', agent_thread_id: id } },
  })
  const meta = { type: 'session_meta', ordinal: 0, payload: { id: 'a', subagent_history_start_ordinal: 3 } }
  const call = { type: 'response_item', payload: { type: 'function_call', name: 'exec_command' } }
  const model = { type: 'turn_context', payload: { model: 'big' } }
  const read = await readCodex({
    s1: [
      { type: 'session_meta', ordinal: 0, payload: {} },
      model,
      call,
      totals(1_000, 0, 20),
      started('a'),
      started('a'),
    ],
    a: [
      meta,
      { ...call, ordinal: 1 },
      { ...model, ordinal: 2 },
      { ...model, ordinal: 3 },
      { ...call, ordinal: 4 },
      totals(50, 0, 5),
      started('b'),
      started('s1'),
    ],
    b: [model, totals(7, 0, 1)],
    c: [model, totals(9_999, 0, 1)],
  })
  expect([...read.keys()]).toEqual(['s1', 'a', 'b'])
  expect(read.get('a')).toMatchObject({ inputTokens: 50, outputTokens: 5, toolCalls: 1 })
  expect(read.get('b')).toMatchObject({ inputTokens: 7 })
})

const PRICE_10 = {
  input: 10,
  cachedInput: 1,
  cacheWrite: null,
  cacheWrite1h: null,
  output: 100,
  asOf: '2026-11-28',
  source: 'test',
}

const oneAnswer = (model: string, fields: Partial<ModelTokens>) => {
  const sums = new TokenSums()
  sums.add({ ...noTokens(model), ...fields })
  return sums.all
}

test('the shipped prices are a table, and the engineer’s own win over them', async () => {
  const file = join(RESOURCES, 'prices.json')
  const tokens = oneAnswer('claude-opus-5-5[1m]', { input: 1_000_000 })
  expect((await readPrices(file, [])).cost(tokens)).toBe(4)
  const own = { model: 'claude-opus-5-5', input: 3, cachedInput: 1, cacheWrite: 1, output: 1, ...PRICE }
  expect((await readPrices(file, [own])).cost(tokens)).toBe(3)
  const broken = join(await tempDir(), 'prices.json')
  await writeFile(broken, '{"models":[]}')
  await expect(readPrices(broken, [])).rejects.toThrow()
})

test('each shipped price has a source, names its model once, and a size of prompts that is told apart', async () => {
  const prices = await shippedPrices(join(RESOURCES, 'prices.json'))
  expect(new Set(prices.map((price) => price.model)).size).toBe(prices.length)
  for (const { source, long } of prices) {
    expect(source).not.toBe('')
    if (long) expect(LONG_PROMPTS).toContain(long.over)
  }
})

test('a request with a long prompt is dearer with some models, all of it, and only that one', async () => {
  const prices = await readPrices(join(RESOURCES, 'prices.json'), [])
  const short = { input: 40_000, cachedInput: 60_000, output: 1_000 }
  const long = { ...short, input: 40_001 }
  const sums = new TokenSums()
  sums.add({ ...noTokens('claude-haiku-5-5'), ...short })
  const cheap = (40_000 * 0.1 + 60_000 * 0.01 + 1_000 * 0.5) / 1e6
  expect(prices.cost(sums.all)).toBeCloseTo(cheap, 12)
  sums.add({ ...noTokens('claude-haiku-5-5'), ...long })
  const dear = (40_001 * 0.5 + 60_000 * 0.05 + 1_000 * 2.5) / 1e6
  expect(prices.cost(sums.all)).toBeCloseTo(cheap + dear, 12)
  expect(prices.cost(oneAnswer('claude-opus-5-5', { input: 900_000 }))).toBeCloseTo(3.6, 12)
  expect(prices.cost(oneAnswer('gpt-6.2-sol', { input: 200_000 }))).toBeCloseTo(0.4, 12)
  expect(prices.cost(oneAnswer('gpt-6.2-sol', { input: 300_000 }))).toBeCloseTo(1.2, 12)
})

const CHAT = 'session-2026-11-28T00-26-0c9ae2f8.jsonl'
const CHAT_ID = '0c9ae2f8-9e07-4f3f-9f43-6f4c7a4b6f4e'

test('Gemini CLI: each answer counts once, also when its line is written again, and sub-agents count with it', async () => {
  const home = await tempDir('home')
  const chats = join(home, '.gemini', 'tmp', 'tree', 'chats')
  await mkdir(join(chats, CHAT_ID), { recursive: true })
  const tokens = { input: 1_000, output: 20, cached: 800, thoughts: 5, tool: 0, total: 1_025 }
  const model = 'gemini-2.5-pro'
  const context = { id: 'c', type: 'user', content: [{ text: '<session_context>\nwhere' }] }
  const brief = { id: 'u1', type: 'user', content: [{ text: 'Make it' }] }
  const answer = { id: 'a1', type: 'gemini', content: '', tokens, model }
  const calls = [
    { id: 't1', name: 'run_shell_command', status: 'success' },
    { id: 't2', name: 'replace', status: 'error' },
  ]
  const result = { id: 'r1', type: 'user', content: [{ functionResponse: { name: 'x', response: {} } }] }
  const lines = [
    { sessionId: CHAT_ID, kind: 'main' },
    ...[context, brief, answer, { ...answer, toolCalls: calls }, result],
    { $set: { lastUpdated: 'x' } },
    // Written anew after a message was taken back: nothing of it is new.
    { $set: { messages: [context, brief, { ...answer, toolCalls: calls }] } },
    { id: 'a2', type: 'gemini', content: 'Done.', tokens: { ...tokens, cached: 0, tool: 7 }, model },
    { id: 'e', type: 'error', content: '[API Error]' },
  ]
  const text = lines.map((line) => JSON.stringify(line)).join('\n')
  await writeFile(join(chats, CHAT), `${text}\n{"id":"a3","type":"gemini","tok`)
  const sub = { id: 's1', type: 'gemini', content: 'x', tokens: { ...tokens, input: 100, cached: 0 }, model }
  const asked = { id: 's0', type: 'user', content: 'Count the files' }
  const subLines = [{ sessionId: 'sub', kind: 'subagent' }, asked, sub]
  await writeFile(join(chats, CHAT_ID, 'sub.jsonl'), subLines.map((line) => JSON.stringify(line)).join('\n'))
  const reader = geminiUsage(async () => priceTable([{ model, ...PRICE_10 }]))
  const read = await reader.read({
    sessionRef: CHAT_ID,
    worktree: '/w',
    env: { HOME: home },
    signal: AbortSignal.timeout(5_000),
  })
  expect(read.get(CHAT_ID)).toEqual({
    inputTokens: 1_000 + 1_007 + 100,
    cachedTokens: 800,
    outputTokens: 3 * 25,
    cost: expect.closeTo((1_307 * 10 + 800 * 1 + 75 * 100) / 1e6, 12),
    turns: 1,
    toolCalls: 2,
    toolFailures: 1,
    compactions: 0,
  })
  const other = '0c9ae2f8-0000-4000-8000-000000000000'
  const none = await reader.read({
    sessionRef: other,
    worktree: '/w',
    env: { HOME: home },
    signal: AbortSignal.timeout(5_000),
  })
  expect(none.size).toBe(0)
})

test('Gemini CLI: its log says the same', () => {
  const record = (name: string, fields: Record<string, string> = {}) =>
    geminiUseEvent({ 'session.id': 's', 'event.name': `gemini_cli.${name}`, ...fields })
  const counts = {
    model: 'gemini-2.5-pro',
    input_token_count: '1000',
    cached_content_token_count: '800',
    output_token_count: '20',
    thoughts_token_count: '5',
    tool_token_count: '7',
  }
  expect(record('api_response', counts)).toEqual({
    conversation: 's',
    kind: 'answer',
    tokens: { ...noTokens('gemini-2.5-pro'), input: 207, cachedInput: 800, output: 25 },
  })
  expect(record('user_prompt')).toMatchObject({ kind: 'turn' })
  expect(record('tool_call', { success: 'false' })).toMatchObject({ kind: 'tool', failed: true })
  expect(record('chat_compression')).toMatchObject({ kind: 'compacted' })
  expect(record('api_error')).toBeNull()
  expect(geminiUseEvent({ 'event.name': 'gemini_cli.user_prompt' })).toBeNull()
})
