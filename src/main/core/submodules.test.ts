import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeRepository, sh, startCore, tempDir } from './testing/core-harness.ts'

it('an attempt whose submodules cannot be fetched fails with git’s reason, before its agent starts', async () => {
  const dir = await tempDir()
  const library = await makeRepository(join(dir, 'library'))
  const repo = await makeRepository(join(dir, 'repo'))
  // Git takes no submodules from this disk unless the user allows it, as here for arranging only.
  await sh(repo, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'lib')
  await sh(repo, 'commit', '--quiet', '--message', 'With a library')
  const { client, until } = await startCore(join(dir, 'data'))
  const repository = await client.repositories.add({ path: repo })
  const slot = { agent: 'shell', command: 'touch started', scenario: null, model: null, hint: null }
  await client.tasks.fire({ repoId: repository.id, brief: 'Try it', slots: [slot] })
  const failed = await until((state) => Object.values(state.attempts).find((a) => a.status === 'failed'))
  expect(failed.reason).toContain('Fetching submodules')
  expect(failed.endReason).toBe('prepare_failed')
  expect(failed.terminalId).toBeNull()
})
