import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { attempt, codeOf, type Fixture, fixture, put, sh } from './fixtures.ts'

/** Every file of a folder (without .git): kind, executable bit and content hash by path in bytes. */
function picture(folder: string): Record<string, string> {
  const seen: Record<string, string> = {}
  const walk = (at: Buffer, prefix: string) => {
    for (const entry of readdirSync(at, { withFileTypes: true, encoding: 'buffer' })) {
      const name = prefix + entry.name.toString('latin1')
      if (name === '.git') continue
      const path = Buffer.concat([at, Buffer.from('/'), entry.name])
      const info = lstatSync(path)
      if (info.isDirectory()) walk(path, `${name}/`)
      else if (info.isSymbolicLink()) seen[name] = `link ${readlinkSync(path)}`
      else
        seen[name] =
          `${info.mode & 0o100 ? 'x' : '-'} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
    }
  }
  walk(Buffer.from(folder), '')
  return seen
}

const gitView = (path: string) => ({
  stage: sh(path, 'ls-files', '--stage', '-z'),
  status: sh(path, 'status', '--porcelain=v2', '--branch', '-z'),
  staged: sh(path, 'diff', '--cached', '--binary', '--full-index'),
  unstaged: sh(path, 'diff', '--binary', '--full-index'),
})

async function roundTrip(f: Fixture, path: string, id: string): Promise<void> {
  const [files, view] = [picture(path), gitView(path)]
  const indexBefore = readFileSync(sh(path, 'rev-parse', '--git-path', 'index'))
  const kept = await f.git.snapshot({ repo: f.repo, path, attemptId: id, branch: `quartet/${id}` })
  expect(readFileSync(sh(path, 'rev-parse', '--git-path', 'index')).equals(indexBefore)).toBe(true)
  expect(picture(path)).toEqual(files)
  await f.git.removeWorktree({ root: f.root, repo: f.repo, path, attemptId: id })
  await f.git.emptyTrash({ root: f.root })
  sh(f.repo, 'gc', '--prune=now', '-q')
  expect((await f.git.listSnapshots(f.repo)).map((s) => s.sha)).toContain(kept.sha)
  await f.git.restoreSnapshot({ repo: f.repo, path, attemptId: id })
  expect(picture(path)).toEqual(files)
  expect(gitView(path)).toEqual(view)
}

const BASE = {
  'staged.txt': 'one\n',
  'unstaged.txt': 'one\n',
  'both.txt': 'one\n',
  'deleted.txt': 'x\n',
  'deleted-staged.txt': 'x\n',
  'tool.sh': '#!/bin/sh\n',
  'folder/was-file': 'x\n',
  'crlf.txt': 'a\nb\n',
  'hidden.txt': 'seen\n',
  '.gitignore': 'ignored/\n*.log\n',
  '.gitattributes': '*.txt text\ncrlf.txt text eol=crlf\n',
}

describe('keeping and restoring an attempt', () => {
  it('gives back index, files, modes, links, deletions and untracked files', async () => {
    const f = fixture({}, BASE)
    const path = await attempt(f, 'a')
    put(path, { 'staged.txt': 'two\n', 'both.txt': 'staged\n', 'new staged.txt': 'n\n' })
    sh(path, 'rm', '-q', 'deleted-staged.txt')
    sh(path, 'add', 'staged.txt', 'both.txt', 'new staged.txt')
    put(path, {
      'unstaged.txt': 'two\r\nmixed\n',
      'both.txt': 'worktree\n',
      'untracked/deep/ü ñ "quoted"\n.bin': Buffer.from([0, 1, 2, 255]),
      '-dash': '-',
      'ignored/big': 'x'.repeat(1000),
      'x.log': 'log',
    })
    writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0x6c, 0xe9])]), 'latin1 name')
    rmSync(join(path, 'deleted.txt'))
    chmodSync(join(path, 'tool.sh'), 0o755)
    rmSync(join(path, 'folder/was-file'))
    put(path, { 'folder/was-file/now-folder': 'y' })
    symlinkSync('../nowhere', join(path, 'untracked/link'))
    sh(path, 'update-index', '--assume-unchanged', 'hidden.txt')
    put(path, { 'hidden.txt': 'changed behind git’s back\n' })

    const files = picture(path)
    const kept = await f.git.snapshot({ repo: f.repo, path, attemptId: 'a', branch: 'quartet/a' })
    expect(kept.ref).toBe('refs/quartet/trash/a')
    expect(kept.ignored).toEqual({ count: 2, bytes: 1003, paths: ['ignored/', 'x.log'], capped: false })
    expect(sh(f.repo, 'show', `${kept.sha}:both.txt`)).toBe('worktree')
    expect(sh(f.repo, 'show', `${kept.sha}^2:both.txt`)).toBe('staged')
    expect(sh(f.repo, 'rev-parse', `${kept.sha}^1`)).toBe(f.base)
    // Unchanged state, second call: nothing new.
    expect((await f.git.snapshot({ repo: f.repo, path, attemptId: 'a', branch: 'quartet/a' })).sha).toBe(
      kept.sha,
    )

    const stage = sh(path, 'ls-files', '--stage', '-z')
    await f.git.removeWorktree({ root: f.root, repo: f.repo, path, attemptId: 'a' })
    await f.git.emptyTrash({ root: f.root })
    sh(f.repo, 'gc', '--prune=now', '-q')
    expect(await f.git.restoreSnapshot({ repo: f.repo, path, attemptId: 'a' })).toEqual({
      branch: 'quartet/a',
      headSha: f.base,
    })
    const { 'ignored/big': _big, 'x.log': _log, ...wanted } = files
    expect(picture(path)).toEqual(wanted)
    expect(sh(path, 'ls-files', '--stage', '-z')).toBe(stage)
    expect(await codeOf(f.git.restoreSnapshot({ repo: f.repo, path, attemptId: 'a' }))).toBe('illegal_state')
  })

  it('gives back the same git view: staged and unstaged apart', async () => {
    const f = fixture({}, { 'a.txt': 'one\n', 'b.txt': 'one\n' })
    const path = await attempt(f, 'a')
    put(path, { 'a.txt': 'two\n' })
    sh(path, 'add', 'a.txt')
    put(path, { 'a.txt': 'three\n', 'c.txt': 'new\n' })
    await roundTrip(f, path, 'a')
  })

  it('works in the middle of a merge and brings the conflict back', async () => {
    const f = fixture({}, { 'a.txt': 'one\n', 'b.txt': 'one\n', 'c.txt': 'c\n' })
    const path = await attempt(f, 'a')
    put(path, { 'a.txt': 'ours\n', 'c.txt': 'ours c\n' })
    sh(path, 'commit', '-qam', 'ours')
    put(f.repo, { 'a.txt': 'theirs\n', 'b.txt': 'theirs b\n' })
    sh(f.repo, 'rm', '-q', 'c.txt')
    sh(f.repo, 'commit', '-qam', 'theirs')
    expect(() => sh(path, 'merge', 'main')).toThrow()
    put(path, { 'a.txt': 'half resolved\n' })
    await roundTrip(f, path, 'a')
    expect(sh(path, 'ls-files', '-u').split('\n').length).toBeGreaterThan(3)
    expect(sh(path, 'rev-parse', 'MERGE_HEAD')).toBe(sh(f.repo, 'rev-parse', 'main'))
    put(path, { 'a.txt': 'resolved\n' })
    sh(path, 'add', '-A')
    sh(path, 'commit', '-q', '--no-edit')
    expect(sh(path, 'rev-parse', 'HEAD^2')).toBe(sh(f.repo, 'rev-parse', 'main'))
  })

  it('works beside a left-behind index.lock, without an index, and with a detached HEAD', async () => {
    const f = fixture()
    const locked = await attempt(f, 'locked')
    put(locked, { 'a.txt': 'changed\n' })
    writeFileSync(`${sh(locked, 'rev-parse', '--absolute-git-dir')}/index.lock`, '')
    const kept = await f.git.snapshot({
      repo: f.repo,
      path: locked,
      attemptId: 'locked',
      branch: 'quartet/locked',
    })
    expect(sh(f.repo, 'show', `${kept.sha}:a.txt`)).toBe('changed')

    const bare = join(f.root, 'bare')
    await f.git.addWorktree({
      repo: f.repo,
      path: bare,
      branch: 'quartet/bare',
      baseSha: f.base,
      attemptId: 'bare',
    })
    put(bare, { 'only.txt': 'mine\n' })
    const early = await f.git.snapshot({
      repo: f.repo,
      path: bare,
      attemptId: 'bare',
      branch: 'quartet/bare',
    })
    expect(sh(f.repo, 'ls-tree', '-r', '--name-only', early.sha)).toBe('only.txt')

    const detached = await attempt(f, 'detached')
    sh(detached, 'switch', '-q', '--detach')
    put(detached, { 'a.txt': 'off branch\n' })
    sh(detached, 'commit', '-qam', 'off branch')
    put(detached, { 'new.txt': 'n\n' })
    await roundTrip(f, detached, 'detached')
    expect(sh(detached, 'rev-parse', 'quartet/detached')).toBe(f.base)
  })

  it('restores a branch that was deleted and keeps the earlier snapshot reachable', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    put(path, { 'a.txt': 'committed\n' })
    sh(path, 'commit', '-qam', 'work')
    const head = sh(path, 'rev-parse', 'HEAD')
    const first = await f.git.snapshot({ repo: f.repo, path, attemptId: 'a', branch: 'quartet/a' })
    put(path, { 'late.txt': 'late\n' })
    const second = await f.git.snapshot({ repo: f.repo, path, attemptId: 'a', branch: 'quartet/a' })
    expect(sh(f.repo, 'rev-list', second.sha).split('\n')).toContain(first.sha)
    await f.git.removeWorktree({ root: f.root, repo: f.repo, path, attemptId: 'a' })
    await f.git.deleteBranch({ repo: f.repo, branch: 'quartet/a', expectedSha: head })
    await f.git.restoreSnapshot({ repo: f.repo, path, attemptId: 'a' })
    expect(sh(path, 'rev-parse', 'HEAD')).toBe(head)
    expect(sh(path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/quartet/a')
    expect(readFileSync(join(path, 'late.txt'), 'utf8')).toBe('late\n')
  })

  it('reports repositories inside, and takes an interrupted restore up again', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    mkdirSync(join(path, 'clone'))
    sh(join(path, 'clone'), 'init', '-q')
    put(path, { 'x.txt': 'x\n' })
    const kept = await f.git.snapshot({ repo: f.repo, path, attemptId: 'a', branch: 'quartet/a' })
    expect(kept.nested).toEqual(['clone/'])
    await f.git.removeWorktree({ root: f.root, repo: f.repo, path, attemptId: 'a' })
    await f.git.restoreSnapshot({ repo: f.repo, path, attemptId: 'a' })
    const admin = sh(path, 'rev-parse', '--absolute-git-dir')
    writeFileSync(join(admin, 'quartet-restoring'), '')
    rmSync(join(path, 'x.txt'))
    await f.git.restoreSnapshot({ repo: f.repo, path, attemptId: 'a' })
    expect(readFileSync(join(path, 'x.txt'), 'utf8')).toBe('x\n')
    expect(readdirSync(admin).filter((name) => name.startsWith('quartet-'))).toEqual([])
  })

  it('never writes where a hand-made snapshot points', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    put(path, { 'x.txt': 'x\n' })
    const kept = await f.git.snapshot({ repo: f.repo, path, attemptId: 'a', branch: 'quartet/a' })
    await f.git.removeWorktree({ root: f.root, repo: f.repo, path, attemptId: 'a' })
    const blob = sh(f.repo, 'rev-parse', `${kept.sha}:x.txt`)
    const raw = Buffer.concat([Buffer.from('100644 ../../escaped\0'), Buffer.from(blob, 'hex')])
    writeFileSync(join(f.dir, 'tree'), raw)
    const tree = sh(f.repo, 'hash-object', '-w', '-t', 'tree', '--literally', join(f.dir, 'tree'))
    const parents = ['^1', '^2', '^3'].flatMap((p) => ['-p', sh(f.repo, 'rev-parse', kept.sha + p)])
    sh(f.repo, 'update-ref', kept.ref, sh(f.repo, 'commit-tree', tree, ...parents, '-m', 'evil'))
    expect(await codeOf(f.git.restoreSnapshot({ repo: f.repo, path, attemptId: 'a' }))).not.toBe('none')
    expect(() => statSync(join(f.dir, 'escaped'))).toThrow()
    expect(await codeOf(f.git.restoreSnapshot({ repo: f.repo, path, attemptId: 'never' }))).toBe('not_found')
    expect(await codeOf(f.git.snapshot({ repo: f.repo, path, attemptId: '../x', branch: 'quartet/a' }))).toBe(
      'invalid_input',
    )
  })

  it('gives the tree of the folder for diffs', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    put(path, { 'a.txt': 'changed\n', 'new.txt': 'n\n' })
    renameSync(join(path, 'src/b.txt'), join(path, 'src/c.txt'))
    const to = await f.git.captureTree({ repo: f.repo, path })
    const { patch } = await f.git.diffPatch({ repo: f.repo, from: f.base, to })
    expect(patch).toContain('rename from src/b.txt')
    expect(patch).toContain('+changed')
    expect((await f.git.diffStatBetween({ repo: f.repo, from: f.base, to })).files).toBe(3)
    expect(execFileSync('git', ['for-each-ref', 'refs/quartet'], { cwd: f.repo, encoding: 'utf8' })).toBe('')
  })
})
