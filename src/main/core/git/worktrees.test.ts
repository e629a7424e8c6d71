import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { attempt, codeOf, fixture, sh, tempDir } from './fixtures.ts'
import { HeadStart } from './head-start.ts'

describe('adding worktrees', () => {
  it('makes a branch at the base without files, then the files with progress', async () => {
    const f = fixture(
      {},
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${i % 7}/f${i}.txt`, `${i}\n`])),
    )
    const path = join(f.root, 'w1')
    await f.git.addWorktree({
      repo: f.repo,
      path,
      branch: 'quartet/t/r1a1',
      baseSha: f.base,
      attemptId: 'a1',
    })
    expect(readdirSync(path)).toEqual(['.git'])
    const seen: number[] = []
    expect(await f.git.checkoutWorktree({ repo: f.repo, path, onProgress: (p) => seen.push(p) })).toEqual({
      written: true,
    })
    expect(seen.at(-1)).toBe(100)
    expect(seen.length).toBeGreaterThan(1)
    expect([...seen].sort((a, b) => a - b)).toEqual(seen)
    expect(sh(path, 'status', '--porcelain')).toBe('')
    expect(sh(path, 'rev-parse', 'HEAD')).toBe(f.base)
    expect(sh(path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/quartet/t/r1a1')
    expect((await f.git.verifyWorktree({ repo: f.repo, path })).marker).toEqual({
      attemptId: 'a1',
      branch: 'quartet/t/r1a1',
      path,
    })
    const entry = (await f.git.listWorktrees(f.repo)).find((w) => w.path === path)
    expect(entry).toMatchObject({ headSha: f.base, branch: 'quartet/t/r1a1', isMain: false, prunable: null })
  })

  it('takes up what an interrupted call left', async () => {
    const f = fixture()
    const path = join(f.root, 'w')
    const request = { repo: f.repo, path, branch: 'quartet/x', baseSha: f.base, attemptId: 'x' }
    sh(f.repo, 'branch', 'quartet/x', f.base)
    await f.git.addWorktree(request)
    await f.git.addWorktree(request)
    await f.git.checkoutWorktree({ repo: f.repo, path })
    writeFileSync(join(path, 'a.txt'), 'agent was here\n')
    expect(await f.git.checkoutWorktree({ repo: f.repo, path })).toEqual({ written: false })
    expect(readFileSync(join(path, 'a.txt'), 'utf8')).toBe('agent was here\n')
    // Cut off before our marker was written, and reached by another name of the same folder.
    rmSync(join((await f.git.verifyWorktree({ repo: f.repo, path })).adminDir, 'quartet.json'))
    symlinkSync(f.root, join(f.dir, 'same root'))
    await f.git.addWorktree({ ...request, path: join(f.dir, 'same root/w') })
    // The folder vanished, the registration stayed.
    rmSync(path, { recursive: true })
    await f.git.addWorktree(request)
    await f.git.checkoutWorktree({ repo: f.repo, path })
    expect(sh(path, 'status', '--porcelain')).toBe('')
    expect(sh(f.repo, 'worktree', 'list').split('\n')).toHaveLength(2)
  })

  it('writes over the rest of an interrupted checkout', async () => {
    const f = fixture()
    const path = join(f.root, 'w')
    await f.git.addWorktree({ repo: f.repo, path, branch: 'quartet/x', baseSha: f.base, attemptId: 'x' })
    writeFileSync(join(path, 'a.txt'), 'hal')
    await f.git.checkoutWorktree({ repo: f.repo, path })
    expect(readFileSync(join(path, 'a.txt'), 'utf8')).toBe('one\n')
  })

  it('refuses a path or a branch that is something else', async () => {
    const f = fixture()
    const request = {
      repo: f.repo,
      path: join(f.root, 'w'),
      branch: 'quartet/x',
      baseSha: f.base,
      attemptId: 'x',
    }
    mkdirSync(request.path)
    writeFileSync(join(request.path, 'precious'), '')
    expect(await codeOf(f.git.addWorktree(request))).toBe('illegal_state')
    expect(existsSync(join(request.path, 'precious'))).toBe(true)
    sh(f.repo, 'commit', '-q', '--allow-empty', '-m', 'second')
    sh(f.repo, 'branch', 'quartet/y')
    expect(
      await codeOf(f.git.addWorktree({ ...request, path: join(f.root, 'y'), branch: 'quartet/y' })),
    ).toBe('illegal_state')
    await f.git.addWorktree({ ...request, path: join(f.root, 'z'), branch: 'quartet/z', attemptId: 'z' })
    expect(
      await codeOf(
        f.git.addWorktree({
          ...request,
          path: join(f.root, 'z'),
          branch: 'quartet/other',
          attemptId: 'other',
        }),
      ),
    ).toBe('illegal_state')
  })

  it('tells worktrees of the same name apart, and those of a name that git writes in another way', async () => {
    const f = fixture()
    const paths = ['one/same', 'two/same', 'three/the  odd~name', 'four/.hidden'].map((path) =>
      join(f.root, path),
    )
    for (const [i, path] of paths.entries()) {
      await f.git.addWorktree({ repo: f.repo, path, branch: `q/${i}`, baseSha: f.base, attemptId: `${i}` })
      await f.git.checkoutWorktree({ repo: f.repo, path })
    }
    for (const [i, path] of paths.entries()) {
      const { marker } = await f.git.verifyWorktree({ repo: f.repo, path })
      expect(marker).toEqual({ attemptId: `${i}`, branch: `q/${i}`, path })
      expect((await f.git.readHead({ repo: f.repo, path })).branch).toBe(`q/${i}`)
    }
    // A name alone is nothing: this folder was never registered.
    const stranger = join(f.root, 'five/same')
    mkdirSync(stranger, { recursive: true })
    expect(await codeOf(f.git.readHead({ repo: f.repo, path: stranger }))).toBe('worktree_missing')
  })

  it('starts two processes for each worktree of a round, and one for all of them', async () => {
    const started: string[] = []
    const f = fixture({ onCall: ({ operation }) => started.push(operation) })
    await Promise.all(Array.from({ length: 16 }, (_, i) => attempt(f, `a${i}`)))
    const count = (operation: string) => started.filter((one) => one === operation).length
    expect(count('Creating a worktree')).toBe(16)
    expect(count('Checking out files')).toBe(16)
    expect(count('Reading the git configuration')).toBe(1)
    expect(started).toHaveLength(33)
  })

  it('writes the files of the first one before it begins with those of another', async () => {
    const dir = tempDir()
    const binary = join(dir, 'git that tells')
    const notes = join(dir, 'notes')
    // "+" when files begin to be written, "-" when they are there.
    writeFileSync(
      binary,
      `#!/bin/sh\ncase "$*" in *read-tree*) echo "+$GIT_WORK_TREE" >> '${notes}'; git "$@"; echo "-$GIT_WORK_TREE" >> '${notes}';; *) exec git "$@";; esac\n`,
    )
    chmodSync(binary, 0o755)
    const f = fixture({ binary, headStart: new HeadStart(2, 60_000) })
    const paths = await Promise.all(['a', 'b', 'c'].map((id) => attempt(f, id)))
    const lines = readFileSync(notes, 'utf8').trim().split('\n')
    expect(lines).toHaveLength(6)
    expect(lines[1]).toBe(`-${lines[0]?.slice(1)}`)
    expect(new Set(lines.map((line) => line.slice(1)))).toEqual(new Set(paths))
  })

  it('creates 16 at once, ten times, without one failure', { timeout: 240_000 }, async () => {
    const f = fixture()
    const failures: unknown[] = []
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 16 }, (_, i) =>
          attempt(f, `r${round}a${i}`).catch((error: unknown) => failures.push(error)),
        ),
      )
    }
    expect(failures).toEqual([])
    expect(await f.git.listWorktrees(f.repo)).toHaveLength(161)
    for (const name of readdirSync(f.root))
      expect(readFileSync(join(f.root, name, 'src/b.txt'), 'utf8')).toBe('two\n')
  })
})

