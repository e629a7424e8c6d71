import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { eventually, openLedger, putRepository } from '../testing/ledger-fixture.ts'
import { WorkflowStore } from './workflow-store.ts'

const GOOD = '---\nverify: [{ name: test, run: npm test }]\n---\nDo it.\n'
const BROKEN = '---\nverify: [{ name: test }]\n---\n'

async function arrange() {
  const { dir, ledger, scope } = await openLedger()
  const path = join(dir, 'repo')
  await mkdir(path)
  const repository = putRepository(ledger, path)
  const make = () => new WorkflowStore({ ledger, clock: systemClock, log: silentLogger, scope })
  const store = make()
  return { ledger, store, make, repository, file: join(path, 'WORKFLOW.md'), dir }
}

describe('the workflow file', () => {
  it('may be absent: nothing is in force and nothing is wrong', async () => {
    const { store, repository, ledger } = await arrange()
    expect(await store.require(repository)).toMatchObject({ checks: [], template: '' })
    expect(ledger.require('workflows', repository.id)).toMatchObject({ state: 'absent', problems: [] })
  })

  it('keeps its last valid content while it is broken, says so, and starts nothing new', async () => {
    const { store, repository, file, ledger, make } = await arrange()
    await writeFile(file, GOOD)
    await store.read(repository)
    await writeFile(file, BROKEN)
    expect((await store.read(repository)).checks).toHaveLength(1)
    await expect(store.require(repository)).rejects.toMatchObject({
      code: 'workflow_invalid',
      message: expect.stringMatching(/^WORKFLOW\.md line 2: verify\[0\]\.run: /),
      data: { name: 'workflow_parse_error' },
    })
    expect(store.problemOf(repository.id)).toContain('verify[0].run')
    expect(ledger.require('workflows', repository.id)).toMatchObject({
      state: 'invalid',
      usingLastGood: true,
      problems: [{ key: 'verify[0].run', line: 2 }],
    })
    // Also after the app was started anew.
    expect((await make().read(repository)).checks).toHaveLength(1)

    await writeFile(file, GOOD.replace('npm test', 'make'))
    expect((await store.require(repository)).checks[0]?.run).toBe('make')
    expect(store.problemOf(repository.id)).toBeNull()
    const facts = ledger.facts({ limit: 10, kind: 'workflow.loaded' })
    expect(facts.map((fact) => fact.body.state)).toEqual(['ok', 'invalid', 'ok'])
  })

  it('is heard of when it changes, also by an editor that replaces it', async () => {
    const { store, repository, file } = await arrange()
    const heard: string[] = []
    store.changed.on((id) => heard.push(id))
    await store.begin()
    await writeFile(file, GOOD)
    await eventually(() => store.inForce(repository.id).checks.length === 1, 'the new file')
    await writeFile(`${file}.new`, GOOD.replace('name: test', 'name: other'))
    await rename(`${file}.new`, file)
    await eventually(() => store.inForce(repository.id).checks[0]?.name === 'other', 'the replaced file')
    await rm(file)
    await eventually(() => store.inForce(repository.id).checks.length === 0, 'the removal')
    expect(new Set(heard)).toEqual(new Set([repository.id]))
  })

  it('can lie elsewhere when the engineer says so, and is missed there', async () => {
    const { store, repository, dir, file } = await arrange()
    await writeFile(file, BROKEN)
    const other = join(dir, 'other.md')
    expect(await store.usePath(repository, other)).toMatchObject({
      state: 'invalid',
      problems: [{ name: 'missing_workflow_file' }],
    })
    await writeFile(other, GOOD)
    expect((await store.require(repository)).checks).toHaveLength(1)
    expect(await store.usePath(repository, null)).toMatchObject({ state: 'invalid', path: null })
  })

  it('is refused when it is a link out of the repository or too large', async () => {
    const { store, repository, dir, file } = await arrange()
    await writeFile(join(dir, 'private'), 'the engineer’s own')
    await symlink(join(dir, 'private'), file)
    await expect(store.require(repository)).rejects.toThrow('leads out of the repository')
    await rm(file)
    await writeFile(file, 'x'.repeat(1024 * 1024 + 1))
    await expect(store.require(repository)).rejects.toThrow('1 MiB')
  })
})
