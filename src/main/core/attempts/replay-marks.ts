import type { ReplayMark } from '../../../shared/contract/attempts.ts'
import type { LogMark } from '../../pty-protocol/log-files.ts'

/** So many places in time are enough for any scrubber; a day of output would be 86,400. */
const MAX_TIMES = 10_000

/** The index of a log as a replay needs it: sizes and ends complete, times thinned out evenly to at most `maxTimes`. */
export function replayMarks(marks: readonly LogMark[], maxTimes = MAX_TIMES): ReplayMark[] {
  const times = marks.filter((mark) => mark.k === 'time').length
  const step = Math.max(1, Math.ceil(times / maxTimes))
  let seen = 0
  return marks.flatMap((mark): ReplayMark[] => {
    const place = { kind: mark.k, at: mark.at, offset: mark.k === 'open' ? 0 : mark.offset }
    if (mark.k === 'time') {
      const kept = seen % step === 0
      seen += 1
      return kept ? [place] : []
    }
    return [mark.k === 'open' || mark.k === 'size' ? { ...place, cols: mark.cols, rows: mark.rows } : place]
  })
}

/** `bytes` up to the last letter (UTF-8) that is complete in them; all of them when that would leave nothing. */
export function wholeLetters(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0b1100_0000) === 0b1000_0000) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back && bytes.length > back ? bytes.subarray(0, bytes.length - back) : bytes
  }
  return bytes
}
