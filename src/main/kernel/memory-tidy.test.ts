import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MemoryTidy } from './memory-tidy.ts'

const MB = 1024 * 1024

describe('memory is given back', () => {
  let written = 0
  let collections = 0
  let tidy: MemoryTidy
  beforeEach(() => {
    vi.useFakeTimers()
    written = 0
    collections = 0
    tidy = new MemoryTidy(
      () => written,
      () => {
        collections++
      },
    )
  })
  afterEach(() => {
    tidy.dispose()
    vi.useRealTimers()
  })

  const write = (bytes: number) => {
    written += bytes
    tidy.touch()
  }

  test('once a flood is over, not while it lasts, and not again for nothing', () => {
    for (let i = 0; i < 10; i++) {
      write(5 * MB)
      vi.advanceTimersByTime(1_000)
    }
    expect(collections).toBe(0)
    vi.advanceTimersByTime(4_000)
    expect(collections).toBe(1)
    write(1_000)
    vi.advanceTimersByTime(60_000)
    expect(collections).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('after a terminal has ended, however little was written, also beside a spinner', () => {
    tidy.touch(true)
    for (let i = 0; i < 20; i++) {
      write(100)
      vi.advanceTimersByTime(250)
    }
    expect(collections).toBe(1)
  })

  test('by the process itself', () => {
    vi.useRealTimers()
    const before = process.memoryUsage().arrayBuffers
    let blocks: Uint8Array[] = Array.from({ length: 64 }, () => new Uint8Array(MB))
    expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(60 * MB)
    vi.useFakeTimers()
    const real = new MemoryTidy(() => blocks.length)
    blocks = []
    real.touch(true)
    vi.advanceTimersByTime(2_000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(30 * MB)
  })
})
