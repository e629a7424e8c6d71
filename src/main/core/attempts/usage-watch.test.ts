import { afterEach, describe, expect, test } from 'vitest'
import type { Usage } from '../../../shared/domain/attempt.ts'
import { systemClock } from '../../kernel/clock.ts'
import { Scope } from '../../kernel/disposable.ts'
import { silentLogger } from '../../kernel/logger.ts'
import type { UsageReader } from '../agents/driver.ts'
import { codexDriver } from '../agents/drivers/codex.ts'
import type { LogRecord } from '../agents/telemetry/otlp-logs.ts'
import { noUsage } from '../agents/test-support.ts'
import { priceTable } from '../agents/usage/prices.ts'
import { codexUseEvent } from '../agents/usage/use-events.ts'
import type { Ledger } from '../db/ledger.ts'
import { eventually, openLedger, putAttempt, putRepository, putTask } from '../testing/ledger-fixture.ts'
import { UsageWatch } from './usage-watch.ts'

const PRICE = { asOf: '2026-11-22', source: 'test', cachedInput: null, cacheWrite: null, cacheWrite1h: null }
const prices = priceTable([{ model: 'm', input: 1_000_000, output: 1_000_000, ...PRICE }])

const used = (inputTokens: number, outputTokens: number, fields: Partial<Usage> = {}): Usage => ({
  ...{ inputTokens, outputTokens, cachedTokens: 0, cost: inputTokens + outputTokens },
  ...{ turns: 1, toolCalls: 0, toolFailures: 0, compactions: 0 },
  ...fields,
})
let records = 0
const answer = (conversation: string, input: number, output: number): LogRecord => ({
  key: String(records++),
  attributes: {
    'conversation.id': conversation,
    model: 'm',
    ...{ 'event.name': 'codex.sse_event', 'event.kind': 'response.completed' },
    ...{ input_token_count: String(input), output_token_count: String(output) },
  },
})
const prompt = (conversation: string): LogRecord => ({
  key: String(records++),
  attributes: { 'conversation.id': conversation, 'event.name': 'codex.user_prompt' },
})

const scopes: Scope[] = []
afterEach(async () => {
  for (const scope of scopes.splice(0)) {
    scope.dispose()
    await scope.settled()
  }
})

/** A watch over an agent whose files say what `files` holds. */
function watchOver(ledger: Ledger, files: Map<string, Usage>) {
  const scope = new Scope(silentLogger)
  scopes.push(scope)
  const usage: UsageReader = {
    ...noUsage,
    prices: async () => prices,
    interpret: codexUseEvent,
    read: async () => new Map(files),
  }
  const agents = { driver: () => codexDriver(usage) }
  const watch = new UsageWatch({ ledger, agents, environment: async () => ({}), clock: systemClock, scope })
  return { watch, scope }
}

async function arrange() {
  const { dir, ledger } = await openLedger()
  const repository = putRepository(ledger, dir)
  const { round } = putTask(ledger, repository.id, { baseSha: 'a'.repeat(40) })
  const attempt = putAttempt(ledger, round, repository.id, {
    worktree: dir,
    status: 'running',
    sessionRef: 'own',
  })
  const usageOf = () => ledger.require('attempts', attempt.id).usage
  const until = (wanted: Partial<Usage>) =>
    eventually(
      () =>
        Object.entries(wanted).every(([key, value]) => usageOf()?.[key as keyof Usage] === value) &&
        usageOf(),
      JSON.stringify(wanted),
    ).catch((error: unknown) => {
      throw new Error(`it is ${JSON.stringify(usageOf())}`, { cause: error })
    })
  const settled = async (watch: UsageWatch) => {
    watch.settle(attempt.id)
    await eventually(() => !watch.isSettling(attempt.id), 'it to settle')
  }
  return { ledger, id: attempt.id, until, usageOf, settled }
}

describe('what an attempt used', () => {
  test('is counted once, however many tell of it, and by the one that knows more', async () => {
    const { ledger, id, until, usageOf, settled } = await arrange()
    const files = new Map([['own', used(100, 10)]])
    const { watch } = watchOver(ledger, files)
    watch.report(id, [prompt('own'), answer('own', 100, 10)])
    expect(await until({ outputTokens: 10 })).toEqual(used(100, 10))
    // A title that stands in no file, and then an answer that the telemetry missed.
    watch.report(id, [answer('own', 5, 1)])
    expect(await until({ outputTokens: 11 })).toEqual(used(105, 11))
    files.set('own', used(300, 30, { turns: 2 }))
    await settled(watch)
    expect(usageOf()).toEqual(used(300, 30, { turns: 2 }))
  })

  test('holds that of sub-agents, whose prompts are no turns of it', async () => {
    const { ledger, id, until } = await arrange()
    const files = new Map([
      ['own', used(100, 10)],
      ['sub', used(20, 2)],
    ])
    const { watch } = watchOver(ledger, files)
    watch.report(id, [prompt('sub'), answer('sub', 20, 2), prompt('title'), answer('title', 3, 1)])
    expect(await until({ outputTokens: 13 })).toEqual(used(123, 13))
  })

  test('does not shrink by a restart nor by a new conversation', async () => {
    const { ledger, id, until, usageOf, settled } = await arrange()
    const first = watchOver(ledger, new Map([['own', used(100, 10)]]))
    first.watch.report(id, [answer('own', 110, 11), answer('title', 3, 1)])
    await until({ outputTokens: 12 })
    await settled(first.watch)
    first.scope.dispose()

    // The next core has not heard what the first one did.
    const second = watchOver(ledger, new Map([['own', used(100, 10)]]))
    await settled(second.watch)
    expect(usageOf()).toMatchObject({ inputTokens: 113, outputTokens: 12, turns: 1 })
    second.scope.dispose()

    ledger.commit((tx) => tx.patch('attempts', id, { sessionRef: 'later' }))
    const third = watchOver(ledger, new Map([['later', used(50, 5)]]))
    await settled(third.watch)
    expect(usageOf()).toMatchObject({ inputTokens: 163, outputTokens: 17, turns: 2 })
  })

  test('is kept when its files are gone before it was written down', async () => {
    const { ledger, id, until, usageOf, settled } = await arrange()
    const files = new Map([['own', used(100, 10)]])
    const { watch } = watchOver(ledger, files)
    watch.touch(id, 'report')
    await until({ inputTokens: 100 })
    files.clear()
    ledger.commit((tx) => tx.patch('attempts', id, { sessionRef: 'afresh' }))
    files.set('afresh', used(50, 5))
    await settled(watch)
    expect(usageOf()).toEqual(used(150, 15, { turns: 2 }))
  })

  test('is none of those that are over, or whose agent tells nothing', async () => {
    const { ledger, id, usageOf } = await arrange()
    const { watch, scope } = watchOver(ledger, new Map())
    ledger.commit((tx) => tx.patch('attempts', id, { status: 'landed' }))
    watch.report(id, [answer('own', 100, 10)])
    watch.report('att_unknown', [answer('own', 100, 10)])
    ledger.commit((tx) => tx.patch('attempts', id, { status: 'running' }))
    watch.settle(id)
    await eventually(() => !watch.isSettling(id), 'it to settle')
    expect(usageOf()).toBeNull()
    scope.dispose()
  })
})
