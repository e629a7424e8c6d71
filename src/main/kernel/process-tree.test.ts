import { spawn } from 'node:child_process'
import { afterAll, describe, expect, test } from 'vitest'
import { SESSION_MARK } from './process-scan.ts'
import { findProcess, isAlive } from './process-table.ts'
import { findTree, killTree } from './process-tree.ts'

const started: number[] = []
afterAll(() => {
  for (const pid of started) {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It ended in its test.
    }
  }
})

async function start(script: string, mark?: string) {
  const env = mark ? { ...process.env, [SESSION_MARK]: mark } : process.env
  const child = spawn('sh', ['-c', `${script}`], { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env })
  started.push(child.pid!)
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const entry = (await findProcess(child.pid!))!
  return {
    pid: entry.pid,
    startedAt: entry.startedAt,
    ended: new Promise((resolve) => child.once('exit', resolve)),
  }
}

describe('ending a process tree', () => {
  test('finds what left its session and its parent by the mark, and leaves strangers alone', async () => {
    const mark = `mark-${process.pid}-a`
    const stranger = await start('echo up; sleep 300')
    const root = await start(
      "setsid sh -c 'sleep 301 & sleep 302' & (setsid sleep 303 &) ; echo up; exec sleep 304",
      mark,
    )
    const deadline = performance.now() + 10_000
    while ((await findTree(root, mark)).length < 5 && performance.now() < deadline)
      await new Promise((go) => setTimeout(go, 20))
    const outcome = await killTree({ root, mark })
    expect(outcome.survivors).toEqual([])
    expect(outcome.signalled).toBeGreaterThanOrEqual(5)
    await root.ended
    expect(await findTree(root, mark)).toEqual([])
    expect(await isAlive(stranger.pid, stranger.startedAt)).toBe(true)
    await killTree({ root: stranger, mark: null })
    await stranger.ended
  })

  test('finds marked survivors of a root that nobody remembers', async () => {
    const mark = `mark-${process.pid}-b`
    const root = await start('(setsid sleep 305 &) ; echo up; sleep 0.5', mark)
    await root.ended
    expect((await killTree({ root: null, mark })).survivors).toEqual([])
    expect(await findTree(null, mark)).toEqual([])
  })

  test('climbs the ladder as far as it must, stage by stage', async () => {
    const deaf = await start(
      "trap '' HUP INT TERM; echo up; while :; do sleep 0.05; done",
      `mark-${process.pid}-c`,
    )
    const stages: string[] = []
    const outcome = await killTree({
      root: deaf,
      mark: `mark-${process.pid}-c`,
      hupMs: 200,
      termMs: 200,
      onStage: (stage) => stages.push(stage),
    })
    expect(outcome.survivors).toEqual([])
    expect(stages).toEqual(['hup', 'term', 'kill'])
    const polite = await start('echo up; exec sleep 306')
    const calm: string[] = []
    await killTree({ root: polite, mark: null, onStage: (stage) => calm.push(stage) })
    expect(calm).toEqual(['hup'])
  })

  test('ends a stopped process', async () => {
    const stopped = await start('echo up; kill -STOP $$; sleep 307')
    const outcome = await killTree({ root: stopped, mark: null })
    expect(outcome.survivors).toEqual([])
    await stopped.ended
  })

  test('never touches a pid whose start time is another one', async () => {
    const other = await start('echo up; exec sleep 308')
    const outcome = await killTree({ root: { pid: other.pid, startedAt: 'long ago' }, mark: null })
    expect(outcome).toEqual({ signalled: 0, survivors: [] })
    expect(await isAlive(other.pid, other.startedAt)).toBe(true)
    await killTree({ root: other, mark: null })
  })

  test('says which processes it could not end in time', async () => {
    const deaf = await start("trap '' HUP; echo up; while :; do sleep 0.05; done")
    const outcome = await killTree({ root: deaf, mark: null, hupMs: 10_000, deadlineMs: 300 })
    expect(outcome.survivors).toContain(deaf.pid)
    await killTree({ root: deaf, mark: null, hupMs: 0, termMs: 0 })
  })
})
