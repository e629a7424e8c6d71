import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { agentCommits, attempt, codeOf, type Fixture, fixture, put, sh } from './fixtures.ts'
import type { LandLocal } from './land-local.ts'

/** Every byte of a folder, `.git` included, except what only a lookup may touch. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256')
  const walk = (at: string) => {
    for (const entry of readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(at, entry.name)
      // Building the result adds objects; nothing else may change.
      if (path === join(folder, '.git/objects')) continue
      hash.update(path)
      if (entry.isDirectory()) walk(path)
      else hash.update(readFileSync(path))
    }
  }
  walk(folder)
  return hash.digest('hex')
}

const request = (f: Fixture, headSha: string, over: Partial<LandLocal> = {}): LandLocal => ({
  repo: f.repo,
  baseBranch: 'main',
  expectedBaseSha: f.base,
  headSha,
  method: 'squash',
  message: 'Add a thing\n\nWhy it matters.',
  attemptId: 'att_1',
  ...over,
})

describe('landing on a local base', () => {
  it('squashes: one commit, the agent as author, the checkout follows', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    agentCommits(path, { 'a.txt': 'better\n' }, 'first')
    rmSync(join(path, 'src/b.txt'))
    const head = agentCommits(path, { 'docs/new.md': 'new\n' }, 'second')
    writeFileSync(join(f.repo, 'untracked.txt'), 'mine')
    const landed = await f.git.landLocal(request(f, head))
    expect(landed).toMatchObject({ before: f.base, already: false, checkout: f.repo, checkoutBehind: false })
    expect(sh(f.repo, 'rev-parse', 'main')).toBe(landed.sha)
    expect(sh(f.repo, 'rev-list', '--count', 'main')).toBe('2')
    expect(sh(f.repo, 'log', '-1', '--format=%an <%ae>')).toBe('Ada <ada@example.org>')
    expect(sh(f.repo, 'log', '-1', '--format=%B').trim()).toBe(
      'Add a thing\n\nWhy it matters.\n\nQuartet-Attempt: att_1',
    )
    expect(sh(f.repo, 'status', '--porcelain')).toBe('?? untracked.txt')
    expect(readFileSync(join(f.repo, 'docs/new.md'), 'utf8')).toBe('new\n')
    expect(readdirSync(f.repo)).not.toContain('src')
    // Again after a crash: found, not landed twice.
    expect(await f.git.landLocal(request(f, head))).toEqual({ ...landed, already: true })
  })

  it('merges and rebases', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    agentCommits(path, { 'a.txt': 'better\n' }, 'first\n\nQuartet-Attempt: att_other')
    const head = agentCommits(path, { 'x.txt': 'x\n' }, 'second')
    sh(f.repo, 'switch', '-q', '-c', 'elsewhere')
    const merged = await f.git.landLocal(request(f, head, { method: 'merge' }))
    expect(sh(f.repo, 'log', '-1', '--format=%P', 'main')).toBe(`${f.base} ${head}`)
    expect(merged.checkout).toBeNull()
    // The agent's own trailer claims nothing, although its commit is in the base's history now.
    expect(
      await codeOf(
        f.git.landLocal(request(f, head, { attemptId: 'att_other', expectedBaseSha: merged.sha })),
      ),
    ).toBe('nothing_to_land')

    sh(f.repo, 'update-ref', 'refs/heads/main', f.base)
    put(f.repo, { 'src/b.txt': 'from the user\n' })
    sh(f.repo, 'commit', '-qam', 'user')
    sh(f.repo, 'update-ref', 'refs/heads/main', 'HEAD')
    const base = sh(f.repo, 'rev-parse', 'main')
    const rebased = await f.git.landLocal(request(f, head, { method: 'rebase', expectedBaseSha: base }))
    expect(sh(f.repo, 'log', '--format=%s', `${base}..main`)).toBe('second\nfirst')
    expect(
      sh(f.repo, 'log', '--format=%(trailers:key=Quartet-Attempt,valueonly)', `${base}..main`)
        .split('\n')
        .filter(Boolean),
    ).toEqual(['att_1', 'att_1'])
    expect(sh(f.repo, 'show', 'main:src/b.txt')).toBe('from the user')
    expect(
      await f.git.landLocal(request(f, head, { method: 'rebase', expectedBaseSha: base })),
    ).toMatchObject({ already: true, sha: rebased.sha, before: base })
  })

  it('refuses a dirty checkout and leaves every byte of it', async () => {
    const f = fixture()
    const head = agentCommits(await attempt(f, 'a'), { 'a.txt': 'better\n', 'new.txt': 'n\n' })
    for (const [name, spoil, mend] of [
      ['unstaged', () => put(f.repo, { 'src/b.txt': 'mine\n' }), () => put(f.repo, { 'src/b.txt': 'two\n' })],
      [
        'staged',
        () => {
          put(f.repo, { 's.txt': 's' })
          sh(f.repo, 'add', 's.txt')
        },
        () => sh(f.repo, 'rm', '-qf', 's.txt'),
      ],
      [
        'untracked in the way',
        () => put(f.repo, { 'new.txt': 'mine' }),
        () => rmSync(join(f.repo, 'new.txt')),
      ],
      [
        'a file where a folder goes',
        () => put(f.repo, { 'new.txt/mine': 'mine' }),
        () => rmSync(join(f.repo, 'new.txt'), { recursive: true }),
      ],
      [
        'ignored in the way',
        () => put(f.repo, { 'new.txt': 'mine', '.git/info/exclude': 'new.txt\n' }),
        () => rmSync(join(f.repo, 'new.txt')),
      ],
      [
        'a merge under way',
        () => put(f.repo, { '.git/MERGE_HEAD': `${f.base}\n` }),
        () => rmSync(join(f.repo, '.git/MERGE_HEAD')),
      ],
    ] as const) {
      spoil()
      const before = fingerprint(f.repo)
      expect([name, await codeOf(f.git.landLocal(request(f, head)))]).toEqual([name, 'base_dirty'])
      expect([name, fingerprint(f.repo)]).toEqual([name, before])
      mend()
    }
    expect((await f.git.landLocal(request(f, head))).already).toBe(false)
  })

  it('names the files of a dirty checkout and of a conflict', async () => {
    const f = fixture()
    const head = agentCommits(await attempt(f, 'a'), { 'a.txt': 'agent\n' })
    put(f.repo, { 'src/b.txt': 'mine\n' })
    await expect(f.git.landLocal(request(f, head))).rejects.toMatchObject({
      code: 'base_dirty',
      data: { files: ['src/b.txt'], path: f.repo },
    })
    put(f.repo, { 'a.txt': 'user\n' })
    sh(f.repo, 'commit', '-qam', 'user')
    const now = sh(f.repo, 'rev-parse', 'main')
    await expect(f.git.landLocal(request(f, head))).rejects.toMatchObject({
      code: 'base_moved',
      data: { now },
    })
    for (const method of ['squash', 'merge', 'rebase'] as const) {
      await expect(f.git.landLocal(request(f, head, { method, expectedBaseSha: now }))).rejects.toMatchObject(
        { code: 'merge_conflict', data: { files: ['a.txt'] } },
      )
    }
    expect(await f.git.mergeTree({ repo: f.repo, base: now, head })).toEqual({
      clean: false,
      files: ['a.txt'],
    })
    expect(sh(f.repo, 'rev-parse', 'main')).toBe(now)
    expect(await codeOf(f.git.landLocal(request(f, head, { baseBranch: 'nope' })))).toBe('base_missing')
    expect(await codeOf(f.git.landLocal(request(f, f.base, { expectedBaseSha: now })))).toBe(
      'nothing_to_land',
    )
  })

  it('does not land while the base is being rebased', async () => {
    const f = fixture()
    const head = agentCommits(await attempt(f, 'a'), { 'x.txt': 'agent\n' })
    sh(f.repo, 'switch', '-q', '-c', 'side')
    put(f.repo, { 'a.txt': 'side\n' })
    sh(f.repo, 'commit', '-qam', 'side')
    sh(f.repo, 'switch', '-q', 'main')
    put(f.repo, { 'a.txt': 'main\n' })
    sh(f.repo, 'commit', '-qam', 'main')
    const base = sh(f.repo, 'rev-parse', 'main')
    expect(() => sh(f.repo, 'rebase', 'side')).toThrow()
    expect(await codeOf(f.git.landLocal(request(f, head, { expectedBaseSha: base })))).toBe('base_dirty')
    sh(f.repo, 'rebase', '--abort')
    expect((await f.git.landLocal(request(f, head, { expectedBaseSha: base }))).checkout).toBe(f.repo)
  })

  it('brings a linked checkout of the base up to date too', async () => {
    const f = fixture()
    const head = agentCommits(await attempt(f, 'a'), { 'x.txt': 'agent\n' })
    sh(f.repo, 'switch', '-q', '-c', 'side')
    const users = join(f.dir, 'users main')
    sh(f.repo, 'worktree', 'add', '-q', users, 'main')
    expect((await f.git.landLocal(request(f, head))).checkout).toBe(users)
    expect(sh(users, 'status', '--porcelain')).toBe('')
    expect(readFileSync(join(users, 'x.txt'), 'utf8')).toBe('agent\n')
  })

  it('finishes a landing that was cut off after the branch moved', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    rmSync(join(path, 'src/b.txt'))
    const head = agentCommits(path, { 'a.txt': 'better\n', 'new/x.txt': 'x\n', 'y.txt': 'y\n' })
    sh(f.repo, 'switch', '-q', '-c', 'side')
    const { sha } = await f.git.landLocal(request(f, head))
    sh(f.repo, 'symbolic-ref', 'HEAD', 'refs/heads/main')
    expect(sh(f.repo, 'status', '--porcelain')).not.toBe('')
    // Cut off in the middle of writing files.
    put(f.repo, { 'a.txt': 'better\n', 'y.txt': 'y\n' })
    expect(await f.git.landLocal(request(f, head))).toMatchObject({
      sha,
      already: true,
      checkoutBehind: false,
    })
    expect(sh(f.repo, 'status', '--porcelain')).toBe('')
  })

  it('takes what a late git of a killed core has landed for its own', async () => {
    let late = ''
    const f = fixture({
      onCall: ({ args }) => {
        if (late === '' || !args.includes('--refresh')) return
        sh(f.repo, 'update-ref', 'refs/heads/main', late)
        late = ''
      },
    })
    const head = agentCommits(await attempt(f, 'a'), { 'a.txt': 'better\n' })
    const message = `By the killed core\n\nQuartet-Attempt: ${request(f, head).attemptId}`
    late = sh(f.repo, 'commit-tree', `${head}^{tree}`, '-p', f.base, '-m', message)
    const landed = late
    expect(await f.git.landLocal(request(f, head))).toMatchObject({ sha: landed, already: true })
    expect(sh(f.repo, 'status', '--porcelain')).toBe('')
    expect(readFileSync(join(f.repo, 'a.txt'), 'utf8')).toBe('better\n')
  })

  it('never overwrites what the user changed after such a cut', async () => {
    for (const change of [{ 'a.txt': 'user\n' }, { 'new.txt': 'user\n' }]) {
      const f = fixture()
      const head = agentCommits(await attempt(f, 'a'), { 'a.txt': 'better\n', 'new.txt': 'agent\n' })
      sh(f.repo, 'switch', '-q', '-c', 'side')
      await f.git.landLocal(request(f, head))
      sh(f.repo, 'symbolic-ref', 'HEAD', 'refs/heads/main')
      put(f.repo, change)
      const before = fingerprint(f.repo)
      expect(await f.git.landLocal(request(f, head))).toMatchObject({ already: true, checkoutBehind: true })
      expect(fingerprint(f.repo)).toBe(before)
    }
  })

  it('lands one at a time: of two on the same base the second learns that it moved', async () => {
    const f = fixture()
    const one = agentCommits(await attempt(f, 'a'), { '1.txt': '1\n' })
    const two = agentCommits(await attempt(f, 'b'), { '2.txt': '2\n' })
    const codes = await Promise.all([
      codeOf(f.git.landLocal(request(f, one, { attemptId: 'att_1' }))),
      codeOf(f.git.landLocal(request(f, two, { attemptId: 'att_2' }))),
    ])
    expect(codes.sort()).toEqual(['base_moved', 'none'])
    expect(sh(f.repo, 'status', '--porcelain')).toBe('')
  })

  it('changes nothing while the checkout is locked', async () => {
    const f = fixture()
    const head = agentCommits(await attempt(f, 'a'), { 'a.txt': 'better\n' })
    writeFileSync(join(f.repo, '.git/index.lock'), '')
    // Found out before the branch moves.
    await expect(f.git.landLocal(request(f, head))).rejects.toMatchObject({ code: 'git_locked' })
    expect(sh(f.repo, 'rev-parse', 'main')).toBe(f.base)
    rmSync(join(f.repo, '.git/index.lock'))
    expect(sh(f.repo, 'status', '--porcelain')).toBe('')
    mkdirSync(join(f.repo, 'fine'))
    expect((await f.git.landLocal(request(f, head))).already).toBe(false)
  })

  it('takes the move back when something is written into the checkout at the last moment', async () => {
    let armed = ''
    const f = fixture({
      onCall: ({ args }) => {
        if (armed !== '' && args.includes('update-ref')) {
          put(armed, { 'a.txt': 'typed just now\n' })
          armed = ''
        }
      },
    })
    const head = agentCommits(await attempt(f, 'a'), { 'a.txt': 'better\n' })
    armed = f.repo
    expect(await codeOf(f.git.landLocal(request(f, head)))).toBe('base_dirty')
    expect(sh(f.repo, 'rev-parse', 'main')).toBe(f.base)
    expect(readFileSync(join(f.repo, 'a.txt'), 'utf8')).toBe('typed just now\n')
    expect(sh(f.repo, 'status', '--porcelain')).toBe(' M a.txt')
  })
})
