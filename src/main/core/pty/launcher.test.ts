import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { Launcher } from './launcher.ts'
import { Terminals } from './terminals.ts'
import { HOST_ENTRY, startBench, until } from './test-terminals.ts'

/** A clock that can be put forward. */
function movableClock() {
  let ahead = 0
  return {
    now: () => systemClock.now() + ahead,
    monotonic: () => systemClock.monotonic() + ahead,
    forward(ms: number) {
      ahead += ms
    },
  }
}

/** A launcher of hosts that leave half a second after their last client. */
const launcherOf = (dataDir: string, entry: string, clock: Clock = systemClock) =>
  new Launcher({
    ...{ dataDir, entry, clock, nodePath: process.execPath, electron: false },
    ...{ env: process.env, log: silentLogger, idleMs: 500 },
  })

test('a host that dies again and again is given up, in plain words, and tried again a minute later', async () => {
  const bench = await startBench()
  const clock = movableClock()
  const hosts = launcherOf(bench.dir, HOST_ENTRY, clock)
  const terminals = new Terminals({ hosts, clock, log: silentLogger })
  onTestFinished(async () => {
    terminals.dispose()
    await bench.stop()
  })
  for (let death = 1; death <= 3; death++) {
    const spec = bench.spec('sh', ['-c', 'exec sleep 1000'])
    await terminals.open(spec)
    process.kill(await bench.hostPid(), 'SIGKILL')
    await until(() => terminals.get(spec.id)?.state === 'lost')
    clock.forward(10_000)
  }
  const spec = bench.spec('sh', ['-c', 'exit 3'])
  await expect(terminals.open(spec)).rejects.toMatchObject({
    code: 'pty_failed',
    message: 'The terminal host died three times within a minute; see its log.',
  })
  clock.forward(35_000)
  await terminals.open(spec)
  await until(() => terminals.get(spec.id)?.exit?.code === 3)
})

test('a host that cannot even start is said at once, and not started for ever', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'quartet-launcher-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const entry = join(dir, 'broken.mjs')
  const starts = join(dir, 'starts')
  await writeFile(
    entry,
    `import fs from 'node:fs'; fs.appendFileSync(${JSON.stringify(starts)}, 'x'); process.exit(7)`,
  )
  const launcher = launcherOf(dir, entry)
  const message = 'The terminal host ended as soon as it was started; see its log.'
  for (let i = 0; i < 3; i++) {
    await expect(launcher.ensure()).rejects.toMatchObject({
      code: 'pty_failed',
      message,
      data: { ended: 'exit code 7' },
    })
  }
  await expect(launcher.ensure()).rejects.toThrow('died three times within a minute')
  expect(await readFile(starts, 'utf8')).toBe('xxx')
})

test('a host that left before anybody came to it is started again', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'quartet-launcher-'))
  const entry = join(dir, 'shy.mjs')
  const starts = join(dir, 'starts')
  await writeFile(
    entry,
    `import fs from 'node:fs'
fs.appendFileSync(${JSON.stringify(starts)}, 'x')
if (fs.readFileSync(${JSON.stringify(starts)}, 'utf8') === 'x') process.exit(0)
await import(${JSON.stringify(HOST_ENTRY)})`,
  )
  const launcher = launcherOf(dir, entry)
  const host = await launcher.ensure()
  onTestFinished(async () => {
    host.dispose()
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  })
  expect(await host.list()).toEqual([])
  expect(await readFile(starts, 'utf8')).toBe('xx')
})
