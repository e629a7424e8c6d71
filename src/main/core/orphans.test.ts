import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../kernel/clock.ts'
import { silentLogger } from '../kernel/logger.ts'
import { childMarks, settleOrphans } from './orphans.ts'

function dataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'quartet-orphans-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A program in a group of its own, as a child of a core that died. */
async function orphan(script: string, mark: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const child = spawn('/bin/sh', ['-c', script], {
    env: { PATH: process.env.PATH, ...mark },
    stdio: 'ignore',
    detached: true,
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
    const child = await orphan(`sleep 0.6; touch '${marker}'`, childMarks(dir).git)
    const exit = once(child, 'exit')
    await settle(dir)
    expect(existsSync(marker)).toBe(true)
    expect(await exit).toEqual([0, null])
  })

  it('is ended when it is a git that does not come to an end', async () => {
    const dir = dataDir()
    const child = await orphan('sleep 60', childMarks(dir).git)
    const exit = once(child, 'exit')
    await settle(dir, 200)
    expect((await exit)[1]).not.toBeNull()
  })

  it('is left alone when it belongs to another data directory or to nobody', async () => {
    const dir = dataDir()
    const foreign = await orphan('sleep 60', childMarks(join(dir, 'other')).commands)
    const plain = await orphan('sleep 60', {})
    await settle(dir)
    expect([foreign, plain].map(lives)).toEqual([true, true])
  })
})
