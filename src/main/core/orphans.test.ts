import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../kernel/clock.ts'
import { silentLogger } from '../kernel/logger.ts'
import { findProcess } from '../kernel/process-table.ts'
import { childMarks, settleOrphans } from './orphans.ts'

function dataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'quartet-orphans-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A child of a core that died: a command leads a session of its own, a git is in that of the core. */
async function orphan(
  script: string,
  mark: Readonly<Record<string, string>>,
  kind: 'command' | 'git' = 'command',
): Promise<ChildProcess> {
  const child = spawn('/bin/sh', ['-c', script], {
    env: { PATH: process.env.PATH, ...mark },
    stdio: 'ignore',
    detached: kind === 'command',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  return child
}
const lives = (child: ChildProcess) => child.exitCode === null && child.signalCode === null
const settle = (dir: string, gitMs?: number) =>
  settleOrphans(childMarks(dir), {
    log: silentLogger,
    clock: systemClock,
    ...(gitMs === undefined ? {} : { gitMs }),
  })

describe.runIf(process.platform === 'linux')('what a killed core left running', () => {
  it('is ended when it is a command, with all that the command started', async () => {
    const dir = dataDir()
    const marker = join(dir, 'late')
    const child = await orphan(`(sleep 20; touch '${marker}') & wait`, childMarks(dir).commands)
    const exit = once(child, 'exit')
    await settle(dir)
    await exit
    expect(existsSync(marker)).toBe(false)
  })

  it('may end by itself when it is a git: half of its files would be worse', async () => {
    const dir = dataDir()
    const marker = join(dir, 'written')
    const child = await orphan(`sleep 0.6; touch '${marker}'`, childMarks(dir).git, 'git')
    const exit = once(child, 'exit')
    await settle(dir)
    expect(existsSync(marker)).toBe(true)
    expect(await exit).toEqual([0, null])
  })

  it('is ended when it is a git that does not come to an end', async () => {
    const dir = dataDir()
    const child = await orphan('sleep 60', childMarks(dir).git, 'git')
    const exit = once(child, 'exit')
    await settle(dir, 200)
    expect((await exit)[1]).not.toBeNull()
  })

  it('is left alone when it was put into the background on purpose', async () => {
    const dir = dataDir()
    const note = join(dir, 'pids')
    // A server that a hook started, and a connection that ssh keeps for the next git: both of children that are through.
    const server = await orphan(`sleep 60 & echo $! >> '${note}'`, childMarks(dir).commands)
    await once(server, 'exit')
    const kept = await orphan(`setsid sleep 60 & echo $! >> '${note}'`, childMarks(dir).git, 'git')
    await once(kept, 'exit')
    await expect.poll(() => readFileSync(note, 'utf8').trim().split('\n').length).toBe(2)
    const pids = readFileSync(note, 'utf8').trim().split('\n').map(Number)
    onTestFinished(() => {
      for (const pid of pids) process.kill(pid, 'SIGKILL')
    })
    // Until it leads its session it is a git at work.
    await expect.poll(async () => (await findProcess(pids[1] ?? 0))?.sid).toBe(pids[1])
    const started = performance.now()
    await settle(dir)
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(await Promise.all(pids.map(async (pid) => (await findProcess(pid)) !== null))).toEqual([
      true,
      true,
    ])
  })

  it('is left alone when it belongs to another data directory or to nobody', async () => {
    const dir = dataDir()
    const foreign = await orphan('sleep 60', childMarks(join(dir, 'other')).commands)
    const plain = await orphan('sleep 60', {})
    await settle(dir)
    expect([foreign, plain].map(lives)).toEqual([true, true])
  })
})