describe('a worktree under attack', () => {
  it('tells a missing folder, a link, and a swapped pointer apart', async () => {
    const f = fixture()
    const gone = await attempt(f, 'gone')
    rmSync(gone, { recursive: true })
    expect(await codeOf(f.git.readStatus({ repo: f.repo, path: gone }))).toBe('worktree_missing')

    const linked = await attempt(f, 'linked')
    renameSync(linked, join(f.dir, 'elsewhere'))
    symlinkSync(join(f.dir, 'elsewhere'), linked)
    expect(await codeOf(f.git.readStatus({ repo: f.repo, path: linked }))).toBe('worktree_tampered')

    const swapped = await attempt(f, 'swapped')
    const evil = join(f.dir, 'evil')
    mkdirSync(evil)
    sh(evil, 'init', '-q')
    sh(evil, 'config', 'core.fsmonitor', `touch '${f.dir}/fired'; false`)
    writeFileSync(join(swapped, '.git'), `gitdir: ${evil}/.git\n`)
    for (const verb of [
      () => f.git.readStatus({ repo: f.repo, path: swapped }),
      () => f.git.diffStat({ repo: f.repo, path: swapped, baseSha: f.base }),
      () => f.git.commitAll({ repo: f.repo, path: swapped, message: 'x' }),
      () => f.git.checkoutWorktree({ repo: f.repo, path: swapped }),
      () => f.git.readHead({ repo: f.repo, path: swapped }),
    ]) {
      expect(await codeOf(verb())).toBe('worktree_tampered')
    }
    // What lies in it can still be kept: the repository's own side is asked.
    writeFileSync(join(swapped, 'late.txt'), 'late')
    const kept = await f.git.snapshot({
      repo: f.repo,
      path: swapped,
      attemptId: 'swapped',
      branch: 'quartet/swapped',
    })
    expect(sh(f.repo, 'show', `${kept.sha}:late.txt`)).toBe('late')
    expect(existsSync(join(f.dir, 'fired'))).toBe(false)

    rmSync(f.repo, { recursive: true })
    expect(await codeOf(f.git.readStatus({ repo: f.repo, path: swapped }))).toBe('repository_missing')
  })
})

