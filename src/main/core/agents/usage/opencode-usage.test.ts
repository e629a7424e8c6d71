import { expect, test } from 'vitest'
import { tempDir } from '../test-support.ts'
import { openCodeSession, type StoredSession } from './opencode-fixture.ts'
import { openCodeUsage } from './opencode-usage.ts'
import { priceTable } from './prices.ts'

const PRICE = { asOf: '2026-11-22', source: 'test', cacheWrite1h: 8 }
const prices = async () =>
  priceTable([{ model: 'big', input: 4, cachedInput: 0.2, cacheWrite: 5, output: 20, ...PRICE }])

async function read(...sessions: readonly StoredSession[]) {
  const home = await tempDir('home')
  if (sessions.length > 0) await openCodeSession(home, ...sessions)
  return openCodeUsage(prices).read({
    sessionRef: 'ses_1',
    worktree: '/x',
    env: { HOME: home },
    signal: AbortSignal.timeout(5_000),
  })
}

/** Data as OpenCode 1.18.33 writes it, without what does not matter here. */
const asked = { role: 'user', time: { created: 1 } }
const answered = (modelID: string, tokens: Record<string, number>, cost: number) => ({
  role: 'assistant',
  modelID,
  cost,
  tokens: {
    ...{ input: 0, output: 0, reasoning: 0, ...tokens },
    cache: { read: tokens.read ?? 0, write: tokens.write ?? 0 },
  },
})
const called = (status: string) => ({ type: 'tool', tool: 'bash', state: { status } })

test('adds up all answers, with what was thought as output, by our own prices', async () => {
  const found = await read({
    id: 'ses_1',
    messages: [
      asked,
      answered('big', { input: 1_000, output: 20, reasoning: 5 }, 77),
      answered('big', { input: 237, output: 7, read: 900, write: 100 }, 77),
      asked,
      { role: 'assistant', modelID: 'big', error: { name: 'MessageAbortedError' } },
    ],
    parts: [{ type: 'text', text: 'x' }, called('completed'), called('error'), called('running')],
  })
  expect(found.get('ses_1')).toEqual({
    ...{ inputTokens: 2_237, cachedTokens: 900, outputTokens: 32, turns: 2 },
    ...{ toolCalls: 3, toolFailures: 1, compactions: 0 },
    cost: expect.closeTo((1_237 * 4 + 900 * 0.2 + 100 * 5 + 32 * 20) / 1e6, 12),
  })
})

test('a model that our table does not know costs what OpenCode says; one that neither knows, nobody knows what', async () => {
  const known = answered('big', { input: 1_000 }, 0)
  const priced = await read({ id: 'ses_1', messages: [known, answered('their', { input: 5 }, 0.5)] })
  expect(priced.get('ses_1')?.cost).toBeCloseTo(0.504, 12)
  const unknown = await read({ id: 'ses_1', messages: [known, answered('new', { input: 5 }, 0)] })
  expect(unknown.get('ses_1')).toMatchObject({ inputTokens: 1_005, cost: null })
})

test('sub-agents are counted under their own ids, and what they were told is no turn', async () => {
  const found = await read(
    { id: 'ses_1', messages: [asked, answered('big', { output: 1 }, 0)] },
    { id: 'ses_2', parent: 'ses_1', messages: [asked, answered('big', { output: 2 }, 0)] },
    { id: 'ses_3', parent: 'ses_2', messages: [answered('big', { output: 3 }, 0)] },
    { id: 'ses_4', messages: [answered('big', { output: 4 }, 0)] },
  )
  expect([...found].map(([id, usage]) => [id, usage.outputTokens, usage.turns])).toEqual([
    ['ses_1', 1, 1],
    ['ses_2', 2, 0],
    ['ses_3', 3, 0],
  ])
})

test('a shortened memory is told apart from a turn', async () => {
  const found = await read({ id: 'ses_1', messages: [asked, asked], parts: [{ type: 'compaction' }] })
  expect(found.get('ses_1')).toMatchObject({ turns: 1, compactions: 1 })
})

test('without a database or the conversation in it nothing is known', async () => {
  expect(await read()).toEqual(new Map())
  expect(await read({ id: 'ses_9' })).toEqual(new Map())
})
