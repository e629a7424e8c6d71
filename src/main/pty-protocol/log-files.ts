import { open, readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { ExitReasonSchema } from './messages.ts'

/**
 * The log of one terminal: raw bytes in segments. The first is the log's own path, each later one `<path>.<offset of its
 * first byte>`; a place between two segments that neither holds is a gap. Marks stand in `<path>.idx`, one JSON per line.
 */
export interface LogSegment {
  path: string
  start: number
  size: number
}

/** A line of the index. `at` is wall ms, `offset` the place in the stream. */
export const LogMark = z.discriminatedUnion('k', [
  z.object({
    k: z.literal('open'),
    at: z.number(),
    id: z.string(),
    epoch: z.number(),
    cols: z.number(),
    rows: z.number(),
  }),
  z.object({ k: z.literal('size'), at: z.number(), offset: z.number(), cols: z.number(), rows: z.number() }),
  /** Output went on here at this time; about one a second while there is any. */
  z.object({ k: z.literal('time'), at: z.number(), offset: z.number() }),
  /** `lost` bytes from `offset` on were never written: the disk was full or failed. */
  z.object({ k: z.literal('gap'), at: z.number(), offset: z.number(), lost: z.number() }),
  /** Everything before `offset` was given up to stay within the bound. */
  z.object({ k: z.literal('cut'), at: z.number(), offset: z.number() }),
  z.object({
    k: z.literal('exit'),
    at: z.number(),
    offset: z.number(),
    code: z.number().nullable(),
    signal: z.number().nullable(),
    reason: ExitReasonSchema,
  }),
])
export type LogMark = z.infer<typeof LogMark>

export function segmentPath(logPath: string, start: number): string {
  return start === 0 ? logPath : `${logPath}.${start}`
}

export function indexPath(logPath: string): string {
  return `${logPath}.idx`
}

/**
 * Where the log of another life of a terminal lies: lives keep theirs side by side, as `<name>-<epoch>.log`. The terminal's
 * own path for its own epoch, and where names are otherwise.
 */
export function logPathOfLife(terminal: { epoch: number; logPath: string }, epoch: number): string {
  const end = `-${terminal.epoch}.log`
  if (epoch === terminal.epoch || !terminal.logPath.endsWith(end)) return terminal.logPath
  return `${terminal.logPath.slice(0, -end.length)}-${epoch}.log`
}

/** The segments in the order of the stream; none when there is no log. */
export async function listSegments(logPath: string): Promise<LogSegment[]> {
  const folder = dirname(logPath)
  const name = basename(logPath)
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
  const starts = names.flatMap((other) => {
    if (other === name) return [0]
    const tail = other.startsWith(`${name}.`) ? other.slice(name.length + 1) : ''
    return /^[1-9]\d{0,15}$/.test(tail) ? [Number(tail)] : []
  })
  const segments = await Promise.all(
    starts.map(async (start) => {
      const path = join(folder, basename(segmentPath(logPath, start)))
      // A segment may be rotated away between the listing and here.
      const size = await stat(path).then(
        (found) => found.size,
        () => null,
      )
      return size === null ? [] : [{ path, start, size }]
    }),
  )
  return segments.flat().sort((a, b) => a.start - b.start)
}

/**
 * Up to `maxBytes` from `fromOffset` on, over segment borders but not over a gap; `offset` is later than asked when those
 * bytes are gone. `end` is the place after the last byte of the log.
 */
export async function readLogSlice(
  logPath: string,
  fromOffset: number,
  maxBytes: number,
): Promise<{ offset: number; bytes: Buffer; end: number }> {
  const segments = await listSegments(logPath)
  const last = segments.at(-1)
  const end = last ? last.start + last.size : 0
  const first = segments.find((segment) => segment.start + segment.size > fromOffset)
  if (!first) return { offset: Math.min(fromOffset, end), bytes: Buffer.alloc(0), end }
  const offset = Math.max(fromOffset, first.start)
  const parts: Buffer[] = []
  let at = offset
  let room = maxBytes
  for (const segment of segments.slice(segments.indexOf(first))) {
    if (room <= 0 || segment.start > at) break
    const part = await readPart(
      segment.path,
      at - segment.start,
      Math.min(room, segment.start + segment.size - at),
    )
    parts.push(part)
    at += part.length
    room -= part.length
  }
  return { offset, bytes: Buffer.concat(parts), end }
}

async function readPart(path: string, position: number, size: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(size)
    let filled = 0
    while (filled < size) {
      const { bytesRead } = await file.read(buffer, filled, size - filled, position + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return buffer.subarray(0, filled)
  } finally {
    await file.close()
  }
}

/** The marks in the order they were written; none when there is no index. A last line that was cut short is left out. */
export async function readMarks(logPath: string): Promise<LogMark[]> {
  let text: string
  try {
    text = await readFile(indexPath(logPath), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
  return text.split('\n').flatMap((line) => {
    try {
      const mark = LogMark.safeParse(JSON.parse(line))
      return mark.success ? [mark.data] : []
    } catch {
      return []
    }
  })
}
