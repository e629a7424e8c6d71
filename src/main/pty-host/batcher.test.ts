import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Batcher } from './batcher.ts'

let now = 0
let batches: string[] = []
const batcher = (most?: () => number) =>
  new Batcher(
    (batch) => batches.push(batch.toString()),
    most,
    () => now,
  )

beforeEach(() => {
  now = 1_000
  batches = []
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('an echo after silence goes at once, what follows is collected', () => {
  const it = batcher()
  it.push(Buffer.from('a'))
  expect(batches).toEqual(['a'])
  now += 1
  it.push(Buffer.from('b'))
  it.push(Buffer.from('c'))
  expect(batches).toEqual(['a'])
  vi.advanceTimersByTime(8)
  expect(batches).toEqual(['a', 'bc'])
})

test('a batch is never larger than it may be now', () => {
  const it = batcher(() => 10)
  for (let i = 0; i < 5; i++) it.push(Buffer.from('12345'))
  it.flush()
  expect(batches.join('')).toHaveLength(25)
  expect(batches.every((batch) => batch.length <= 10)).toBe(true)
})

test('after a key nothing waits: neither what was collected nor what comes next', () => {
  const it = batcher()
  it.push(Buffer.from('x'.repeat(2_000)))
  it.hurry()
  expect(batches).toHaveLength(1)
  now += 1
  it.push(Buffer.from('an'))
  it.push(Buffer.from('swer'))
  vi.advanceTimersByTime(0)
  vi.runOnlyPendingTimers()
  expect(batches[1]).toBe('answer')
  // A tenth of a second later it is output like any other.
  now += 100
  it.push(Buffer.from('y'.repeat(2_000)))
  it.push(Buffer.from('z'))
  expect(batches).toHaveLength(2)
  vi.advanceTimersByTime(8)
  expect(batches).toHaveLength(3)
})
