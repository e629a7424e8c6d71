import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPtyProcess } from './pty-process.ts'
import { recorder, specOf, tempDir } from './test-host.ts'

describe('a process on a pseudoterminal', () => {
  let dir = ''
  beforeAll(async () => {
    dir = await tempDir()
  })
  afterAll(() => rm(dir, { recursive: true, force: true }))

  // node-pty itself destroys its socket 200 ms after the exit, whatever was read until then.
  for (const pauseMs of [0, 100, 1_000]) {
    for (const size of [1_000, 4_096, 16_000, 60_000]) {
      test(`loses nothing of ${size} bytes when reading pauses ${pauseMs} ms around the exit`, async () => {
        const sum = join(dir, `${pauseMs}-${size}.sum`)
        const hash = createHash('sha256')
        let total = 0
        let first = true
        await new Promise<void>((resolve) => {
          const started = startPtyProcess('/bin/sh', specOf(dir, 'sh', recorder(size, sum)), {
            data(chunk) {
              hash.update(chunk)
              total += chunk.length
              if (!first) return
              first = false
              started.pause()
              setTimeout(() => started.resume(), pauseMs)
            },
            exit: () => resolve(),
          })
        })
        // A process with more than the kernel's buffer waits for us; it ends, and its sum is there, before the exit is told.
        expect(total).toBe(size)
        expect(hash.digest('hex')).toBe(await readFile(sum, 'utf8'))
      })
    }
  }

  // What cp, cat and their like do on a slow machine: they close their output and then take a moment to end.
  test('tells the exit code of a program that closed its terminal before it ended', async () => {
    const exit = await new Promise<[number | null, number | null]>((resolve) => {
      const line = 'printf done; exec <&- >&- 2>&-; sleep 0.4; exit 7'
      startPtyProcess('/bin/bash', specOf(dir, '/bin/bash', ['-c', line]), {
        data: () => {},
        exit: (code, signal) => resolve([code, signal]),
      })
    })
    expect(exit).toEqual([7, null])
  })

  test('has a kernel that takes back whole letters', async () => {
    let said = ''
    await new Promise<void>((resolve) => {
      const script = 'stty -echo; echo ready; read line; printf "<%s>" "$line"'
      const started = startPtyProcess('/bin/sh', specOf(dir, 'sh', ['-c', script]), {
        data(chunk) {
          if (said === '') started.write(Buffer.from('日ü\u007f本\n'))
          said += chunk.toString('latin1')
        },
        exit: () => resolve(),
      })
    })
    expect(Buffer.from(said, 'latin1').toString()).toContain('<日本>')
  })

  test('loses nothing when the event loop stands still around the exit', async () => {
    const sum = join(dir, 'stall.sum')
    const hash = createHash('sha256')
    let total = 0
    await new Promise<void>((resolve) => {
      startPtyProcess('/bin/sh', specOf(dir, 'sh', recorder(50_000, sum)), {
        data(chunk) {
          hash.update(chunk)
          total += chunk.length
          const until = performance.now() + 60
          while (performance.now() < until) {}
        },
        exit: () => resolve(),
      })
    })
    expect(total).toBe(50_000)
    expect(hash.digest('hex')).toBe(await readFile(sum, 'utf8'))
  })
})
