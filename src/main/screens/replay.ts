import { readLogSlice, readMarks } from '../pty-protocol/log-files.ts'
import type { ReplayRequest, ReplayResult } from '../pty-protocol/pty-host.ts'
import { Emulator, type EmulatorEvents } from './emulator.ts'

/** Output that is drawn for a replay, at most: 0.3 s of parsing, far more than any screen and its history hold. */
const REPLAY_BYTES = 8 * 1024 * 1024
/** Written between two breaths of the event loop. */
const CHUNK_BYTES = 256 * 1024

/** A part of a log; `cols` and `rows` are for a log that does not say which size it began with. */
export type LogPart = Omit<ReplayRequest, 'want'>

/**
 * Draws what a log holds up to `until` on an emulator of its own, with the sizes the terminal had, and gives the screen
 * or its text. Nothing is typed anywhere: this emulator has no answers.
 */
export async function replayLog(request: ReplayRequest): Promise<ReplayResult> {
  const emulator = await drawLog(request, {})
  try {
    if (request.want === 'screen') {
      const { offset, cols, rows, data } = emulator.snapshot(request.scrollback)
      return { offset, cols, rows, data }
    }
    const { offset, cols, rows } = emulator
    return { offset, cols, rows, data: Buffer.from(emulator.text()) }
  } finally {
    emulator.dispose()
  }
}

/** An emulator with what a log holds up to `until`, at most the last 8 MiB of it. Rejects when it cannot be read. */
export async function drawLog(part: LogPart, events: EmulatorEvents): Promise<Emulator> {
  const marks = await readMarks(part.logPath)
  const { end } = await readLogSlice(part.logPath, 0, 0)
  const until = Math.min(part.until ?? end, end)
  const from = Math.max(0, until - REPLAY_BYTES)
  const sizes: { offset: number; cols: number; rows: number }[] = []
  for (const mark of marks) {
    if (mark.k === 'open') sizes.push({ offset: 0, cols: mark.cols, rows: mark.rows })
    if (mark.k === 'size' && mark.offset <= until) sizes.push(mark)
  }
  const first = sizes.findLast((size) => size.offset <= from) ?? part
  const emulator = new Emulator(first.cols, first.rows, from, events, part.scrollback)
  try {
    let next = sizes.filter((size) => size.offset > from)
    for (let at = from; at < until; ) {
      const size = next[0]
      if (size && size.offset <= at) {
        emulator.resize(size.cols, size.rows)
        next = next.slice(1)
        continue
      }
      const slice = await readLogSlice(part.logPath, at, Math.min(CHUNK_BYTES, (size?.offset ?? until) - at))
      if (slice.bytes.length === 0) {
        // Rotated away or a gap: go on where the log does.
        if (slice.offset <= at) break
        at = slice.offset
        continue
      }
      const start = slice.offset === at && at === from && from > 0 ? lineStart(slice.bytes) : 0
      at = slice.offset + slice.bytes.length
      emulator.write(slice.bytes.subarray(start), at)
      await emulator.settled()
    }
    for (const size of next) emulator.resize(size.cols, size.rows)
    // A gap may reach up to the end.
    emulator.write(new Uint8Array(0), until)
    await emulator.settled()
    return emulator
  } catch (error) {
    emulator.dispose()
    throw error
  }
}

/** A replay that begins in the middle begins behind a line end, so that no half sequence shows as text. */
function lineStart(bytes: Uint8Array): number {
  const at = bytes.indexOf(0x0a)
  return at < 0 ? 0 : at + 1
}
