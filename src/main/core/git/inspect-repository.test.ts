import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { codeOf, fixture, ourGit, put, sh, tempDir } from './fixtures.ts'

describe('examining a path', () => {
  it('describes a repository, also from a folder in it or its .git', async () => {
    const f = fixture()
    sh(f.repo, 'remote', 'add', 'origin', 'https://example.org/x.git')
    sh(f.repo, 'switch', '-q', '-c', 'topic')
    const seen = await f.git.inspectRepository({ path: join(f.repo, 'src') })
    expect(seen).toMatchObject({
      path: f.repo,
      name: 'the repo',
      baseBranch: 'main',
      baseSha: f.base,
      headBranch: 'topic',
      remotes: [{ name: 'origin', url: 'https://example.org/x.git' }],
      hasLfs: false,
      hasSubmodules: false,
      isShallow: false,
      isPartialClone: false,
      shutConfig: [],
    })
    expect((await f.git.inspectRepository({ path: join(f.repo, '.git') })).path).toBe(f.repo)
    expect((await f.git.inspectRepository({ path: f.repo, baseBranch: 'topic' })).baseBranch).toBe('topic')
    expect(await codeOf(f.git.inspectRepository({ path: f.repo, baseBranch: 'nope' }))).toBe('base_missing')
  })

  it('prefers the remote’s default branch, allows a detached HEAD', async () => {
    const f = fixture()
    sh(f.repo, 'branch', 'trunk')
    sh(f.repo, 'update-ref', 'refs/remotes/origin/trunk', f.base)
    sh(f.repo, 'symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/trunk')
    sh(f.repo, 'switch', '-q', '--detach')
    expect(await f.git.inspectRepository({ path: f.repo })).toMatchObject({
      baseBranch: 'trunk',
      headBranch: null,
    })
  })

  it('finds LFS, submodules, shallow clones and programs in the configuration', async () => {
    const f = fixture(
      {},
      { 'deep/down/.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n', '.gitmodules': '' },
    )
    sh(f.repo, 'config', 'filter.crypt.clean', 'git-crypt clean')
    const seen = await f.git.inspectRepository({ path: f.repo })
    expect(seen).toMatchObject({
      hasLfs: true,
      lfsReady: false,
      hasSubmodules: true,
      shutConfig: ['filter.crypt.clean'],
    })
    const shallow = join(f.dir, 'shallow')
    sh(f.repo, 'commit', '-q', '--allow-empty', '-m', 'second')
    sh(f.dir, 'clone', '-q', '--depth=1', `file://${f.repo}`, shallow)
    expect((await f.git.inspectRepository({ path: shallow })).isShallow).toBe(true)
  })

  it('refuses what cannot be worked with, each by its name', async () => {
    const dir = tempDir()
    const git = ourGit(dir)
    const path = (name: string) => join(dir, name)
    expect(await codeOf(git.inspectRepository({ path: path('nowhere') }))).toBe('not_a_repository')
    mkdirSync(path('plain'))
    expect(await codeOf(git.inspectRepository({ path: path('plain') }))).toBe('not_a_repository')
    writeFileSync(path('file'), '')
    expect(await codeOf(git.inspectRepository({ path: path('file') }))).toBe('not_a_repository')
    sh(dir, 'init', '-q', '--bare', 'bare')
    expect(await codeOf(git.inspectRepository({ path: path('bare') }))).toBe('bare_repository')
    sh(dir, 'init', '-q', 'empty')
    expect(await codeOf(git.inspectRepository({ path: path('empty') }))).toBe('no_commits')
    const f = fixture()
    const linked = join(f.dir, 'linked')
    sh(f.repo, 'worktree', 'add', '-q', '-b', 'x', linked)
    await expect(f.git.inspectRepository({ path: linked })).rejects.toMatchObject({
      code: 'linked_worktree',
      data: { repository: f.repo },
    })
    sh(f.repo, 'symbolic-ref', 'HEAD', 'refs/heads/unborn')
    expect(await codeOf(f.git.inspectRepository({ path: f.repo }))).toBe('unborn_branch')
    sh(f.repo, 'switch', '-q', '--detach', 'main')
    sh(f.repo, 'branch', '-q', '-m', 'main', 'odd')
    expect(await codeOf(f.git.inspectRepository({ path: f.repo }))).toBe('detached_head')
    expect((await f.git.inspectRepository({ path: f.repo, baseBranch: 'odd' })).baseBranch).toBe('odd')
  })

  it('works with odd paths', async () => {
    const dir = tempDir()
    const git = ourGit(dir)
    for (const name of [
      '-dash',
      'two  blanks',
      'ünïcödé',
      'quo\'te"s',
      '$(id)',
      'a;b&c',
      'line\nbreak',
      '--upload-pack=x',
    ]) {
      const path = join(dir, name)
      mkdirSync(path)
      sh(path, 'init', '-q', '-b', 'main')
      put(path, { f: '1' })
      sh(path, 'add', '-A')
      sh(path, 'commit', '-q', '-m', 'x')
      expect((await git.inspectRepository({ path })).path).toBe(path)
      expect((await git.readStatus({ repo: path, path })).branch).toBe('main')
      await git.addWorktree({
        repo: path,
        path: join(dir, `wt ${name}`),
        branch: 'q',
        baseSha: sh(path, 'rev-parse', 'HEAD'),
        attemptId: 'q',
      })
      await git.checkoutWorktree({ repo: path, path: join(dir, `wt ${name}`) })
      expect((await git.readStatus({ repo: path, path: join(dir, `wt ${name}`) })).branch).toBe('q')
    }
  })

  it('says so when the repository is moved away while open', async () => {
    const f = fixture()
    renameSync(f.repo, `${f.repo} 2`)
    expect(await codeOf(f.git.listBranches(f.repo))).toBe('repository_missing')
  })
})
