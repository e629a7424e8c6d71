import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { agentCommits, attempt, codeOf, fixture, ourGit, put, sh, tempDir } from './fixtures.ts'

describe('status', () => {
  it('counts what is staged, unstaged, untracked and in conflict', async () => {
    const f = fixture({}, { 'a.txt': '1\n', 'b c.txt': '1\n', 'd.txt': '1\n' })
    const path = await attempt(f, 'a')
    put(path, { 'a.txt': '2\n', 'b c.txt': '2\n', 'new/x': '', 'new/y': '', 'z z': '' })
    sh(path, 'add', 'a.txt')
    put(path, { 'a.txt': '3\n' })
    expect(await f.git.readStatus({ repo: f.repo, path })).toEqual({
      headSha: f.base,
      branch: 'quartet/a',
      staged: 1,
      unstaged: 2,
      untracked: 2,
      conflicted: 0,
      truncated: false,
    })
    sh(path, 'reset', '-q', '--hard')
    const other = agentCommits(await attempt(f, 'b'), { 'd.txt': 'theirs\n' })
    agentCommits(path, { 'd.txt': 'ours\n' })
    expect(() => sh(path, 'merge', other)).toThrow()
    expect(await f.git.readStatus({ repo: f.repo, path })).toMatchObject({ conflicted: 1, staged: 0 })
    expect(await f.git.readHead({ repo: f.repo, path })).toEqual({
      sha: sh(path, 'rev-parse', 'HEAD'),
      branch: 'quartet/a',
    })
    await expect(f.git.commitAll({ repo: f.repo, path, message: 'x' })).rejects.toMatchObject({
      code: 'merge_conflict',
      data: { files: ['d.txt'] },
    })
  })

  it('takes no lock and writes nothing', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    const index = join(sh(path, 'rev-parse', '--absolute-git-dir'), 'index')
    writeFileSync(join(path, 'a.txt'), 'one\n')
    const before = readFileSync(index)
    await f.git.readStatus({ repo: f.repo, path })
    await f.git.diffStat({ repo: f.repo, path, baseSha: f.base })
    expect(readFileSync(index).equals(before)).toBe(true)
  })
})

describe('diffs', () => {
  it('counts committed, uncommitted and untracked work together', async () => {
    const f = fixture(
      {},
      {
        'a.txt': '1\n2\n3\n',
        'old name.txt': 'x\ny\nz\n',
        'gone.txt': '1\n',
        'bin.dat': Buffer.from([0, 1]),
      },
    )
    const path = await attempt(f, 'a')
    sh(path, 'mv', 'old name.txt', 'new ü name.txt')
    sh(path, 'rm', '-q', 'gone.txt')
    agentCommits(path, { 'a.txt': '1\n2 changed\n3\n4\n' })
    put(path, {
      'bin.dat': Buffer.from([0, 2]),
      'fresh/text.txt': 'a\nb',
      'fresh/bin': Buffer.from([1, 0, 1]),
    })
    execFileSync('mkfifo', [join(path, 'pipe')])
    symlinkSync('/etc/passwd', join(path, 'link'))
    const stat = await f.git.diffStat({ repo: f.repo, path, baseSha: f.base })
    const file = (name: string) => stat.perFile.find((each) => each.path === name)
    expect(file('a.txt')).toEqual({ path: 'a.txt', oldPath: null, status: 'M', added: 2, removed: 1 })
    expect(file('new ü name.txt')).toEqual({
      path: 'new ü name.txt',
      oldPath: 'old name.txt',
      status: 'R',
      added: 0,
      removed: 0,
    })
    expect(file('gone.txt')).toMatchObject({ status: 'D', removed: 1 })
    expect(file('bin.dat')).toMatchObject({ added: null, removed: null })
    expect(file('fresh/text.txt')).toMatchObject({ status: '?', added: 2 })
    expect(file('fresh/bin')).toMatchObject({ added: null })
    expect(file('link')).toMatchObject({ added: null })
    expect(stat).toMatchObject({ files: 7, added: 4, removed: 2 })
    const capped = await f.git.diffStat({ repo: f.repo, path, baseSha: f.base, maxFiles: 2 })
    expect(capped).toMatchObject({ files: 7, added: 4, truncated: true })
    expect(capped.perFile).toHaveLength(2)
  })

  it('gives a patch of some paths, cut where asked, whatever the configuration likes', async () => {
    const f = fixture()
    for (const [key, value] of [
      ['diff.noprefix', 'true'],
      ['color.diff', 'always'],
      ['diff.context', '0'],
      ['diff.mnemonicPrefix', 'true'],
    ] as const) {
      sh(f.repo, 'config', key, value)
    }
    const to = agentCommits(await attempt(f, 'a'), {
      'a.txt': 'one\nmore\n',
      '*.txt': 'star\n',
      'big.txt': 'x\n'.repeat(50_000),
    })
    const range = { repo: f.repo, from: f.base, to }
    const { patch } = await f.git.diffPatch({ ...range, paths: ['a.txt'] })
    expect(patch).toContain('diff --git a/a.txt b/a.txt')
    expect(patch).toContain(' one\n+more')
    expect(patch).not.toContain('star')
    expect((await f.git.diffPatch({ ...range, paths: ['*.txt'] })).patch).not.toContain('+more')
    const cut = await f.git.diffPatch({ ...range, maxBytes: 1_000 })
    expect(cut.truncated).toBe(true)
    expect(cut.patch.length).toBeLessThanOrEqual(1_000)
  })
})

