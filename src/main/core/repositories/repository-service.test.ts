import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { ourGit, put, sh } from '../git/fixtures.ts'
import { SettingsStore } from '../settings.ts'
import { openLedger } from '../testing/ledger-fixture.ts'
import { RepositoryService } from './repository-service.ts'
import { WorkflowStore } from './workflow-store.ts'

/** A repository that was added, and what git was started for since. */
async function arrange(separateGitDir = false) {
  const { dir, ledger, scope } = await openLedger()
  const path = join(dir, 'repo')
  await mkdir(path)
  sh(
    path,
    'init',
    '-q',
    '-b',
    'main',
    ...(separateGitDir ? ['--separate-git-dir', join(dir, 'elsewhere')] : []),
  )
  put(path, { 'a.txt': 'one\n' })
  sh(path, 'add', '-A')
  sh(path, 'commit', '-q', '-m', 'first')
  sh(path, 'branch', 'stable')
  const started: string[] = []
  const git = ourGit(dir, {
    onCall: ({ operation }) => started.push(operation),
  })
  const make = (by = git) =>
    new RepositoryService({
      ledger,
      git: by,
      workflows: new WorkflowStore({ ledger, clock: systemClock, log: silentLogger, scope }),
      settings: new SettingsStore(ledger),
      clock: systemClock,
      home: dir,
    })
  const service = make()
  const { id } = await service.add({ path })
  /** One look at all repositories: how often git was started for it. */
  const look = async (by = service) => {
    started.length = 0
    await by.refreshProblems()
    return started.length
  }
  const problem = () => ledger.require('repositories', id).problem
  return { dir, path, ledger, started, service, make, look, problem, id }
}

it('asks git about a repository only when something in it has changed', async () => {
  const { path, service, make, look, problem, id } = await arrange()
  // It was looked at when it was added.
  expect([await look(), await look()]).toEqual([0, 0])

  // A start looks once.
  const afterStart = make()
  expect(await look(afterStart)).toBeGreaterThan(0)
  expect([await look(afterStart), await look(afterStart)]).toEqual([0, 0])

  // What agents and the engineer do beside the base is no reason.
  put(path, { 'new.txt': '' })
  sh(path, 'add', '-A')
  sh(path, 'branch', 'quartet/t/r1a1')
  sh(path, 'worktree', 'add', '-q', '--no-checkout', join(path, '..', 'tree'), 'quartet/t/r1a1')
  expect(await look()).toBe(0)

  for (const change of [
    () => sh(path, 'commit', '-q', '-m', 'second'),
    () => sh(path, 'config', 'filter.evil.clean', 'false'),
    () => sh(path, 'pack-refs', '--all'),
  ]) {
    change()
    expect(await look()).toBeGreaterThan(0)
    expect(await look()).toBe(0)
  }
  expect(problem()).toBeNull()

  await service.update(id, 'stable')
  expect(await look()).toBe(0)
})

it.each([false, true])('says what is wrong as long as it is (git folder elsewhere: %s)', async (separate) => {
  const { dir, path, look, problem, service, ledger, id } = await arrange(separate)
  sh(path, 'checkout', '-q', '--detach')
  sh(path, 'branch', '-D', 'main')
  await look()
  expect(problem()).toContain('no branch “main”')
  expect(await look()).toBe(0)
  // Another base is there at once, without waiting for the next look.
  expect(await service.update(id, 'stable')).toMatchObject({ baseBranch: 'stable', problem: null })

  await rename(path, join(dir, 'moved'))
  await look()
  expect(problem()).toContain('is gone')
  expect(await look()).toBe(0)
  await rename(join(dir, 'moved'), path)
  await look()
  expect(problem()).toBeNull()
  expect(
    ledger.facts({ limit: 10, kind: 'repository.problem' }).map((fact) => fact.body.problem === null),
  ).toEqual([true, false, true, false])
})

it('asks again when git itself gave no answer', async () => {
  const { dir, make, look, problem, started } = await arrange()
  const service = make(ourGit(dir, { binary: '/no/git/here', onCall: () => started.push('') }))
  expect(await look(service)).toBeGreaterThan(0)
  expect(problem()).toContain('Cannot start git')
  expect(await look(service)).toBeGreaterThan(0)
})
