import { describe, expect, test } from 'vitest'
import type { ReplayMark } from '../../shared/contract/attempts.ts'
import { offsetAt, pieceBefore, replayTimeline, silenceEnds, sizeAt, timeAt } from './replay-time.ts'

const MARKS: ReplayMark[] = [
  { kind: 'open', at: 1_000, offset: 0, cols: 80, rows: 24 },
  { kind: 'time', at: 2_000, offset: 0 },
  { kind: 'size', at: 2_500, offset: 60, cols: 100, rows: 30 },
  { kind: 'time', at: 3_000, offset: 100 },
  { kind: 'time', at: 63_000, offset: 200 },
  { kind: 'exit', at: 64_000, offset: 300 },
]

function timelineOf(marks: ReplayMark[], bytes: number) {
  const timeline = replayTimeline(marks, bytes)
  if (!timeline) throw new Error('no timeline')
  return timeline
}

describe('the time of a replay', () => {
  const timeline = timelineOf(MARKS, 300)

  test('goes from the first to the last mark, and every byte has been written at its end', () => {
    expect([timeline.start, timeline.end]).toEqual([1_000, 64_000])
    expect(offsetAt(timeline, 0)).toBe(0)
    expect(offsetAt(timeline, 1_500)).toBe(0)
    expect(offsetAt(timeline, 2_500)).toBe(50)
    expect(offsetAt(timeline, 64_000)).toBe(300)
    expect(offsetAt(timeline, 1e9)).toBe(300)
  })

  test('writes a burst within its second and not over the silence after it', () => {
    expect(offsetAt(timeline, 3_500)).toBe(150)
    expect(offsetAt(timeline, 4_000)).toBe(200)
    expect(offsetAt(timeline, 62_999)).toBe(200)
    expect(silenceEnds(timeline, 3_500)).toBeNull()
    expect(silenceEnds(timeline, 4_000)).toBe(63_000)
    expect(silenceEnds(timeline, 64_000)).toBeNull()
  })

  test('leads from every byte to a moment when it has been written, and not much more', () => {
    for (let offset = 0; offset <= 300; offset++) {
      const at = timeAt(timeline, offset)
      expect(offsetAt(timeline, at)).toBeGreaterThanOrEqual(offset)
      expect(offsetAt(timeline, at)).toBeLessThanOrEqual(offset + 1)
    }
    expect(timeAt(timeline, 999)).toBe(timeline.end)
  })

  test('never runs backwards, whatever the clock did', () => {
    const odd = timelineOf(
      [...MARKS.slice(0, 4), { kind: 'time', at: 500, offset: 200 }, { kind: 'exit', at: 900, offset: 300 }],
      300,
    )
    let last = 0
    for (let at = odd.start; at <= odd.end; at += 10) {
      const offset = offsetAt(odd, at)
      expect(offset).toBeGreaterThanOrEqual(last)
      last = offset
    }
    expect(last).toBe(300)
  })

  test('ends a recording that has no end yet a burst after its last mark', () => {
    const live = timelineOf(MARKS.slice(0, 4), 180)
    expect(live.end).toBe(4_000)
    expect(offsetAt(live, live.end)).toBe(180)
    expect(replayTimeline([], 0)).toBeNull()
  })

  test('knows sizes and the beginnings of pieces', () => {
    expect(sizeAt(timeline, 0)).toMatchObject({ cols: 80, rows: 24 })
    expect(sizeAt(timeline, 60)).toMatchObject({ cols: 100, rows: 30 })
    expect(pieceBefore(timeline, 199)).toBe(100)
    expect(pieceBefore(timeline, 200)).toBe(200)
  })
})
