import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { agentCommits, attempt, codeOf, fixture, put, sh } from './fixtures.ts'

const MESSAGE = 'Merge main'

async function behind(ours: Record<string, string>, theirs: Record<string, string>) {
  const f = fixture()
  const path = await attempt(f, 'a1')
  const headSha = agentCommits(path, ours)
  const baseSha = agentCommits(f.repo, theirs, 'base work')
  return {
    ...f,
    path,
    headSha,
    baseSha,
    request: { repo: f.repo, path, branch: 'quartet/a1', headSha, baseSha, message: MESSAGE },
  }
}

describe('integrating the base', () => {
  it('puts a merge on top of what was reviewed and brings the files along', async () => {
    const { git, path, headSha, baseSha, request } = await behind({ 'new.txt': 'x\n' }, { 'base.txt': 'y\n' })
    const done = await git.integrateBase(request)
    expect(done.state).toBe('merged')
    const sha = sh(path, 'rev-parse', 'HEAD')
    expect(done).toMatchObject({ headSha: sha })
    expect(sh(path, 'log', '-1', '--format=%P|%s')).toBe(`${headSha} ${baseSha}|${MESSAGE}`)
    expect(readFileSync(join(path, 'base.txt'), 'utf8')).toBe('y\n')
    expect([sh(path, 'status', '--porcelain'), sh(path, 'symbolic-ref', 'HEAD')]).toEqual([
      '',
      'refs/heads/quartet/a1',
    ])
    // Again, as after a crash that lost the answer, and with the new head.
    expect(await git.integrateBase(request)).toEqual(done)
    expect(await git.integrateBase({ ...request, headSha: sha })).toEqual({ state: 'current', headSha: sha })
  })

  it('ends what a crash cut off between the branch and the files', async () => {
    const { git, path, headSha, baseSha, request } = await behind(
      { 'new.txt': 'x\n' },
      { 'a.txt': 'base\n', 'base.txt': 'y\n' },
    )
    const tree = sh(path, 'merge-tree', '--write-tree', headSha, baseSha)
    const merge = sh(path, 'commit-tree', tree, '-p', headSha, '-p', baseSha, '-m', MESSAGE)
    sh(path, 'update-ref', 'refs/heads/quartet/a1', merge)
    expect(sh(path, 'status', '--porcelain')).not.toBe('')
    expect(await git.integrateBase(request)).toEqual({ state: 'merged', headSha: merge })
    expect(sh(path, 'status', '--porcelain')).toBe('')
    expect(readFileSync(join(path, 'a.txt'), 'utf8')).toBe('base\n')
  })

  it('goes on from such a cut when the base has moved since', async () => {
    const { git, repo, path, headSha, baseSha, request } = await behind(
      { 'new.txt': 'x\n' },
      { 'base.txt': 'y\n' },
    )
    const tree = sh(path, 'merge-tree', '--write-tree', headSha, baseSha)
    const merge = sh(path, 'commit-tree', tree, '-p', headSha, '-p', baseSha, '-m', MESSAGE)
    sh(path, 'update-ref', 'refs/heads/quartet/a1', merge)
    const next = agentCommits(repo, { 'base.txt': 'z\n' }, 'more base work')
    const done = await git.integrateBase({ ...request, baseSha: next })
    expect(done.state).toBe('merged')
    expect(sh(path, 'log', '-1', '--format=%P')).toBe(`${merge} ${next}`)
    expect([sh(path, 'status', '--porcelain'), readFileSync(join(path, 'base.txt'), 'utf8')]).toEqual([
      '',
      'z\n',
    ])
  })

  it('takes what a late git of a killed core has done for its own', async () => {
    let late = ''
    const f = fixture({
      onCall: ({ args, cwd }) => {
        if (late === '' || !args.includes('commit-tree')) return
        sh(cwd, 'update-ref', 'refs/heads/quartet/a1', late)
        late = ''
      },
    })
    const path = await attempt(f, 'a1')
    const headSha = agentCommits(path, { 'new.txt': 'x\n' })
    const baseSha = agentCommits(f.repo, { 'a.txt': 'base\n' }, 'base work')
    const tree = sh(path, 'merge-tree', '--write-tree', headSha, baseSha)
    const merge = sh(path, 'commit-tree', tree, '-p', headSha, '-p', baseSha, '-m', 'by the killed core')
    late = merge
    const request = { repo: f.repo, path, branch: 'quartet/a1', headSha, baseSha, message: MESSAGE }
    expect(await f.git.integrateBase(request)).toEqual({ state: 'merged', headSha: merge })
    expect([sh(path, 'status', '--porcelain'), readFileSync(join(path, 'a.txt'), 'utf8')]).toEqual([
      '',
      'base\n',
    ])
  })

  it('does not take a merge for its own whose content is another', async () => {
    const { git, path, headSha, baseSha, request } = await behind({ 'new.txt': 'x\n' }, { 'base.txt': 'y\n' })
    put(path, { 'evil.txt': 'x\n' })
    sh(path, 'add', 'evil.txt')
    const evil = sh(path, 'commit-tree', sh(path, 'write-tree'), '-p', headSha, '-p', baseSha, '-m', MESSAGE)
    sh(path, 'update-ref', 'refs/heads/quartet/a1', evil)
    expect(await codeOf(git.integrateBase(request))).toBe('stale_head')
  })

  it('touches nothing when there is a conflict', async () => {
    const { git, path, headSha, request } = await behind({ 'a.txt': 'ours\n' }, { 'a.txt': 'theirs\n' })
    expect(await git.integrateBase(request)).toEqual({ state: 'conflict', files: ['a.txt'] })
    expect([sh(path, 'rev-parse', 'HEAD'), sh(path, 'status', '--porcelain')]).toEqual([headSha, ''])
  })

  it('does not go over uncommitted work, nor on a head that moved', async () => {
    const { git, path, request } = await behind({ 'new.txt': 'x\n' }, { 'base.txt': 'y\n' })
    put(path, { 'a.txt': 'uncommitted\n' })
    expect(await codeOf(git.integrateBase(request))).toBe('base_dirty')
    sh(path, 'checkout', '-q', '--', 'a.txt')
    put(path, { 'base.txt': 'in the way\n' })
    expect(await codeOf(git.integrateBase(request))).toBe('base_dirty')
    const moved = agentCommits(path, { 'late.txt': 'z\n' })
    expect(await codeOf(git.integrateBase(request))).toBe('stale_head')
    expect(sh(path, 'rev-parse', 'HEAD')).toBe(moved)
    sh(path, 'checkout', '-q', '--detach')
    expect(await codeOf(git.integrateBase({ ...request, headSha: moved }))).toBe('worktree_tampered')
  })
})

