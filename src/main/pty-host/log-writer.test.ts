import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listSegments, readLogSlice, readMarks } from '../pty-protocol/log-files.ts'
import { type LogFiles, LogWriter, type LogWriterOptions, realLogFiles } from './log-writer.ts'
import { tempDir, until } from './test-host.ts'

const END = { at: 9, offset: 0, code: 0, signal: null, reason: 'exited' } as const

describe('the log of a terminal', () => {
  let dir = ''
  let path = ''
  let now = 0
  const changes: { logging: boolean; offset: number; lost: number }[] = []
  beforeEach(async () => {
    dir = await tempDir()
    path = join(dir, 'logs', 'a.log')
    now = 0
    changes.length = 0
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  const create = (more: Partial<LogWriterOptions> = {}) =>
    LogWriter.create({
      path,
      id: 'a',
      epoch: 1,
      cols: 80,
      rows: 24,
      now: () => 1_000_000 + now,
      monotonic: () => now,
      drained: () => {},
      changed: ({ logging, offset, lost }) => changes.push({ logging, offset, lost }),
      ...more,
    })
  const drained = (log: LogWriter) => until(() => log.queued === 0)

  test('rotates by size, keeps the newest segments, and reads across their borders', async () => {
    const log = await create({ segmentBytes: 1_000, segments: 3 })
    const all = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i % 251))
    for (let at = 0; at < all.length; at += 500) {
      log.write(all.subarray(at, at + 500))
      await drained(log)
    }
    await log.finish({ ...END, offset: all.length })
    const segments = await listSegments(path)
    expect(segments.map(({ start, size }) => [start, size])).toEqual([
      [7_000, 1_000],
      [8_000, 1_000],
      [9_000, 1_000],
    ])
    const slice = await readLogSlice(path, 0, 1e6)
    expect(slice).toMatchObject({ offset: 7_000, end: 10_000 })
    expect(slice.bytes.equals(all.subarray(7_000))).toBe(true)
    expect((await readLogSlice(path, 7_900, 200)).bytes.equals(all.subarray(7_900, 8_100))).toBe(true)
    expect(await readLogSlice(path, 10_000, 10)).toEqual({
      offset: 10_000,
      bytes: Buffer.alloc(0),
      end: 10_000,
    })
    expect((await readMarks(path)).filter((mark) => mark.k === 'cut').at(-1)).toMatchObject({ offset: 7_000 })
  })

  test('marks time once a second, sizes, and the end', async () => {
    const log = await create()
    for (let i = 0; i < 5; i++) {
      now = i * 400
      log.write(Buffer.from('12345'))
    }
    log.resized(100, 30)
    await log.finish({ ...END, offset: 25 })
    expect(await readMarks(path)).toMatchObject([
      { k: 'open', cols: 80 },
      { k: 'time', offset: 0 },
      { k: 'time', offset: 15 },
      { k: 'size', offset: 25, cols: 100, rows: 30 },
      { k: 'exit', offset: 25, reason: 'exited' },
    ])
  })

  /** The real disk, but full while `full` says so: takes a part of the first write, as a disk does, and then nothing. */
  const fillable = (state: { full: boolean; room: number }): LogFiles => ({
    async open(name, exclusive) {
      const file = await realLogFiles.open(name, exclusive)
      return {
        ...file,
        async append(parts) {
          if (!state.full) return await file.append(parts)
          const part = parts[0]?.subarray(0, state.room) ?? new Uint8Array(0)
          state.room = 0
          if (part.length === 0)
            throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
          return await file.append([part])
        },
      }
    },
    remove: realLogFiles.remove,
  })

  test('stops on a full disk, says so, and goes on behind a marked gap', async () => {
    const disk = { full: false, room: 3 }
    const log = await create({ files: fillable(disk) })
    log.write(Buffer.from('0123456789'))
    await drained(log)
    disk.full = true
    log.write(Buffer.from('abcdefghij'))
    await until(() => !log.logging)
    expect(changes).toEqual([{ logging: false, offset: 13, lost: 0 }])
    now = 1_000
    log.write(Buffer.from('lost at once'))
    expect(log.queued).toBe(0)
    now = 5_000
    log.write(Buffer.from('tried, lost'))
    await drained(log)
    expect(log.logging).toBe(false)
    disk.full = false
    now = 10_000
    log.write(Buffer.from('back'))
    await until(() => log.logging)
    const from = 20 + 12 + 11
    expect(changes.at(-1)).toEqual({ logging: true, offset: from, lost: from - 13 })
    await log.finish({ ...END, offset: from + 4 })
    expect((await readLogSlice(path, 0, 1_000)).bytes.toString()).toBe('0123456789abc')
    expect(await readLogSlice(path, 13, 1_000)).toEqual({
      offset: from,
      bytes: Buffer.from('back'),
      end: from + 4,
    })
    const marks = await readMarks(path)
    expect(marks).toContainEqual(expect.objectContaining({ k: 'gap', offset: 13, lost: from - 13 }))
    expect(marks.at(-1)).toMatchObject({ k: 'exit' })
    expect((await readdir(join(dir, 'logs'))).sort()).toEqual(['a.log', `a.log.${from}`, 'a.log.idx'].sort())
  })

  test('starts although there is nowhere to write, and begins when there is', async () => {
    const blocker = join(dir, 'logs')
    await writeFile(blocker, 'a file where the folder should be')
    const log = await create()
    expect(log.logging).toBe(false)
    log.write(Buffer.from('lost'))
    await rm(blocker)
    now = 5_000
    log.write(Buffer.from('kept'))
    await until(() => log.logging)
    await log.finish({ ...END, offset: 8 })
    expect((await readLogSlice(path, 0, 100)).bytes.toString()).toBe('kept')
    expect(changes).toEqual([
      { logging: false, offset: 0, lost: 0 },
      { logging: true, offset: 4, lost: 4 },
    ])
  })

  const mountable = process.getuid?.() === 0 && process.platform === 'linux' && canMount()
  test.skipIf(!mountable)('survives a real full filesystem', async () => {
    const disk = join(dir, 'small')
    await mkdir(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk])
    try {
      path = join(disk, 'a.log')
      const log = await create()
      const block = Buffer.alloc(32 * 1024, 'x')
      for (let i = 0; i < 12; i++) {
        log.write(block)
        await drained(log)
      }
      expect(log.logging).toBe(false)
      const before = (await readFile(path)).length
      expect(changes[0]).toMatchObject({ logging: false, offset: before })
      execFileSync('mount', ['-o', 'remount,size=4m', disk])
      now = 10_000
      log.write(Buffer.from('after'))
      await until(() => log.logging)
      await log.finish({ ...END, offset: 12 * block.length + 5 })
      expect((await readLogSlice(path, before, 100)).bytes.toString()).toBe('after')
      expect((await readMarks(path)).at(-1)).toMatchObject({ k: 'exit' })
    } finally {
      execFileSync('umount', [disk])
    }
  })
})

function canMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
