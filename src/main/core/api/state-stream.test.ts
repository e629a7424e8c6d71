import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { StatePush } from '../../../shared/state/tables.ts'
import { systemClock } from '../../kernel/clock.ts'
import { Redactor } from '../../kernel/redact.ts'
import { Signals } from '../attempts/signals.ts'
import { Ledger } from '../db/ledger.ts'
import { openDatabase } from '../db/open.ts'
import { StateStream } from './state-stream.ts'

let dir: string
let ledger: Ledger
let signals: Signals
let stream: StateStream
let abort: AbortController

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quartet-stream-'))
  ledger = new Ledger(await openDatabase(join(dir, 'db')), systemClock, new Redactor())
  signals = new Signals()
  stream = new StateStream(ledger, signals)
  abort = new AbortController()
})
afterEach(async () => {
  abort.abort()
  ledger.close()
  await rm(dir, { recursive: true })
})

const fact = (n: number) => ledger.commit((tx) => tx.fact({ kind: 'task.created', body: { n } }))
const next = async (pushes: AsyncGenerator<StatePush, void>) => (await pushes.next()).value as StatePush

it('starts with a snapshot and goes on without a gap', async () => {
  fact(1)
  const pushes = stream.subscribe('c', null, abort.signal)
  expect(await next(pushes)).toMatchObject({ type: 'snapshot', to: 1, facts: [{ body: { n: 1 } }] })
  const waiting = next(pushes)
  fact(2)
  fact(3)
  expect(await waiting).toMatchObject({
    type: 'delta',
    from: 1,
    to: 3,
    facts: [{ body: { n: 2 } }, { body: { n: 3 } }],
  })
})

it('gives a returning client only what it missed, and everything to one of another database', async () => {
  fact(1)
  fact(2)
  expect(await next(stream.subscribe('c', { epoch: ledger.epoch, seq: 1 }, abort.signal))).toMatchObject({
    type: 'delta',
    from: 1,
    to: 2,
  })
  expect(await next(stream.subscribe('d', { epoch: 'other', seq: 1 }, abort.signal))).toMatchObject({
    type: 'snapshot',
  })
})

it('stops pushing to a client that acknowledges nothing, and sends it the sum when it does', async () => {
  const pushes = stream.subscribe('slow', null, abort.signal)
  let last = await next(pushes)
  let received = 0
  for (let pending = pushes.next(); ; ) {
    fact(received)
    const raced = await Promise.race([
      pending,
      new Promise<null>((resolve) => setTimeout(resolve, 500, null)),
    ])
    if (raced === null) {
      for (let i = 0; i < 50; i++) fact(100 + i)
      stream.ack('slow', 'to' in last ? last.to : 0)
      last = (await pending).value as StatePush
      break
    }
    last = raced.value as StatePush
    received++
    expect(received).toBeLessThan(30)
    pending = pushes.next()
  }
  expect(received).toBe(15)
  expect(last.type).toBe('delta')
  if (last.type === 'delta') expect(last.facts.length).toBeGreaterThan(50)
})

it('sends the newest signals, not each of them', async () => {
  const pushes = stream.subscribe('c', null, abort.signal)
  await next(pushes)
  const waiting = next(pushes)
  for (let i = 1; i <= 100; i++) signals.set('att_1', { progress: i / 100 })
  await waiting
  const rest = next(pushes)
  signals.set('att_1', { progress: 0.5 })
  expect(await rest).toEqual({ type: 'signals', signals: [{ attemptId: 'att_1', progress: 0.5 }] })
})

it('ends when the client goes', async () => {
  const pushes = stream.subscribe('c', null, abort.signal)
  await next(pushes)
  const waiting = pushes.next()
  abort.abort()
  expect((await waiting).done).toBe(true)
})