describe('history', () => {
  it('lists commits between two, newest first, with odd messages whole', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    const one = agentCommits(path, { x: '1' }, 'subject | with\n\nbody "quoted"\n\nlast line')
    const two = agentCommits(path, { x: '2' }, 'zweiter ü')
    const commits = await f.git.logBetween({ repo: f.repo, from: f.base, to: two })
    expect(commits.map((c) => [c.sha, c.subject])).toEqual([
      [two, 'zweiter ü'],
      [one, 'subject | with'],
    ])
    expect(commits[1]).toMatchObject({
      body: 'body "quoted"\n\nlast line',
      parents: [f.base],
      authorName: 'Ada',
      authorEmail: 'ada@example.org',
    })
    expect(await f.git.logBetween({ repo: f.repo, from: f.base, to: two, limit: 1 })).toHaveLength(1)
    expect((await f.git.readFileAt({ repo: f.repo, sha: two, path: 'x' })).content.toString()).toBe('2')
    expect(await codeOf(f.git.readFileAt({ repo: f.repo, sha: two, path: 'nope' }))).toBe('not_found')
    expect(await f.git.mergeBase({ repo: f.repo, a: one, b: f.base })).toBe(f.base)
    expect(await f.git.isAncestor({ repo: f.repo, ancestor: f.base, descendant: two })).toBe(true)
    expect(await f.git.isAncestor({ repo: f.repo, ancestor: two, descendant: f.base })).toBe(false)
  })
})

describe('committing leftovers', () => {
  it('commits everything without hooks, in the user’s name or ours', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    expect(await f.git.commitAll({ repo: f.repo, path, message: 'x' })).toEqual({
      committed: false,
      headSha: f.base,
      skipped: [],
    })
    put(path, { 'a.txt': 'left\n', '-new': 'n', 'sub/x': 'x' })
    mkdirSync(join(path, 'clone'))
    sh(join(path, 'clone'), 'init', '-q')
    agentCommits(join(path, 'clone'), { y: 'y' })
    const done = await f.git.commitAll({
      repo: f.repo,
      path,
      message: '-m odd\n\n# not a comment',
      author: { name: 'Codex', email: 'codex@example.org' },
    })
    expect(done).toMatchObject({ committed: true, skipped: ['clone/'] })
    expect(sh(path, 'log', '-1', '--format=%an|%cn|%B').trim()).toBe(
      'Codex|Quartet|-m odd\n\n# not a comment',
    )
    expect(sh(path, 'rev-parse', 'HEAD')).toBe(done.headSha)
    expect(sh(path, 'status', '--porcelain')).toBe('?? clone/')
    sh(f.repo, 'config', 'user.name', 'Grace')
    sh(f.repo, 'config', 'user.email', 'grace@example.org')
    put(path, { more: '' })
    await f.git.commitAll({ repo: f.repo, path, message: 'more' })
    expect(sh(path, 'log', '-1', '--format=%an|%cn')).toBe('Grace|Grace')
  })
})

