import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { isAlive } from '../kernel/process-table.ts'
import { hostDir } from '../pty-protocol/host-place.ts'
import { listSegments, readMarks } from '../pty-protocol/log-files.ts'
import type { PtyEvent, PtyExit } from '../pty-protocol/pty-host.ts'
import { TestProxy, type Weather } from '../pty-protocol/test-proxy.ts'
import { Random, seedOfRun } from '../pty-protocol/test-random.ts'
import { TestScreen } from '../pty-protocol/test-screen.ts'
import { type DetachedTestHost, recorder, specOf, startDetachedHost, TestReader, until } from './test-host.ts'

const FAIR: Weather = { piece: 64 * 1024, pauseMs: 0, cutAfter: null }

/** A folder on a disk of `kib` KiB of its own; null where this user may not make one. */
async function smallDisk(kib: number): Promise<string | null> {
  const dir = await mkdtemp(join(tmpdir(), 'quartet-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', dir], { stdio: 'ignore' })
  } catch {
    await rm(dir, { recursive: true })
    return null
  }
  onTestFinished(async () => {
    execFileSync('umount', ['-l', dir])
    await rm(dir, { recursive: true })
  })
  return dir
}

describe('a detached host in bad weather', () => {
  let it: DetachedTestHost
  const events: PtyEvent[] = []
  const seed = seedOfRun()
  const why = `QUARTET_SEED=${seed}`
  const random = new Random(seed)
  let proxies = 0
  beforeAll(async () => {
    it = await startDetachedHost()
    it.host.onEvent((event) => events.push(event))
  })
  afterAll(() => it.stop())
  afterEach(() => expect(TestReader.faults, why).toEqual([]))

  const exitOf = (id: string): PtyExit | null => {
    const event = events.find((one) => one.id === id && one.type === 'exit')
    return event?.type === 'exit' ? event.exit : null
  }
  const behindProxy = async (weather: Weather) => {
    const proxy = await TestProxy.start(join(it.dir, `p${++proxies}.sock`), it.path, random, weather)
    const client = await it.open(proxy.path)
    onTestFinished(async () => {
      client.dispose()
      await proxy.stop()
    })
    return { proxy, client }
  }

  test('a wire that is cut anywhere: what is read has no gap and no repeat, what is typed counts once', async () => {
    const { proxy, client } = await behindProxy(FAIR)
    const lines = 30_000
    const script = `for (let i = 0; i < ${lines}; i++) {
      require('node:fs').writeSync(1, 'line ' + String(i).padStart(7, '0') + ' of a long day\\r\\n')
      if (i % 20 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }`
    const writer = specOf(it.dir, 'sh', ['-c', 'stty raw -echo; exec "$0" -e "$1"', process.execPath, script])
    const typist = specOf(it.dir, 'sh', ['-c', 'stty raw -echo; printf ready; head -c 200000 | sha256sum'])
    await Promise.all([client.create(writer), client.create(typist)])
    const read = new TestReader(client, writer.id)
    const typed = new TestReader(client, typist.id)
    // In the middle of frames, of handshakes, of questions and of answers.
    proxy.weather = { piece: 7_000, pauseMs: 1, cutAfter: 100_000 }
    proxy.cutAll()
    const parts = Array.from({ length: 200 }, (_, i) => Buffer.alloc(1_000, 97 + (i % 26)))
    for (const [i, bytes] of parts.entries())
      await client.write(typist.id, { writer: 'me', seq: i + 1, bytes })
    await until(() => read.end && typed.end, 50_000)
    expect(proxy.cuts, why).toBeGreaterThan(5)
    const said = Buffer.from(Array.from({ length: lines }, (_, i) => lineOf(i)).join(''))
    expect((await readFile(writer.logPath)).equals(said)).toBe(true)
    // From its last redrawing on it has every byte once.
    const from = read.screens.findLast((screen) => screen.mode === 'snapshot')?.offset ?? 0
    expect(Buffer.concat(read.chunks.map((chunk) => chunk.bytes)).equals(said.subarray(from)), why).toBe(true)
    expect(typed.text, why).toContain(createHash('sha256').update(Buffer.concat(parts)).digest('hex'))
  })

  test('a trickle: the slow one is redrawn instead of followed, and nobody waits for it', async () => {
    const { proxy, client } = await behindProxy(FAIR)
    const sum = join(it.dir, 'trickle.sum')
    const size = 6_000_000
    const spec = specOf(it.dir, 'sh', recorder(size, sum, 'stty sane; printf "\\033c""the end"'))
    await it.host.create(spec)
    proxy.weather = { piece: 4_000, pauseMs: 8, cutAfter: null }
    const slow = new TestReader(client, spec.id)
    const brisk = new TestReader(it.host, spec.id)
    await until(() => brisk.end)
    expect(slow.end, 'the trickle was not one').toBeNull()
    const exit = await until(() => exitOf(spec.id))
    proxy.weather = FAIR
    await until(() => slow.end)
    expect(slow.at).toBe(exit.offset)
    expect(slow.screens.length).toBeGreaterThan(1)
    expect(slow.text).toContain('the end')
    // A window of bytes and a few screens, not what the program wrote.
    expect(proxy.toClient, why).toBeLessThan(size / 2)
  })

  test('a client that reads nothing any more is dropped alone, and catches up when it comes back', async () => {
    const { proxy, client } = await behindProxy(FAIR)
    const spec = specOf(it.dir, 'sh', ['-c', 'stty raw -echo; exec cat'])
    await it.host.create(spec)
    // Enough of them that a list is some 10 kB.
    await Promise.all(Array.from({ length: 24 }, () => it.host.create(specOf(it.dir, 'true', []))))
    const reader = new TestReader(client, spec.id)
    await until(() => reader.screens.length > 0)
    proxy.held = true
    // Some 16 MiB of answers that nobody takes away; questions that wait are bounded by the client itself.
    const one = JSON.stringify(await it.host.list()).length
    const answers = Promise.allSettled(Array.from({ length: Math.ceil(24e6 / one) }, () => client.list()))
    await it.host.write(spec.id, { writer: 'me', seq: 1, bytes: Buffer.from('meanwhile') })
    const direct = new TestReader(it.host, spec.id)
    await until(() => direct.text.includes('meanwhile'))
    const hostLog = join(hostDir(it.dir), 'pty-host.log')
    await until(async () => (await readFile(hostLog, 'utf8')).includes('the other side does not read'))
    expect(reader.text).not.toContain('meanwhile')
    proxy.held = false
    expect((await answers).filter((answer) => answer.status === 'rejected')).toEqual([])
    await until(() => reader.text.includes('meanwhile'))
    expect(proxy.joined).toBeGreaterThan(1)
    await it.host.kill(spec.id, 'test')
  })

  test('a full disk: the log stops and says so, the agent works to its end, its screen is right, and the log goes on', async ({
    skip,
  }) => {
    const disk = await smallDisk(256)
    if (disk === null) return skip('this user may not mount a small disk')
    const filler = join(disk, 'filler')
    await writeFile(filler, Buffer.alloc(200 * 1024))
    // Numbered lines, so that every byte of the log can be told.
    const script = `
      const fs = require('node:fs'), nap = new Int32Array(new SharedArrayBuffer(4))
      let n = 0
      for (const goOn of [4000, 4000, 1000]) {
        for (let i = 0; i < goOn; i++) {
          fs.writeSync(1, 'line ' + String(n++).padStart(7, '0') + ' of a long day\\r\\n')
          // The last ones slowly: a full disk is tried again every two seconds.
          if (n > 8000) Atomics.wait(nap, 0, 0, 3)
        }
        if (n < 9000) for (const at = n; !fs.existsSync(process.argv[1] + at); ) Atomics.wait(nap, 0, 0, 10)
      }`
    const gate = join(it.dir, 'disk-gate-')
    const args = ['-c', 'stty raw -echo; exec "$0" -e "$1" "$2"', process.execPath, script, gate]
    const spec = specOf(it.dir, 'sh', args, { logPath: join(disk, 'agent.log') })
    await it.host.create(spec)
    const reader = new TestReader(it.host, spec.id)
    const logEvents = () => events.filter((event) => event.id === spec.id && event.type === 'log')
    await until(() => logEvents().length > 0)
    expect(logEvents()).toMatchObject([{ logging: false, message: expect.stringContaining('ENOSPC') }])
    await writeFile(`${gate}4000`, '')
    const second = 8_000 * LINE.length
    await until(async () =>
      (await it.host.list()).some((info) => info.id === spec.id && info.offset === second),
    )
    expect((await it.host.list()).find((info) => info.id === spec.id)).toMatchObject({ logging: false })
    await rm(filler)
    await writeFile(`${gate}8000`, '')
    const exit = await until(() => exitOf(spec.id))
    expect(exit).toMatchObject({ code: 0, reason: 'exited', offset: 9_000 * LINE.length })

    const said = Buffer.from(Array.from({ length: 9_000 }, (_, i) => lineOf(i)).join(''))
    await until(() => reader.end)
    const late = new TestReader(it.host, spec.id)
    await until(() => late.end)
    const [plain, shown] = [new TestScreen(80, 24, false), new TestScreen(80, 24, true)]
    await plain.write(said)
    await shown.write(late.screens.at(-1)?.data ?? new Uint8Array(0))
    expect(shown.describe()).toEqual(plain.describe())
    // What is on disk stands at its place, and what is missing is said to the byte.
    expect(logEvents().at(-1)).toMatchObject({ logging: true })
    const gaps = (await readMarks(spec.logPath)).filter((mark) => mark.k === 'gap')
    const segments = await listSegments(spec.logPath)
    let kept = 0
    for (const { path, start, size } of segments) {
      expect((await readFile(path)).equals(said.subarray(start, start + size))).toBe(true)
      kept += size
    }
    expect(gaps.length).toBeGreaterThan(0)
    expect(gaps.reduce((sum, gap) => sum + gap.lost, 0)).toBe(said.length - kept)
  })
})

