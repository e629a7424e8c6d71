import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { ByteRing } from '../kernel/byte-ring.ts'
import { TestScreen } from '../pty-protocol/test-screen.ts'
import { LogWriter } from './log-writer.ts'
import type { Screens } from './screens.ts'
import { type Screen, type SessionScreen, sourceOf } from './session-screen.ts'
import { tempDir, testScreens, until } from './test-host.ts'

const COLS = 40
const ROWS = 10

const lines = (from: number, to: number) =>
  Buffer.from(Array.from({ length: to - from }, (_, i) => `line ${from + i}\r\n`).join(''))

const running: { dispose(): void | Promise<void> }[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.dispose()
})

/** A terminal without a program: what is written goes to a ring, a log and a screen, as in a session. */
class Terminal {
  readonly answers: string[] = []
  readonly titles: string[] = []
  readonly screen: SessionScreen
  readonly #ring: ByteRing
  readonly #log: LogWriter

  private constructor(screens: Screens, log: LogWriter, logPath: string, ringBytes: number) {
    const ring = new ByteRing(ringBytes)
    this.#ring = ring
    this.#log = log
    const source = sourceOf(logPath, ring, log)
    this.screen = screens.open({ cols: COLS, rows: ROWS }, source, {
      answer: (text) => this.answers.push(text),
      title: (title) => this.titles.push(title),
      bell: () => {},
      notice: () => {},
      drawn: () => {},
    })
  }

  static async start(screens: Screens, ringBytes = 1024 * 1024): Promise<Terminal> {
    const path = join(await tempDir(), 'terminal.log')
    const none = () => {}
    const time = { now: () => 0, monotonic: () => 0 }
    const log = await LogWriter.create({
      ...{ path, id: 't', epoch: 1, cols: COLS, rows: ROWS },
      ...time,
      drained: none,
      changed: none,
    })
    const exit = { at: 0, offset: 0, code: 0, signal: null, reason: 'exited' } as const
    running.push({ dispose: () => log.finish(exit) })
    return new Terminal(screens, log, path, ringBytes)
  }

  write(bytes: Uint8Array): void {
    this.#ring.push(bytes)
    this.#log.write(bytes)
    this.screen.write(bytes)
  }

  resize(cols: number, rows: number): void {
    this.screen.resize(cols, rows)
    this.#log.resized(cols, rows)
  }
}

function start(stuckMs?: number): Screens {
  const screens = testScreens(stuckMs)
  running.push(screens)
  return screens
}

/** What a reader sees of a snapshot, cell by cell. */
async function shown(data: Uint8Array, cols = COLS, rows = ROWS) {
  const viewer = new TestScreen(cols, rows, true)
  await viewer.write(data)
  return viewer.describe(0)
}

