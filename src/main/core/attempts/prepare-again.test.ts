import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeRepository, startCore, tempDir } from '../testing/core-harness.ts'
import { eventually } from '../testing/ledger-fixture.ts'

it('an attempt that could not be prepared is prepared again before its agent starts', async () => {
  const dir = await tempDir()
  const repo = await makeRepository(join(dir, 'repo'), {
    'WORKFLOW.md': '---\nhooks:\n  after_create: test -e ../mended && touch ../prepared\n---\n',
  })
  const core = await startCore(join(dir, 'data'))
  const { client } = core
  const repository = await client.repositories.add({ path: repo, trust: true })
  const slot = { agent: 'shell', command: 'test -e ../prepared', scenario: null, model: null, hint: null }
  const { attempts } = await client.tasks.fire({ repoId: repository.id, brief: 'Prepare', slots: [slot] })
  const [{ id = '', worktree = '' } = {}] = attempts
  const become = (status: string) =>
    eventually(() => (core.state.attempts[id]?.status === status ? core.state.attempts[id] : null), status)
  expect(await become('failed')).toMatchObject({ endReason: 'prepare_failed', terminalId: null })
  await expect(client.attempts.continue({ id, message: 'Go on' })).rejects.toMatchObject({
    code: 'illegal_state',
  })

  await writeFile(join(worktree, '../mended'), '')
  const queued = await client.attempts.resume({ id })
  expect(queued).toMatchObject({ status: 'pending', endReason: null, attention: null, endedAt: null })
  expect(await become('ready')).toMatchObject({ endReason: 'exited' })
  await stat(join(worktree, '../prepared'))
})
