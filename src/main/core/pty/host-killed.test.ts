import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { isFailure } from '../../../shared/domain/failure.ts'
import { systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { findTree } from '../../kernel/process-tree.ts'
import { hostDir } from '../../pty-protocol/host-place.ts'
import { listSegments } from '../../pty-protocol/log-files.ts'
import { Random, seedOfRun } from '../../pty-protocol/test-random.ts'
import { createTerminals } from './create-terminals.ts'
import { HOST_ENTRY, startBench, until } from './test-terminals.ts'

const KILLS = 50
/** From the first start of a round to the kill: from “nothing has started” to “all is under way”. */
const KILL_WITHIN_MS = 250

/** Writes the same text for ever; keeps on when its terminal is hung up, as far as it can. */
const COUNTS = "stty raw -echo -opost; trap '' HUP; exec seq 1 1000000000"
/** Leaves a grandchild in a session of its own that ignores what can be ignored. */
const ESCAPES = '(setsid sh -c \'trap "" HUP INT TERM; sleep 1009; sleep 1009\' &); exec sleep 1009'
const SLEEPS = 'sleep 1012 & exec sleep 1012'
/** Two generations of nohup. */
const STAYS = "nohup sh -c 'nohup sleep 1010 >/dev/null 2>&1 & sleep 1010' >/dev/null 2>&1"

/** Processes that work in `folder`. */
async function processesIn(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const cwds = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
  return pids.filter((_pid, i) => cwds[i] === folder).map(Number)
}

/** What `seq` writes, at least `bytes` of it. */
function counted(bytes: number): string {
  const lines: string[] = []
  for (let size = 0, n = 1; size <= bytes; n++) {
    const line = `${n}\n`
    lines.push(line)
    size += line.length
  }
  return lines.join('')
}

test.runIf(process.platform === 'linux')(
  'a terminal host killed at random moments, fifty times: its terminals are lost with all that was read of them, nothing of theirs runs on, and another host is unharmed',
  async () => {
    const seed = seedOfRun()
    const random = new Random(seed)
    const why = `QUARTET_SEED=${seed}`
    const bench = await startBench()
    const other = await startBench()
    onTestFinished(() => other.stop())
    onTestFinished(() => bench.stop())
    // Three deaths a minute are the most that is borne: here a minute passes after each.
    let passed = 0
    const clock = { now: systemClock.now, monotonic: () => systemClock.monotonic() + passed }
    const terminals = createTerminals({
      dataDir: bench.dir,
      entry: HOST_ENTRY,
      nodePath: process.execPath,
      electron: false,
      log: silentLogger,
      clock,
      idleMs: 5_000,
    })
    onTestFinished(() => terminals.dispose())
    // An id of its own: that is what marks its processes.
    const quiet = other.spec('sh', ['-c', 'echo up; exec sleep 1011'], { id: `bystander-${process.pid}` })
    const bystander = await other.terminals.open(quiet)
    const folder = await realpath(hostDir(bench.dir).replace(/[^/]+$/, '')).then((dir) =>
      join(dir, 'pty-host'),
    )

    let lost = 0
    let written = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const ready = bench.spec('sh', ['-c', 'exit 0'])
      await terminals.open(ready)
      const host = await bench.hostPid()
      const specs = [COUNTS, random.pick([ESCAPES, STAYS, SLEEPS, SLEEPS, SLEEPS])].map((script) =>
        bench.spec('sh', ['-c', script]),
      )
      const opened = specs.map((spec) =>
        terminals.open(spec).then(
          () => true,
          (error: unknown) => {
            if (isFailure(error, 'pty_failed')) return false
            throw error
          },
        ),
      )
      await new Promise((done) => setTimeout(done, random.upTo(KILL_WITHIN_MS)))
      process.kill(host, 'SIGKILL')
      passed += 60_000
      const known = await Promise.all(opened)
      for (const [i, spec] of specs.entries()) {
        // One that was started as its host died, and of which nobody heard, leaves nothing either.
        if (known[i]) await until(() => terminals.get(spec.id)?.state === 'lost')
        if (known[i]) lost++
        expect(await findTree(null, spec.id), why).toEqual([])
      }
      // What it read before it died stands in the log, in order and whole.
      const [counting] = specs
      const segments = known[0] ? await listSegments(counting!.logPath) : []
      const log = Buffer.concat(await Promise.all(segments.map(({ path }) => readFile(path)))).toString()
      expect(counted(log.length).startsWith(log), why).toBe(true)
      if (known[0])
        expect(terminals.get(counting!.id)?.exit, why).toMatchObject({ reason: 'lost', offset: log.length })
      written += log.length
      // What drew its screens has gone with it.
      await until(async () => (await processesIn(folder)).length === 0)
      for (const { path } of segments) await rm(path)
    }
    expect(lost, why).toBeGreaterThan(KILLS / 2)
    expect(written, why).toBeGreaterThan(0)
    expect(other.terminals.get(bystander.id), why).toMatchObject({ state: 'live', pid: bystander.pid })
    await other.terminals.kill(bystander.id, 'test')
  },
  180_000,
)
