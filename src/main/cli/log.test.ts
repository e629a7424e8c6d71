import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { smallRepo } from '../../../e2e/fixtures/repo.ts'
import { ROOT, until } from '../../../e2e/fixtures/sandbox.ts'
import { connect } from './connect.ts'
import { box, sandboxForEach } from './test-sandbox.ts'

// From outside, as in loop.test.ts: the built product, a real agent process.

sandboxForEach({ testTimeout: 120_000 })

/** What the window's “keep going” does. */
async function goOn(id: string, message: string): Promise<void> {
  const { client, close } = await connect({
    dataDir: box.dataDir,
    webEntry: join(ROOT, 'out', 'main', 'web.js'),
    node: process.execPath,
    env: box.env(),
  })
  try {
    await client.attempts.continue({ id, message })
  } finally {
    close()
  }
}

it('shows every run of an agent that was started again, and follows only the newest', async () => {
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  const { attempts } = await box.json(
    'fire',
    ...['--repo', repo.path, '--brief', 'Say it', '--agent', 'shell', '--attempts', '1', '--wait', 'ready'],
    // Its second start finds what the first one left, and stays until it is told to go.
    ...[
      '--command',
      'if [ -e once ]; then echo "the second time"; while [ ! -e go ]; do sleep 0.1; done; echo "off again"; else echo "the first time"; touch once; fi',
    ],
  )
  const { id, worktree } = attempts[0]
  expect(await box.json('log', id)).toMatchObject({ run: 1, runs: 1, live: false })

  await goOn(id, 'Once more.')
  await until('the second run speaks', async () =>
    (await box.json('log', id)).text.includes('the second time'),
  )

  expect(await box.json('log', id, '--run', '1')).toMatchObject({
    text: expect.stringMatching(/^(?!.*second).*the first time/s),
    run: 1,
    runs: 2,
    live: false,
  })
  expect(await box.json('log', id, '--run', '2')).toMatchObject({ run: 2, runs: 2, live: true })
  const first = await box.cli('log', id, '--run', '1')
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toContain('the first time')
  const newest = await box.cli('log', id)
  expect(newest.stdout).toContain('the second time')
  expect(newest.stderr).toBe('This was run 2 of 2; --run N shows an earlier one.\n')

  const runs = /There is run 1 \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, for \w+\), run 2 \(.*, running\)\./
  const third = await box.cli('log', id, '--run', '3')
  expect(third).toMatchObject({ code: 1, stdout: '' })
  expect(third.stderr).toContain(`${id} has no run 3. `)
  expect(third.stderr).toMatch(runs)
  const machine = await box.cli('log', id, '--run', '3', '--json')
  expect(JSON.parse(machine.stdout).error).toMatchObject({ code: 'not_found' })
  const over = await box.cli('log', id, '--run', '1', '--follow')
  expect(over).toMatchObject({ code: 2, stdout: '' })
  expect(over.stderr).toContain(`Run 1 of ${id} is over: only the newest can be followed. `)
  expect(over.stderr).toMatch(runs)
  for (const wrong of ['0', 'last', '1.5']) {
    const refused = await box.cli('log', id, '--run', wrong)
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--run takes a whole number')])
  }

  const followed = box.cli('log', id, '--run', '2', '--follow')
  await writeFile(join(worktree, 'go'), '')
  const { code, stdout, stderr } = await followed
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/the second time.*off again/s)
  expect(stdout).not.toContain('the first time')
})
