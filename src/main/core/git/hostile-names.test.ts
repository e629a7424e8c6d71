import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { codeOf, fixture, put, sh } from './fixtures.ts'

describe('hostile names', () => {
  const BRANCHES = [
    '',
    '-',
    '--',
    '-foo',
    '--upload-pack=x',
    '--help',
    '-b',
    'HEAD',
    '@',
    '@{-1}',
    '@{u}',
    '.',
    '..',
    'a..b',
    '.hidden',
    'a/.b',
    'a.lock',
    'a/b.lock',
    'a//b',
    '/a',
    'a/',
    'a.',
    'a b',
    'a~1',
    'a^',
    'a:b',
    'a?b',
    'a*b',
    'a[b',
    'a\\b',
    'a\nb',
    'a\tb',
    'a\u0000b',
    'a\u007fb',
    'a\u202eb',
    'a\u200bb',
    '../../etc/passwd',
    'x'.repeat(300),
    'refs/heads/../main',
    'a@{1}b',
    'con\u2066x',
  ]
  const FINE = [
    '$(id)',
    'a;rm',
    'a|b',
    "quo'te",
    'back`tick',
    'ünï/cödé',
    'a--b',
    'quartet/fix-login-k3x9/r1a1',
    '%s%n',
    'a&b',
    '日本語',
  ]

  it('are refused as branches, or work and stay text', async () => {
    const f = fixture()
    expect(BRANCHES.length).toBeGreaterThanOrEqual(40)
    for (const [i, branch] of BRANCHES.entries()) {
      expect([branch, await f.git.isValidBranchName(f.repo, branch)]).toEqual([branch, false])
      if (i % 4 !== 0) continue
      const codes = await Promise.all([
        codeOf(f.git.resolveBase(f.repo, branch)),
        codeOf(
          f.git.addWorktree({
            repo: f.repo,
            path: join(f.root, `w${i}`),
            branch,
            baseSha: f.base,
            attemptId: 'x',
          }),
        ),
        codeOf(f.git.deleteBranch({ repo: f.repo, branch, expectedSha: f.base })),
        codeOf(
          f.git.landLocal({
            repo: f.repo,
            baseBranch: branch,
            expectedBaseSha: f.base,
            headSha: f.base,
            method: 'squash',
            message: 'x',
            attemptId: 'x',
          }),
        ),
      ])
      expect([branch, codes]).toEqual([branch, Array.from({ length: 4 }, () => 'invalid_input')])
    }
    expect(readdirSync(f.root)).toEqual([])
    for (const [i, branch] of FINE.entries()) {
      const path = join(f.root, `fine ${i}`)
      await f.git.addWorktree({ repo: f.repo, path, branch, baseSha: f.base, attemptId: `fine${i}` })
      await f.git.checkoutWorktree({ repo: f.repo, path })
      expect((await f.git.readStatus({ repo: f.repo, path })).branch).toBe(branch)
      put(path, { [`f${i}`]: 'x' })
      await f.git.commitAll({ repo: f.repo, path, message: branch })
      const kept = await f.git.snapshot({ repo: f.repo, path, attemptId: `fine${i}`, branch })
      await f.git.removeWorktree({ root: f.root, repo: f.repo, path, attemptId: `fine${i}` })
      await f.git.deleteBranch({ repo: f.repo, branch, expectedSha: kept.headSha ?? '' })
    }
    expect((await f.git.listBranches(f.repo)).map((b) => b.name)).toEqual(['main'])
  })

  it('are refused as commits and stay text as paths', async () => {
    const f = fixture()
    for (const text of ['', '-foo', '--all', '--output=/tmp/x', 'nope', 'a\nb', ':/x\u202e', 'HEAD\u0000']) {
      expect([text, await codeOf(f.git.resolveCommit(f.repo, text))]).toEqual([text, 'not_found'])
    }
    expect(await f.git.resolveCommit(f.repo, f.base.slice(0, 12))).toBe(f.base)
    for (const id of ['', '../x', 'a/b', '-x', 'a b', 'x'.repeat(101), 'a\n']) {
      expect([
        id,
        await codeOf(f.git.snapshot({ repo: f.repo, path: f.repo, attemptId: id, branch: 'main' })),
      ]).toEqual([id, 'invalid_input'])
    }
    const names = [
      '-rf',
      '--',
      ':(glob)**',
      ':!x',
      '*',
      '$(touch pwned)',
      '`x`',
      '"',
      "'",
      '\\',
      '\n',
      '\t',
      ' ',
      '...',
      'ü'.normalize('NFD'),
      '~',
      '%00',
      'a\u202eb',
      '{}',
      '[a]',
    ]
    const path = join(f.root, '-odd name')
    await f.git.addWorktree({ repo: f.repo, path, branch: 'quartet/odd', baseSha: f.base, attemptId: 'odd' })
    await f.git.checkoutWorktree({ repo: f.repo, path })
    put(path, Object.fromEntries(names.map((name) => [name, `${name}\n`])))
    expect((await f.git.diffStat({ repo: f.repo, path, baseSha: f.base })).files).toBe(names.length)
    const { headSha } = await f.git.commitAll({ repo: f.repo, path, message: '-x' })
    for (const name of names) {
      const to = headSha ?? ''
      expect([
        name,
        (await f.git.readFileAt({ repo: f.repo, sha: to, path: name })).content.toString(),
      ]).toEqual([name, `${name}\n`])
      const { patch } = await f.git.diffPatch({ repo: f.repo, from: f.base, to, paths: [name] })
      expect([name, patch.split('diff --git').length]).toEqual([name, 2])
    }
    const landed = await f.git.landLocal({
      repo: f.repo,
      baseBranch: 'main',
      expectedBaseSha: f.base,
      headSha: headSha ?? '',
      method: 'rebase',
      message: '--amend',
      attemptId: 'odd',
    })
    expect(sh(f.repo, 'status', '--porcelain')).toBe('')
    expect(sh(f.repo, 'rev-parse', 'HEAD')).toBe(landed.sha)
  })
})
