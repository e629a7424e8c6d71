import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { makeRepository, sh, startCore, tempDir } from './testing/core-harness.ts'
import { eventually } from './testing/ledger-fixture.ts'

/** A git on PATH that notes each of its starts, and gives a function that tells them. */
async function countGit(dir: string) {
  const bin = join(dir, 'bin')
  const notes = join(dir, 'git starts')
  await mkdir(bin)
  await writeFile(notes, '')
  const real = (await sh(dir, '--exec-path')).trim()
  await writeFile(join(bin, 'git'), `#!/bin/sh\nprintf '%s\\n' "$*" >> '${notes}'\nexec '${real}/git' "$@"\n`)
  await chmod(join(bin, 'git'), 0o755)
  return {
    env: {
      ...process.env,
      GIT_CONFIG_GLOBAL: '/dev/null',
      PATH: `${bin}${delimiter}${process.env.PATH}`,
    },
    starts: async () => (await readFile(notes, 'utf8')).split('\n').filter(Boolean),
  }
}

it('starts no git while nothing happens, with agents that are quiet', async () => {
  // All that is done by the hour hangs on these; what a test waits for does not.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const dir = await tempDir()
  const { env, starts } = await countGit(dir)
  const first = await startCore(join(dir, 'data'), { env })
  for (const name of ['one', 'two']) {
    const { id } = await first.client.repositories.add({
      path: await makeRepository(join(dir, name)),
      trust: true,
    })
    const slot = { agent: 'shell', command: 'exec sleep 600', scenario: null, model: null, hint: null }
    await first.client.tasks.fire({ repoId: id, brief: 'Be quiet', slots: [slot, slot] })
  }
  await first.until((state) => {
    const attempts = Object.values(state.attempts)
    return attempts.length === 4 && attempts.every((attempt) => attempt.status === 'running')
  })
  const beforeRest = (await starts()).length
  vi.advanceTimersByTime(10 * 60_000)
  await first.close()
  const atRest = (await starts()).slice(beforeRest)

  const second = await startCore(join(dir, 'data'), { env })
  const sinceStart = async () => (await starts()).slice(beforeRest + atRest.length)
  const looks = (lines: readonly string[]) =>
    lines.filter((line) => line.includes('refs/heads/main^{commit}'))
  await eventually(async () => looks(await sinceStart()).length === 2, 'the look of a start')
  const afterStart = (await sinceStart()).length
  vi.advanceTimersByTime(10 * 60_000)
  // Waits for all that the timers began.
  await second.close()
  const atRestAgain = (await sinceStart()).slice(afterStart)

  // Only to end the agents, whatever came out.
  await (await startCore(join(dir, 'data'), { env })).close({ stopAgents: true })
  expect([atRest, atRestAgain]).toEqual([[], []])
})