const lineOf = (n: number) => `line ${String(n).padStart(7, '0')} of a long day\r\n`
const LINE = lineOf(0)

describe('a detached host and signals', () => {
  test('does not hear that the terminal it was started from is closed; told to end, it ends its programs first', async () => {
    const it = await startDetachedHost()
    try {
      const spec = specOf(it.dir, 'sh', ['-c', "trap '' HUP; echo up; sleep 1000 & sleep 1001"])
      const info = await it.host.create(spec)
      const reader = new TestReader(it.host, spec.id)
      await until(() => reader.text.includes('up'))
      process.kill(it.pid, 'SIGHUP')
      // It answers after the signal as before it.
      for (let i = 0; i < 20; i++) expect(await it.host.list()).toHaveLength(1)
      expect(await isAlive(info.pid, info.pidStartedAt)).toBe(true)
      let down = false
      it.host.onDown(() => {
        down = true
      })
      process.kill(it.pid, 'SIGTERM')
      await until(() => down)
      expect(await isAlive(info.pid, info.pidStartedAt)).toBe(false)
      expect((await readMarks(spec.logPath)).at(-1)).toMatchObject({ k: 'exit', reason: 'killed' })
      await expect(stat(it.path)).rejects.toMatchObject({ code: 'ENOENT' })
    } finally {
      await it.stop()
    }
  })
})
