import { describe, expect, test } from 'vitest'
import { TextClock, type Timed } from './text-clock.ts'
import { ageText, countdown, MINUTE_SLACK_MS, stintText, stopwatchText } from './time-text.ts'

const MINUTE = 60_000

/** Time that goes on only when told, and a count of the times that something woke up. */
class Time {
  at = 0
  wakes = 0
  #timers = new Set<{ at: number; run: () => void }>()
  readonly timers = {
    now: () => this.at,
    later: (run: () => void, ms: number) => {
      const timer = { at: this.at + ms, run }
      this.#timers.add(timer)
      return () => void this.#timers.delete(timer)
    },
  }

  get armed(): number {
    return this.#timers.size
  }

  run(ms: number): void {
    const until = this.at + ms
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at)
      if (!next || next.at > until) break
      this.at = next.at
      this.#timers.delete(next)
      this.wakes += 1
      next.run()
    }
    this.at = until
  }
}

/** A text on screen, drawn when the clock says so. */
function shown(time: Time, clock: TextClock, text: (now: number, from: number) => Timed, from: number) {
  const seen: string[] = [text(time.at, from).text]
  const stop = clock.watch(
    (now) => text(now, from),
    () => seen.push(text(time.at, from).text),
  )
  return { seen, stop }
}

describe('the clock of all texts', () => {
  test('wakes up when a text changes and not in between', () => {
    const time = new Time()
    const { seen } = shown(time, new TextClock(time.timers), stintText, 0)
    time.run(MINUTE - 1)
    expect(time.wakes).toBe(0)
    time.run(4 * MINUTE)
    expect(seen).toEqual(['< 1 min', '1 min', '2 min', '3 min', '4 min'])
    expect(time.wakes).toBe(4)
  })

  test('sixteen ages of one task change in one go', () => {
    const time = new Time()
    const clock = new TextClock(time.timers)
    const all = Array.from({ length: 16 }, (_, i) =>
      shown(time, clock, i % 2 ? ageText : stintText, -i * 500),
    )
    time.run(10 * MINUTE + MINUTE_SLACK_MS)
    for (const { seen } of all) expect(seen.at(-1)).toBe('10 min')
    expect(time.wakes).toBe(10)
  })

  test('nothing is late by more than it allows', () => {
    const time = new Time()
    const clock = new TextClock(time.timers)
    const starts = [0, 7_000, 21_000, 44_000]
    const all = starts.map((from) => shown(time, clock, stintText, from))
    for (let at = 0; at < 5 * MINUTE; at += 1_000) {
      time.run(1_000)
      for (const [i, { seen }] of all.entries())
        expect([
          stintText(time.at, starts[i] ?? 0).text,
          stintText(time.at - MINUTE_SLACK_MS, starts[i] ?? 0).text,
        ]).toContain(seen.at(-1))
    }
  })

  test('no timer while nothing changes, nobody looks or nobody watches; looking again brings all up to date', () => {
    const time = new Time()
    const clock = new TextClock(time.timers)
    const over = shown(time, clock, countdown, -5)
    expect(time.armed).toBe(0)
    const age = shown(time, clock, ageText, 0)
    expect(time.armed).toBe(1)
    clock.setSeen(false)
    expect(time.armed).toBe(0)
    time.run(3 * MINUTE)
    expect(age.seen).toEqual(['now'])
    clock.setSeen(true)
    expect(age.seen).toEqual(['now', '3 min'])
    age.stop()
    expect(time.armed).toBe(0)
    over.stop()
  })

  test('an impatient text does not wait for a patient one, and one that leaves takes its timer along', () => {
    const time = new Time()
    const clock = new TextClock(time.timers)
    shown(time, clock, ageText, 0)
    const watch = shown(time, clock, stopwatchText, 0)
    time.run(5_400)
    expect(watch.seen).toEqual(['0 s', '1 s', '2 s', '3 s', '4 s', '5 s'])
    watch.stop()
    const { wakes } = time
    time.run(MINUTE - 10_000)
    expect(time.wakes).toBe(wakes)
  })
})

describe('texts of time', () => {
  test('say when they change', () => {
    for (const text of [ageText, stintText, stopwatchText])
      for (const ms of [
        0, 1, 999, 59_999, 60_000, 3_599_999, 3_600_000, 7_260_001, 86_400_000, 200_000_000,
      ]) {
        const { text: now, until } = text(ms, 0)
        expect(until).toBeGreaterThan(ms)
        expect(text(until - 1, 0).text, `${text.name} at ${ms}`).toBe(now)
        expect(text(until, 0).text, `${text.name} at ${ms}`).not.toBe(now)
      }
  })

  test('a moment ahead, by another clock, is now', () => {
    expect(ageText(0, 5_000).text).toBe('now')
    expect(stintText(0, 5_000).text).toBe('< 1 min')
    expect(stopwatchText(0, 5_000).text).toBe('0 s')
  })

  test('a countdown ends at nought and is over then', () => {
    expect(countdown(0, 10_000)).toMatchObject({ text: '10000', until: 250 })
    expect(countdown(9_900, 10_000)).toMatchObject({ text: '250', until: 10_000 })
    expect(countdown(10_000, 10_000)).toMatchObject({ text: '0', until: Number.POSITIVE_INFINITY })
  })
})
