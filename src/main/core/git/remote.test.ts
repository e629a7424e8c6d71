import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Failure } from '../../../shared/domain/failure.ts'
import { agentCommits, attempt, codeOf, type Fixture, fixture, put, sh } from './fixtures.ts'

/** A repository, a bare one beside it that plays the forge's, and a second clone: somebody else. */
async function withOrigin(
  options: Parameters<typeof fixture>[0] = {},
): Promise<Fixture & { url: string; other: string; path: string; head: string }> {
  const f = fixture(options)
  sh(f.dir, 'clone', '-q', '--bare', f.repo, 'origin.git')
  const url = join(f.dir, 'origin.git')
  sh(f.dir, 'clone', '-q', url, 'other')
  const path = await attempt(f, 'a1')
  return { ...f, url, other: join(f.dir, 'other'), path, head: agentCommits(path, { 'new.txt': 'x\n' }) }
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('it did not fail')
}

const BRANCH = 'quartet/a1'

describe('a push', () => {
  it('puts exactly the commit there, once, and follows what we pushed before', async () => {
    const { git, repo, url, head, path } = await withOrigin()
    expect(await git.remoteHead({ repo, url, branch: BRANCH })).toBeNull()
    await git.pushBranch({ repo, url, branch: BRANCH, sha: head, expected: null })
    await git.pushBranch({ repo, url, branch: BRANCH, sha: head, expected: head })
    const next = agentCommits(path, { 'more.txt': 'y\n' })
    await git.pushBranch({ repo, url, branch: BRANCH, sha: next, expected: head })
    expect(await git.remoteHead({ repo, url, branch: BRANCH })).toBe(next)
    expect(sh(url, 'for-each-ref', '--format=%(refname)')).toBe(`refs/heads/main\nrefs/heads/${BRANCH}`)
  })

  it('never drops what somebody else has put there', async () => {
    const { git, repo, url, head, other, path } = await withOrigin()
    await git.pushBranch({ repo, url, branch: BRANCH, sha: head, expected: null })
    sh(other, 'fetch', '-q')
    sh(other, 'checkout', '-q', BRANCH)
    const foreign = agentCommits(other, { 'foreign.txt': 'z\n' })
    sh(other, 'push', '-q', 'origin', BRANCH)
    const next = agentCommits(path, { 'more.txt': 'y\n' })
    // By what we remember, and by what is really there.
    for (const expected of [head, null, foreign]) {
      const failure = await failureOf(git.pushBranch({ repo, url, branch: BRANCH, sha: next, expected }))
      expect([failure.code, failure.data.now]).toEqual(['stale_head', foreign])
    }
    expect(await git.remoteHead({ repo, url, branch: BRANCH })).toBe(foreign)
    // A force-push of somebody else to an older commit is no invitation to push over it.
    sh(other, 'push', '-q', '--force', 'origin', `main:${BRANCH}`)
    expect(
      (await failureOf(git.pushBranch({ repo, url, branch: BRANCH, sha: next, expected: head }))).code,
    ).toBe('stale_head')
  })

  it('that a hook of the remote refuses says what the hook said', async () => {
    const { git, repo, url, head } = await withOrigin()
    const hook = join(url, 'hooks/pre-receive')
    writeFileSync(hook, '#!/bin/sh\necho "Commits need a ticket number" >&2\nexit 1\n')
    chmodSync(hook, 0o755)
    const failure = await failureOf(git.pushBranch({ repo, url, branch: BRANCH, sha: head, expected: null }))
    expect(failure.code).toBe('push_rejected')
    expect(failure.message).toContain('Commits need a ticket number')
  })

  it('to nowhere is told as such', async () => {
    const { git, repo, head, dir } = await withOrigin()
    const url = join(dir, 'gone.git')
    expect(
      (await failureOf(git.pushBranch({ repo, url, branch: BRANCH, sha: head, expected: null }))).code,
    ).toBe('remote_unreachable')
    expect(await codeOf(git.remoteHead({ repo, url, branch: BRANCH }))).toBe('remote_unreachable')
    expect(await codeOf(git.fetchBranch({ repo, url, branch: BRANCH }))).toBe('remote_unreachable')
    expect(await codeOf(git.fetchBranch({ repo, url: '--upload-pack=evil', branch: BRANCH }))).toBe(
      'invalid_input',
    )
  })

  it('goes nowhere when the shared configuration redirects it', async () => {
    const { git, repo, url, head, dir } = await withOrigin()
    sh(dir, 'init', '-q', '--bare', 'thief.git')
    sh(repo, 'config', `url.${join(dir, 'thief.git')}.pushInsteadOf`, url)
    const failure = await failureOf(git.pushBranch({ repo, url, branch: BRANCH, sha: head, expected: null }))
    expect(failure.code).toBe('worktree_tampered')
    expect(sh(join(dir, 'thief.git'), 'for-each-ref')).toBe('')
  })

  it('signs in with the token only where git by itself was denied, and only there', async () => {
    const { git, repo, head } = await withOrigin()
    const seen: (string | undefined)[] = []
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="forge"' }).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const push = (auth: { prefix: string; token: string }) =>
      failureOf(
        git.pushBranch({ repo, url: `${base}acme/app.git`, auth, branch: BRANCH, sha: head, expected: null }),
      )
    expect((await push({ prefix: 'https://github.com/', token: 'secret-token' })).code).toBe('remote_denied')
    expect(seen.every((header) => header === undefined)).toBe(true)
    expect((await push({ prefix: base, token: 'secret-token' })).code).toBe('remote_denied')
    const sent = seen.find((header) => header !== undefined) ?? ''
    expect(Buffer.from(sent.replace('Basic ', ''), 'base64').toString()).toBe('x-access-token:secret-token')
  })
})