describe('a change', () => {
  it('stays the same when the base is merged in, and is another one after a fix', async () => {
    const { git, repo, path, headSha, baseSha, request } = await behind(
      { 'src/b.txt': 'two\nthree\n' },
      { 'a.txt': 'base\n' },
    )
    const merged = await git.integrateBase(request)
    const after = merged.state === 'conflict' ? '' : merged.headSha
    const same = (head: string) => git.sameChange({ repo, base: baseSha, before: headSha, after: head })
    expect(await same(headSha)).toBe(true)
    expect(await same(after)).toBe(true)
    expect(await same(agentCommits(path, { 'src/b.txt': 'two\nfour\n' }))).toBe(false)
    // Taken back, and rebased by hand: the very same lines.
    expect(await same(agentCommits(path, { 'src/b.txt': 'two\nthree\n' }))).toBe(true)
    sh(path, 'reset', '-q', '--hard', baseSha)
    expect(await same(agentCommits(path, { 'src/b.txt': 'two\nthree\n' }))).toBe(true)
    expect(await same(agentCommits(path, { 'more.txt': 'x\n' }))).toBe(false)
  })

  it('that the base has already brings nothing', async () => {
    const { git, repo, headSha, baseSha } = await behind({ 'new.txt': 'x\n' }, { 'new.txt': 'x\n' })
    expect(await git.bringsNothing({ repo, base: baseSha, head: headSha })).toBe(true)
    expect(await git.aheadBehind({ repo, base: baseSha, head: headSha })).toEqual({ ahead: 1, behind: 1 })
    const more = await behind({ 'new.txt': 'x\n' }, { 'other.txt': 'x\n' })
    expect(await more.git.bringsNothing({ repo: more.repo, base: more.baseSha, head: more.headSha })).toBe(
      false,
    )
  })
})
