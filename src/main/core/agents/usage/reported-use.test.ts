import { expect, test } from 'vitest'
import type { Usage } from '../../../../shared/domain/attempt.ts'
import { noUsage } from '../test-support.ts'
import { believed } from './merge.ts'
import { priceTable } from './prices.ts'
import { ReportedUse } from './reported-use.ts'
import { claudeUseEvent, codexUseEvent } from './use-events.ts'

const PRICE = { asOf: '2026-11-22', source: 'test' }
const prices = priceTable([
  {
    model: 'claude-opus-5',
    input: 5,
    cachedInput: 0.5,
    cacheWrite: 6.25,
    cacheWrite1h: 10,
    output: 25,
    ...PRICE,
  },
  {
    model: 'gpt-5.5',
    input: 4,
    cachedInput: 0.4,
    cacheWrite: null,
    cacheWrite1h: null,
    output: 20,
    ...PRICE,
  },
])

/** Attributes as Claude Code 2.1.330 and Codex 0.169 send them, without what does not matter here. */
const claude = (fields: Record<string, string>) => ({ 'session.id': 's1', model: 'claude-opus-5', ...fields })
const request = (fields: Record<string, string> = {}) =>
  claude({
    'event.name': 'api_request',
    ...{ input_tokens: '237', output_tokens: '27', cache_read_tokens: '900', cache_creation_tokens: '50' },
    ...{
      cache_creation_5m_tokens: '20',
      cache_creation_1h_tokens: '30',
      cost_usd: '0.0023',
      query_source: 'sdk',
    },
    ...fields,
  })
const codex = (fields: Record<string, string>): Record<string, string> => ({
  'conversation.id': 'c1',
  model: 'gpt-5.5',
  ...fields,
})
const completed = (fields: Record<string, string> = {}) =>
  codex({
    'event.name': 'codex.sse_event',
    'event.kind': 'response.completed',
    ...{ input_token_count: '1137', output_token_count: '27', cached_token_count: '900' },
    ...{ cache_write_token_count: '0', tool_token_count: '1164' },
    ...fields,
  })

function sum(interpret: typeof claudeUseEvent, ...records: (Record<string, string> & { key?: string })[]) {
  const use = new ReportedUse()
  const reader = { ...noUsage, interpret }
  for (const [i, { key = String(i), ...attributes }] of records.entries())
    use.take('att_1', reader, [{ key, attributes }])
  return use.of('att_1', prices)
}

test('Claude Code: answers, prompts, tools and compactions are added up', () => {
  const use = sum(
    claudeUseEvent,
    claude({ 'event.name': 'user_prompt', prompt: '<REDACTED>' }),
    request(),
    claude({ 'event.name': 'tool_result', success: 'true' }),
    claude({ 'event.name': 'tool_result', success: 'false' }),
    claude({ 'event.name': 'compaction', success: 'true' }),
    claude({ 'event.name': 'compaction', success: 'false' }),
    claude({ 'event.name': 'api_error' }),
    request({ 'session.id': 's2' }),
  )
  expect(use.get('s1')).toEqual({
    inputTokens: 237 + 900 + 50,
    cachedTokens: 900,
    outputTokens: 27,
    cost: (237 * 5 + 900 * 0.5 + 20 * 6.25 + 30 * 10 + 27 * 25) / 1e6,
    turns: 1,
    toolCalls: 2,
    toolFailures: 1,
    compactions: 1,
  })
  expect(use.get('s2')?.outputTokens).toBe(27)
})

test('Codex: an answer counts once, though its end is logged twice', () => {
  const { input_token_count: _, ...plainEnd } = completed()
  const use = sum(
    codexUseEvent,
    codex({ 'event.name': 'codex.user_prompt', prompt: '[REDACTED]' }),
    plainEnd,
    completed(),
    codex({ 'event.name': 'codex.sse_event', 'event.kind': 'response.created' }),
    codex({ 'event.name': 'codex.tool_result', success: 'true', output: 'x' }),
  )
  expect(use.get('c1')).toEqual({
    inputTokens: 1_137,
    cachedTokens: 900,
    outputTokens: 27,
    cost: (237 * 4 + 900 * 0.4 + 27 * 20) / 1e6,
    turns: 1,
    toolCalls: 1,
    toolFailures: 0,
    compactions: 0,
  })
})

test('what is sent again counts once', () => {
  const use = sum(
    claudeUseEvent,
    { ...request(), key: 'a' },
    { ...request(), key: 'a' },
    { ...request(), key: 'b' },
  )
  expect(use.get('s1')?.outputTokens).toBe(54)
})

test('numbers that are none count as nothing, and conversations that are made up are bounded', () => {
  const wrong = sum(
    claudeUseEvent,
    request({ input_tokens: '-5', output_tokens: '1e300', cache_read_tokens: 'x' }),
  )
  expect(wrong.get('s1')).toMatchObject({ inputTokens: 50, outputTokens: 0 })
  const many = sum(
    claudeUseEvent,
    ...Array.from({ length: 300 }, (_, i) => request({ 'session.id': `s${i}` })),
  )
  expect(many.size).toBe(200)
})

const used = (fields: Partial<Usage>): Usage => ({
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  cost: 0,
  turns: 0,
  toolCalls: 0,
  toolFailures: 0,
  compactions: 0,
  ...fields,
})

test('of several accounts of one conversation the one that saw most is believed, and nothing is added', () => {
  const files = used({ inputTokens: 100, outputTokens: 10, cost: 1, turns: 3, toolFailures: 1 })
  const telemetry = used({ inputTokens: 120, outputTokens: 12, cost: 1.1, turns: 1, compactions: 1 })
  expect(believed([files, telemetry, null])).toEqual({ ...telemetry, turns: 3, toolFailures: 1 })
  expect(believed([files, undefined])).toEqual(files)
  // As many: the first is trusted more.
  expect(believed([{ ...files, cost: 7 }, files])?.cost).toBe(7)
  expect(believed([null, undefined])).toBeNull()
})