describe('fetching a branch', () => {
  it('gives its commit and leaves the user’s refs and FETCH_HEAD alone', async () => {
    const { git, repo, url, other } = await withOrigin()
    const landed = agentCommits(other, { 'landed.txt': 'x\n' })
    sh(other, 'push', '-q', 'origin', 'main')
    const before = sh(repo, 'for-each-ref', 'refs/heads', 'refs/remotes', 'refs/tags')
    expect(await git.fetchBranch({ repo, url, branch: 'main' })).toBe(landed)
    expect(sh(repo, 'for-each-ref', 'refs/heads', 'refs/remotes', 'refs/tags')).toBe(before)
    expect(() => sh(repo, 'rev-parse', '--verify', 'FETCH_HEAD')).toThrow()
    // Renamed or rewritten on the remote: what was fetched before is no answer.
    sh(other, 'push', '-q', '--force', 'origin', `${landed}~1:refs/heads/main`)
    expect(await git.fetchBranch({ repo, url, branch: 'main' })).toBe(sh(other, 'rev-parse', `${landed}~1`))
    expect(await git.fetchBranch({ repo, url, branch: 'renamed' })).toBeNull()
  })
})

describe('deleting a branch of the remote', () => {
  it('is done once, and not when somebody else moved it', async () => {
    const { git, repo, url, head, other } = await withOrigin()
    await git.pushBranch({ repo, url, branch: BRANCH, sha: head, expected: null })
    sh(other, 'push', '-q', '--force', 'origin', `main:${BRANCH}`)
    expect(await codeOf(git.deleteRemoteBranch({ repo, url, branch: BRANCH, expected: head }))).toBe(
      'stale_head',
    )
    const now = sh(other, 'rev-parse', 'main')
    await git.deleteRemoteBranch({ repo, url, branch: BRANCH, expected: now })
    await git.deleteRemoteBranch({ repo, url, branch: BRANCH, expected: now })
    expect(await git.remoteHead({ repo, url, branch: BRANCH })).toBeNull()
  })
})

describe('a local base', () => {
  it('follows the remote with its checkout, and never over the user’s work', async () => {
    const { git, repo, url, other } = await withOrigin()
    const first = sh(repo, 'rev-parse', 'main')
    const landed = agentCommits(other, { 'a.txt': 'landed\n' })
    sh(other, 'push', '-q', 'origin', 'main')
    await git.fetchBranch({ repo, url, branch: 'main' })
    put(repo, { 'a.txt': 'mine\n' })
    expect(await git.fastForward({ repo, branch: 'main', to: landed })).toBe('dirty')
    sh(repo, 'checkout', '-q', '--', 'a.txt')
    expect(await git.fastForward({ repo, branch: 'main', to: landed })).toBe('moved')
    expect([sh(repo, 'rev-parse', 'main'), sh(repo, 'status', '--porcelain')]).toEqual([landed, ''])
    expect(await git.fastForward({ repo, branch: 'main', to: landed })).toBe('current')
    // Cut off after the branch moved, before the checkout followed.
    sh(repo, 'read-tree', '--reset', '-u', first)
    expect(sh(repo, 'status', '--porcelain')).not.toBe('')
    expect(await git.fastForward({ repo, branch: 'main', to: landed })).toBe('current')
    expect(sh(repo, 'status', '--porcelain')).toBe('')
    agentCommits(repo, { 'own.txt': 'x\n' })
    const more = agentCommits(other, { 'a.txt': 'more\n' })
    sh(other, 'push', '-q', 'origin', 'main')
    await git.fetchBranch({ repo, url, branch: 'main' })
    expect(await git.fastForward({ repo, branch: 'main', to: more })).toBe('diverged')
    expect(await git.fastForward({ repo, branch: 'nowhere', to: more })).toBe('missing')
  })

  it('follows what a late git of a killed core has moved, at whatever moment that ends', async () => {
    for (const verb of ['merge-base', 'worktree', 'status']) {
      let late = () => {}
      const { git, repo, url, other } = await withOrigin({
        onCall: ({ args }) => {
          if (!args.includes(verb)) return
          const work = late
          late = () => {}
          work()
        },
      })
      const landed = agentCommits(other, { 'a.txt': 'landed\n' })
      sh(other, 'push', '-q', 'origin', 'main')
      await git.fetchBranch({ repo, url, branch: 'main' })
      late = () => void sh(repo, 'update-ref', '-m', 'quartet: follow the remote', 'refs/heads/main', landed)
      expect(await git.fastForward({ repo, branch: 'main', to: landed })).toBe('current')
      expect([sh(repo, 'rev-parse', 'main'), sh(repo, 'status', '--porcelain')]).toEqual([landed, ''])
    }
  })

  it('says so when the user has typed into a checkout that was cut off from following', async () => {
    const { git, repo, url, other } = await withOrigin()
    const first = sh(repo, 'rev-parse', 'main')
    const landed = agentCommits(other, { 'a.txt': 'landed\n' })
    sh(other, 'push', '-q', 'origin', 'main')
    await git.fetchBranch({ repo, url, branch: 'main' })
    await git.fastForward({ repo, branch: 'main', to: landed })
    sh(repo, 'read-tree', '--reset', '-u', first)
    put(repo, { 'a.txt': 'typed since\n' })
    expect(await git.fastForward({ repo, branch: 'main', to: landed })).toBe('behind')
    sh(repo, 'stash', '-q')
    expect(await git.fastForward({ repo, branch: 'main', to: landed })).toBe('current')
    expect(sh(repo, 'stash', 'list')).not.toBe('')
  })
})
