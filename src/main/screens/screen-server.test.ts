import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { FromScreens } from '../pty-protocol/screen-messages.ts'
import { TestScreen } from '../pty-protocol/test-screen.ts'
import { ScreenServer } from './screen-server.ts'

const COLS = 40
const ROWS = 10

const lines = (from: number, to: number) =>
  Buffer.from(Array.from({ length: to - from }, (_, i) => `line ${from + i}\r\n`).join(''))

describe('the process that draws screens', () => {
  test('has a screenful above a screen even in a flood, so that a taller one shows the right lines', async () => {
    const before = lines(0, 500)
    const flood = lines(500, 20_000)
    const answers: { message: FromScreens; tail: Uint8Array }[] = []
    const server = new ScreenServer((message, tail = new Uint8Array(0)) => answers.push({ message, tail }))
    const snapshot = async (re: number) => {
      await server.take({ op: 'snapshot', s: 1, re }, new Uint8Array(0))
      const { message, tail } = answers.at(-1)!
      if (message.op !== 'screen') throw new Error(message.op)
      return { offset: message.offset, data: tail }
    }
    await server.take({ op: 'open', s: 1, cols: COLS, rows: ROWS, sizes: 0 }, new Uint8Array(0))
    await server.take({ op: 'write', s: 1, end: before.length }, before)
    await server.take({ op: 'settle', s: 1, re: 1 }, new Uint8Array(0))
    const full = await snapshot(2)
    await server.take({ op: 'write', s: 1, end: before.length + flood.length }, flood)
    const shallow = await snapshot(3)
    expect(shallow.offset).toBe(full.offset)
    expect(shallow.data.length).toBeLessThan(full.data.length / 5)
    const taller = async (data: Uint8Array) => {
      const viewer = new TestScreen(COLS, ROWS, true)
      await viewer.write(data)
      viewer.resize(COLS, 2 * ROWS)
      return viewer.describe(0)
    }
    expect(await taller(shallow.data)).toEqual(await taller(full.data))
    await server.take({ op: 'close', s: 1 }, new Uint8Array(0))
  })

  test('says so when it is asked for a screen that it does not have', async () => {
    const answers: FromScreens[] = []
    const server = new ScreenServer((message) => answers.push(message))
    await server.take({ op: 'snapshot', s: 7, re: 1 }, new Uint8Array(0))
    expect(answers).toEqual([{ op: 'no', re: 1, message: 'there is no such screen' }])
  })

  test('redraws one screen after the other, each with what came for it meanwhile', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'quartet-screens-'))
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const logs = [lines(0, 100_000), lines(0, 10)]
    const answers: { message: FromScreens; tail: Uint8Array }[] = []
    const server = new ScreenServer((message, tail = new Uint8Array(0)) => answers.push({ message, tail }))
    const nothing = new Uint8Array(0)
    const all: Promise<void>[] = []
    for (const [s, log] of logs.entries()) {
      const logPath = join(dir, `${s}.log`)
      await writeFile(logPath, log)
      const size = { cols: COLS, rows: ROWS, sizes: 0 }
      all.push(server.take({ op: 'redraw', s, ...size, logPath, until: log.length }, nothing))
      all.push(server.take({ op: 'write', s, end: log.length + 3 }, Buffer.from('end')))
      all.push(server.take({ op: 'freeze', s, re: s }, nothing))
    }
    await Promise.all(all)
    const drawn = answers.flatMap(({ message }) => (message.op === 'drawn' ? [message] : []))
    for (const [s, log] of logs.entries())
      expect(drawn.filter((one) => one.s === s).map(({ end }) => end)).toEqual([log.length, log.length + 3])
    // The short one waited for the long one.
    expect(drawn[0]?.s).toBe(0)
    const screens = answers.filter(({ message }) => message.op === 'screen')
    expect(screens.map(({ tail }) => inflateRawSync(tail).toString().includes('end'))).toEqual([true, true])
  })
})