describe('removing worktrees', () => {
  it('moves it away at once and unlinks it later', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    mkdirSync(join(path, 'deep/er'), { recursive: true })
    symlinkSync(f.repo, join(path, 'deep/er/link'))
    chmodSync(join(path, 'deep/er'), 0o555)
    writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0x66, 0xff, 0x6f])]), 'not UTF-8')
    const { trash } = await f.git.removeWorktree({ root: f.root, repo: f.repo, path, attemptId: 'a' })
    expect(existsSync(path)).toBe(false)
    expect(await f.git.listWorktrees(f.repo)).toHaveLength(1)
    expect(readFileSync(join(trash ?? '', 'tree/a.txt'), 'utf8')).toBe('one\n')
    expect(await f.git.removeWorktree({ root: f.root, repo: f.repo, path, attemptId: 'a' })).toEqual({
      trash: null,
    })
    // The branch is free again, its commits stay.
    await f.git.deleteBranch({ repo: f.repo, branch: 'quartet/a', expectedSha: f.base })

    expect(await f.git.emptyTrash({ root: f.root, keepMs: 60_000 })).toEqual({ emptied: 0 })
    expect(await f.git.emptyTrash({ root: f.root, signal: AbortSignal.abort() })).toEqual({ emptied: 0 })
    expect(await f.git.emptyTrash({ root: f.root })).toEqual({ emptied: 1 })
    expect(readdirSync(join(f.root, '.trash'))).toEqual([])
    expect(existsSync(join(f.repo, 'a.txt'))).toBe(true)
  })

  it('leaves alone what is not ours', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    const remove = (over: { root?: string; path?: string; attemptId?: string }) =>
      codeOf(f.git.removeWorktree({ root: f.root, repo: f.repo, path, attemptId: 'a', ...over }))
    expect(await remove({ attemptId: 'b' })).toBe('illegal_state')
    expect(await remove({ path: f.repo })).toBe('illegal_state')
    expect(await remove({ path: f.root })).toBe('illegal_state')
    expect(await remove({ path: `${f.root}/../worktrees/../the repo` })).toBe('illegal_state')
    const users = join(f.root, 'users')
    sh(f.repo, 'worktree', 'add', '-q', '-b', 'mine', users)
    expect(await remove({ path: users })).toBe('illegal_state')
    const plain = join(f.root, 'plain')
    mkdirSync(plain)
    expect(await remove({ path: plain })).toBe('illegal_state')
    symlinkSync(f.dir, join(f.root, 'hop'))
    expect(await remove({ path: join(f.root, 'hop', 'the repo') })).toBe('illegal_state')
    renameSync(path, join(f.dir, 'moved'))
    symlinkSync(f.repo, path)
    expect(await remove({})).toBe('worktree_tampered')
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
    for (const kept of [f.repo, users, plain]) expect(existsSync(kept)).toBe(true)
  })

  it('forgets a worktree whose folder is gone, and no other', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    const users = join(f.dir, 'on a stick')
    sh(f.repo, 'worktree', 'add', '-q', '-b', 'mine', users)
    renameSync(users, `${users} away`)
    rmSync(path, { recursive: true })
    await f.git.removeWorktree({ root: f.root, repo: f.repo, path, attemptId: 'a' })
    const left = await f.git.listWorktrees(f.repo)
    expect(left.map((w) => w.path)).toEqual([f.repo, users])
    expect(left[1]?.prunable).not.toBeNull()
  })
})
