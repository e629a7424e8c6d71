import { expect, onTestFinished, test, vi } from 'vitest'
import { Scope } from './disposable.ts'
import { silentLogger } from './logger.ts'

test('work that is asleep costs no tick; woken it goes on until there is nothing more to do', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const scope = new Scope(silentLogger)
  let ticks = 0
  let left = 0
  const wake = scope.whileBusy('test', 500, () => {
    ticks += 1
    if (ticks === 2) throw new Error('this one is tried again')
    left -= 1
    return left > 0
  })
  const later = () => {
    vi.advanceTimersByTime(60_000)
    return ticks
  }
  expect(later()).toBe(0)
  left = 3
  wake()
  wake()
  expect(later()).toBe(4)
  left = 1
  wake()
  expect(later()).toBe(5)
  expect(vi.getTimerCount()).toBe(0)
  wake()
  scope.dispose()
  wake()
  expect(later()).toBe(5)
})
