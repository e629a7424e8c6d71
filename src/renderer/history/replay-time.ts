import type { ReplayMark } from '../../shared/contract/attempts.ts'

/** A recording in time: which place of the stream was reached when. */
export interface ReplayTimeline {
  /** Wall clock in ms. */
  start: number
  end: number
  bytes: number
  /** From `at` on the output after `offset` was written; both grow from point to point. */
  points: readonly { at: number; offset: number }[]
  sizes: readonly { offset: number; cols: number; rows: number }[]
}

/** The log's index has about one mark a second while there is output: what follows a mark came within this. */
const BURST_MS = 1_000

/** The timeline of a recording; null when nothing was recorded. `bytes` is where it ends now. */
export function replayTimeline(marks: readonly ReplayMark[], bytes: number): ReplayTimeline | null {
  const points: { at: number; offset: number }[] = []
  const sizes: { offset: number; cols: number; rows: number }[] = []
  let at = Number.NEGATIVE_INFINITY
  let offset = 0
  for (const mark of marks) {
    // A clock that was set back must not turn the recording around.
    at = Math.max(at, mark.at)
    offset = Math.max(offset, mark.offset)
    if (mark.cols !== undefined && mark.rows !== undefined)
      sizes.push({ offset, cols: mark.cols, rows: mark.rows })
    if (mark.kind === 'open' || mark.kind === 'time' || mark.kind === 'exit') points.push({ at, offset })
  }
  const first = points[0]
  const last = points.at(-1)
  if (!first || !last) return null
  // Without an end mark (it still runs, or was lost) the last output came within a burst.
  if (last.offset < bytes) points.push({ at: last.at + BURST_MS, offset: bytes })
  return { start: first.at, end: points.at(-1)?.at ?? last.at, bytes, points, sizes }
}

/** Index of the last point at or before `at`; -1 before the first. */
function pointAt(timeline: ReplayTimeline, at: number): number {
  let low = 0
  let high = timeline.points.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((timeline.points[middle]?.at ?? 0) <= at) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** How many bytes had been written at `at`; within a burst they are spread evenly. */
export function offsetAt(timeline: ReplayTimeline, at: number): number {
  const index = pointAt(timeline, at)
  const point = timeline.points[index]
  if (!point) return 0
  const next = timeline.points[index + 1]
  if (!next) return timeline.bytes
  const span = Math.max(1, Math.min(BURST_MS, next.at - point.at))
  const part = Math.min(1, (at - point.at) / span)
  return point.offset + Math.floor(part * (next.offset - point.offset))
}

/** When `offset` bytes had been written; the inverse of `offsetAt`. */
export function timeAt(timeline: ReplayTimeline, offset: number): number {
  const next = timeline.points.find((point) => point.offset >= offset)
  const before = timeline.points.findLast((point) => point.offset < offset)
  if (!next) return timeline.end
  if (!before) return next.at
  const span = Math.max(1, Math.min(BURST_MS, next.at - before.at))
  // A millisecond later than exact: rounding down would show it just before.
  return Math.min(
    next.at,
    before.at + Math.ceil((span * (offset - before.offset)) / (next.offset - before.offset)) + 1,
  )
}

/** When output goes on after the silence that `at` lies in; null while it flows, or when nothing follows. */
export function silenceEnds(timeline: ReplayTimeline, at: number): number | null {
  const index = pointAt(timeline, at)
  const point = timeline.points[index]
  const next = timeline.points[index + 1]
  if (!next) return null
  if (point && next.offset > point.offset && at < point.at + BURST_MS) return null
  return next.at
}

/** The last place at or before `offset` where a piece of output began: there no escape sequence is cut in two. */
export function pieceBefore(timeline: ReplayTimeline, offset: number): number {
  let found = 0
  for (const point of timeline.points) {
    if (point.offset > offset) break
    found = point.offset
  }
  return found
}

/** The size that the terminal had when `offset` bytes were written. */
export function sizeAt(timeline: ReplayTimeline, offset: number): { cols: number; rows: number } {
  let found = timeline.sizes[0]
  for (const size of timeline.sizes) if (size.offset <= offset) found = size
  return found ?? { cols: 80, rows: 24 }
}