describe('submodules', () => {
  it('are looked for once for all attempts of a round that has none', async () => {
    const started: string[] = []
    const f = fixture({ onCall: ({ operation }) => started.push(operation) })
    for (const id of ['a', 'b']) {
      const path = await attempt(f, id)
      const request = { repo: f.repo, path, headSha: f.base }
      expect(await f.git.fetchSubmodules(request)).toEqual({ fetched: [] })
    }
    expect(started.filter((one) => one === 'Looking for submodules')).toHaveLength(1)
  })

  it('come when asked for, one level deep, and are never added by us', async () => {
    const f = fixture()
    const library = (name: string) => {
      const path = join(f.dir, name)
      mkdirSync(path)
      sh(path, 'init', '-q', '-b', 'main')
      agentCommits(path, { [`${name}.txt`]: name })
      return path
    }
    const [inner, outer] = [library('inner'), library('outer')]
    const allow = ['-c', 'protocol.file.allow=always']
    sh(outer, ...allow, 'submodule', '--quiet', 'add', inner, 'inner')
    sh(outer, 'commit', '-qm', 'with inner')
    sh(f.repo, ...allow, 'submodule', '--quiet', 'add', outer, 'libs/outer')
    sh(f.repo, 'commit', '-qm', 'with outer')
    const path = await attempt(f, 'a', sh(f.repo, 'rev-parse', 'HEAD'))
    // Git itself refuses submodules from this disk unless the user allows them.
    const withHead = { repo: f.repo, path, headSha: sh(path, 'rev-parse', 'HEAD') }
    for (const request of [withHead, withHead])
      await expect(f.git.fetchSubmodules(request)).rejects.toMatchObject({ code: 'git_failed' })
    writeFileSync(join(f.dir, '.gitconfig'), '[protocol "file"]\n\tallow = always\n')
    expect(await f.git.fetchSubmodules({ repo: f.repo, path })).toEqual({ fetched: ['libs/outer'] })
    expect(readFileSync(join(path, 'libs/outer/outer.txt'), 'utf8')).toBe('outer')
    expect(readdirSync(join(path, 'libs/outer/inner'))).toEqual([])
    expect(await f.git.fetchSubmodules({ repo: f.repo, path })).toEqual({ fetched: [] })
    agentCommits(join(path, 'libs/outer'), { 'outer.txt': 'changed' })
    put(path, { 'new.txt': 'n', 'deep/er/clone/x': 'x' })
    sh(join(path, 'deep/er/clone'), 'init', '-q')
    agentCommits(join(path, 'deep/er/clone'), { y: 'y' })
    const done = await f.git.commitAll({ repo: f.repo, path, message: 'x' })
    expect(done.skipped.sort()).toEqual(['deep/er/clone/', 'libs/outer'])
    expect(sh(path, 'show', '--name-only', '--format=', 'HEAD')).toBe('new.txt')
  })
})

describe('a new repository', () => {
  it('has its files, one commit and the branch', async () => {
    const dir = tempDir()
    const git = ourGit(dir)
    const path = join(dir, 'sample')
    const { sha } = await git.initRepository({
      path,
      branch: 'main',
      files: { 'a/b.js': '1', 'run.sh': '#!/bin/sh\n' },
      executable: ['run.sh'],
      message: 'Sample',
    })
    expect(await git.inspectRepository({ path })).toMatchObject({ baseBranch: 'main', baseSha: sha })
    expect(sh(path, 'ls-files', '-s', 'run.sh')).toMatch(/^100755/)
    expect(await codeOf(git.initRepository({ path, branch: 'main', files: {}, message: 'x' }))).toBe(
      'illegal_state',
    )
  })
})
