import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../kernel/logger.ts'
import { TestProxy, type Weather } from '../../pty-protocol/test-proxy.ts'
import { Random, seedOfRun } from '../../pty-protocol/test-random.ts'
import { TestScreen } from '../../pty-protocol/test-screen.ts'
import { type Bench, scribe, startBench, until } from './test-terminals.ts'
import { TestWindow } from './test-window.ts'
import { wireChannel } from './test-wire.ts'
import { connectViewer } from './viewer.ts'

const FAIR: Weather = { piece: 64 * 1024, pauseMs: 0, cutAfter: null }
/** What a focused tile may have in flight, and one snapshot that overdraws it. */
const MOST_UNREAD_BYTES = 256 * 1024 + 1024 * 1024

describe('a window behind a bad wire', () => {
  let bench: Bench
  const seed = seedOfRun()
  const why = `QUARTET_SEED=${seed}`
  let count = 0
  beforeAll(async () => {
    bench = await startBench()
  })
  afterAll(() => bench.stop())

  /** A window that comes back at once whenever its wire breaks, as long as the test runs. */
  const openWindow = async (terminalId: string, weather: Weather) => {
    const target = join(bench.dir, `w${++count}.sock`)
    const server = createServer((socket) => {
      connectViewer({
        channel: wireChannel(socket, socket),
        terminals: bench.terminals,
        log: silentLogger,
      })
    })
    server.listen(target)
    await once(server, 'listening')
    const proxy = await TestProxy.start(`${target}.proxy`, target, new Random(seed + count), weather)
    const window = new TestWindow(terminalId, 80, 24)
    let open = true
    const comeBack = () => {
      const socket = connect(proxy.path)
      socket.on('close', () => open && setImmediate(comeBack))
      window.connect(wireChannel(socket, socket))
    }
    comeBack()
    onTestFinished(async () => {
      open = false
      await proxy.stop()
      server.close()
    })
    return { window, proxy }
  }

  /** The screen of one who saw everything that stands in the log. */
  const screenOfLog = async (id: string) => {
    const screen = new TestScreen(80, 24, false)
    for (let at = 0; ; ) {
      const { bytes, end } = await bench.terminals.readLog(id, at, 1e6)
      await screen.write(bytes)
      at += bytes.length
      if (at >= end) return screen.describe(0)
    }
  }

  test('that is cut anywhere shows what the program wrote, and types each key once', async () => {
    const script = 'stty raw -echo; printf ready; head -c 20000 | sha256sum; seq 1 40000; printf the-end'
    const spec = bench.spec('sh', ['-c', script])
    await bench.terminals.open(spec)
    // Before that its terminal would echo what is typed.
    await until(() => (bench.terminals.get(spec.id)?.offset ?? 0) >= 'ready'.length)
    const { window, proxy } = await openWindow(spec.id, { piece: 3_000, pauseMs: 1, cutAfter: 60_000 })
    for (let i = 0; i < 400; i++) {
      window.type(String.fromCharCode(97 + (i % 26)).repeat(50))
      if (i % 20 === 0) await new Promise((done) => setTimeout(done, 1))
    }
    await until(() => window.end)
    await window.settled()
    expect(window.faults, why).toEqual([])
    expect(proxy.cuts, why).toBeGreaterThan(0)
    expect(window.end?.exitCode).toBe(0)
    expect(window.screen.describe(0), why).toEqual(await screenOfLog(spec.id))
    const typed = Array.from({ length: 400 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(50)).join(
      '',
    )
    const log = await bench.terminals.readLog(spec.id, 0, 1_000)
    expect(Buffer.from(log.bytes).toString()).toContain(createHash('sha256').update(typed).digest('hex'))
  })

  test('that slows to a trickle is sent screens instead of everything, and the program does not wait', async () => {
    const size = 5_000_000
    const spec = bench.spec('sh', scribe(size, join(bench.dir, 'trickle.sum')))
    await bench.terminals.open(spec)
    const { window, proxy } = await openWindow(spec.id, { piece: 2_000, pauseMs: 6, cutAfter: null })
    await until(() => bench.terminals.get(spec.id)?.state === 'exited')
    expect(window.end, 'the trickle was not one').toBeNull()
    expect(bench.terminals.get(spec.id)?.exit).toMatchObject({ code: 0, offset: size })
    proxy.weather = FAIR
    await until(() => window.end)
    await window.settled()
    expect(window.faults, why).toEqual([])
    expect(window.peak).toBeLessThanOrEqual(MOST_UNREAD_BYTES)
    expect(proxy.toClient).toBeLessThan(size / 2)
    expect(window.screen.describe(0), why).toEqual(await screenOfLog(spec.id))
  })
})
