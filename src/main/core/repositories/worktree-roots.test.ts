import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { openLedger, putRepository } from '../testing/ledger-fixture.ts'
import { WorkflowStore } from './workflow-store.ts'
import { WorktreeRoots } from './worktree-roots.ts'

async function rootFor(front: string, trusted = true) {
  const { dir, ledger, scope } = await openLedger()
  const path = join(dir, 'repo')
  await mkdir(path)
  await writeFile(join(path, 'WORKFLOW.md'), `---\n${front}\n---\n`)
  const workflows = new WorkflowStore({ ledger, clock: systemClock, log: silentLogger, scope })
  const repository = putRepository(ledger, path)
  const { hash } = await workflows.read(repository)
  const roots = new WorktreeRoots({
    ledger,
    workflows,
    environment: async () => ({ HOME: dir, PLACE: 'trees' }),
    fallback: '/fallback',
  })
  return { dir, roots, repository: { ...repository, trustedHash: trusted ? hash : null } }
}

it('is the app’s own folder unless the workflow file names one, which is made', async () => {
  const plain = await rootFor('attempts: { count: 2 }')
  expect(await plain.roots.of(plain.repository)).toBe('/fallback')
  const own = await rootFor('workspace: { root: ~/$PLACE/deep }')
  const root = await own.roots.of(own.repository)
  expect(root).toBe(join(own.dir, 'trees/deep'))
  expect((await stat(root)).isDirectory()).toBe(true)
  expect(await own.roots.all()).toEqual(['/fallback', root])
  const relative = await rootFor('workspace: { root: ../beside }')
  expect(await relative.roots.of(relative.repository)).toBe(join(relative.dir, 'beside'))
})

it.each([['sub/folder'], ['.'], ['..'], ['$MISSING/x'], ['/dev/null/x']])('refuses %s', async (root) => {
  const { roots, repository } = await rootFor(`workspace: { root: "${root}" }`)
  await expect(roots.of(repository)).rejects.toMatchObject({
    code: 'workflow_invalid',
    data: { key: 'workspace.root' },
  })
  expect(await roots.all()).toEqual(['/fallback'])
})

it('follows nothing of a file whose commands wait for consent', async () => {
  const { roots, repository } = await rootFor(
    'workspace: { root: ~/x }\nhooks: { after_create: make }',
    false,
  )
  expect(await roots.of(repository)).toBe('/fallback')
})