describe('the screen of a session', () => {
  test('is known before its first byte, while it is drawn, and after its end', async () => {
    const terminal = await Terminal.start(start())
    const { screen } = terminal
    expect(await screen.snapshot()).toMatchObject({ offset: 0, cols: COLS, rows: ROWS, sizes: 0 })
    terminal.resize(30, 5)
    expect(await screen.snapshot()).toMatchObject({ cols: 30, rows: 5, sizes: 1 })
    terminal.write(Buffer.from('early'))
    expect(screen.queued).toBe(5)
    terminal.resize(COLS, ROWS)
    await screen.settled()
    expect(screen.queued).toBe(0)
    const live = await screen.snapshot()
    expect(live).toMatchObject({ offset: 5, cols: COLS, rows: ROWS, sizes: 2 })
    expect(Buffer.from(live.data).toString()).toContain('early')
    await screen.freeze()
    expect(await screen.snapshot()).toEqual({ ...live, data: Buffer.from(live.data) })
  })

  test('ends as it began when nothing was ever written', async () => {
    const screens = start()
    const { screen } = await Terminal.start(screens)
    await screen.freeze()
    expect(await screen.snapshot()).toMatchObject({ offset: 0, cols: COLS, rows: ROWS, sizes: 0 })
    expect((await screen.snapshot()).data).toHaveLength(0)
    // Nobody was needed for that.
    expect(screens.pid).toBeNull()
  })

  test('can be asked for at any moment of its end', async () => {
    const screens = start()
    for (let i = 0; i < 60; i++) {
      const terminal = await Terminal.start(screens)
      terminal.write(Buffer.from('the last words'))
      const asked: Promise<Screen>[] = []
      let over = false
      const end = terminal.screen.freeze().then(() => {
        over = true
      })
      while (!over) {
        asked.push(terminal.screen.snapshot())
        await new Promise((turn) => setImmediate(turn))
      }
      await end
      for (const screen of await Promise.all(asked)) expect(screen.cols).toBe(COLS)
      expect(Buffer.from((await terminal.screen.snapshot()).data).toString()).toContain('the last words')
    }
  })

  test('is the same after the process that draws was killed, from the log and what came meanwhile', async () => {
    const screens = start()
    // So small that most of it is only in the log.
    const terminal = await Terminal.start(screens, 4 * 1024)
    const { screen } = terminal
    terminal.write(Buffer.from('\x1b]2;a title\x07\x1b[?2004h\x1b[c'))
    terminal.write(lines(0, 20_000))
    terminal.resize(COLS + 6, ROWS + 2)
    terminal.write(Buffer.from('\x1b[31mred \x1b[1mbold 漢字 👩‍👩‍👧'))
    expect(await screen.settled()).toEqual({ bracketedPaste: true })
    const before = await screen.snapshot()
    expect(terminal.answers).toHaveLength(1)

    process.kill(screens.pid!, 'SIGKILL')
    const meanwhile = screen.snapshot()
    terminal.write(Buffer.from(' and more\r\n'))
    expect((await meanwhile).offset).toBeGreaterThanOrEqual(before.offset)
    expect(await screen.settled()).toEqual({ bracketedPaste: true })
    const after = await screen.snapshot()
    const expected = Buffer.concat([before.data, Buffer.from(' and more\r\n')])
    expect(after).toMatchObject({ offset: before.offset + 11, cols: COLS + 6, rows: ROWS + 2, sizes: 1 })
    expect(await shown(after.data, COLS + 6, ROWS + 2)).toEqual(await shown(expected, COLS + 6, ROWS + 2))
    // What was asked once is not answered again.
    expect(terminal.answers).toHaveLength(1)
    expect(terminal.titles).toEqual(['a title'])
  })

  test('shows the output itself where a process dies of it again and again, and holds nobody up', async () => {
    const screens = start()
    const terminal = await Terminal.start(screens)
    const { screen } = terminal
    terminal.write(lines(0, 10_000))
    for (let deaths = 0; deaths < 3; deaths++) {
      await screen.settled()
      const pid = screens.pid!
      process.kill(pid, 'SIGKILL')
      await until(() => screens.pid !== pid)
    }
    expect(screens.pid).toBeNull()
    terminal.write(Buffer.from('the end'))
    expect(screen.queued).toBe(0)
    const raw = await screen.snapshot()
    const text = Buffer.from(raw.data).toString()
    expect(text.startsWith('line ') && text.endsWith('line 9999\r\nthe end')).toBe(true)
    expect(raw).toMatchObject({ offset: lines(0, 10_000).length + 7, cols: COLS, rows: ROWS })
    expect(await screen.settled()).toEqual({ bracketedPaste: false })
    await screen.freeze()
    expect(await screen.snapshot()).toEqual(raw)
  })

  test('is drawn by another process when the first one hangs', async () => {
    // Longer than a start takes on a busy machine.
    const screens = start(1_000)
    const terminal = await Terminal.start(screens)
    await terminal.screen.settled()
    terminal.write(Buffer.from('one'))
    await terminal.screen.settled()
    const pid = screens.pid!
    process.kill(pid, 'SIGSTOP')
    terminal.write(Buffer.from(' two'))
    await until(() => screens.pid !== pid)
    await terminal.screen.settled()
    expect(Buffer.from((await terminal.screen.snapshot()).data).toString()).toContain('one two')
  })
})
