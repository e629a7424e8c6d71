import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { silentLogger } from '../../kernel/logger.ts'
import { createGit, type Git, type GitOptions } from './git.ts'

// Real repositories for the tests of this folder. Tests drive git directly as "the user" or "the agent".

/** A folder that goes with the test. */
export function tempDir(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'quartet git ü-')))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  return dir
}

/** An environment in which only the repository itself and this home configure git. */
export function isolatedEnv(home: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: join(home, '.config') }
}

/** Git as a person or an agent runs it: unhardened. Gives standard output without the last newline. */
export function sh(cwd: string, ...args: string[]): string {
  const env = {
    ...isolatedEnv(join(cwd, '..')),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.org',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.org',
  }
  return execFileSync('git', args, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  }).replace(/\n$/, '')
}

/** Writes files (content by relative path) below a folder. */
export function put(folder: string, files: Record<string, string | Buffer>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
}

export interface Fixture {
  dir: string
  repo: string
  root: string
  base: string
  git: Git
}

/** A repository with one commit on `main`, a folder for worktrees, and our git. */
export function fixture(
  options: Partial<GitOptions> = {},
  files: Record<string, string | Buffer> = { 'a.txt': 'one\n', 'src/b.txt': 'two\n' },
): Fixture {
  const dir = tempDir()
  const repo = join(dir, 'the repo')
  const root = join(dir, 'worktrees')
  mkdirSync(root)
  mkdirSync(repo)
  sh(repo, 'init', '-q', '-b', 'main')
  put(repo, files)
  sh(repo, 'add', '-A')
  sh(repo, 'commit', '-q', '--allow-empty', '-m', 'first')
  return { dir, repo, root, base: sh(repo, 'rev-parse', 'HEAD'), git: ourGit(dir, options) }
}

export function ourGit(home: string, options: Partial<GitOptions> = {}): Git {
  const git = createGit({ log: silentLogger, env: isolatedEnv(home), ...options })
  onTestFinished(() => git.dispose())
  return git
}

/** Adds a worktree and writes its files; gives its path. */
export async function attempt(
  { git, repo, root, base }: Fixture,
  id: string,
  baseSha = base,
): Promise<string> {
  const path = join(root, id)
  await git.addWorktree({ repo, path, branch: `quartet/${id}`, baseSha, attemptId: id })
  await git.checkoutWorktree({ repo, path })
  return path
}

/** Commits all in a worktree as the agent would; gives the SHA. */
export function agentCommits(
  path: string,
  files: Record<string, string | Buffer>,
  message = 'agent work',
): string {
  put(path, files)
  sh(path, 'add', '-A')
  sh(path, 'commit', '-q', '-m', message)
  return sh(path, 'rev-parse', 'HEAD')
}

/** The failure code that a promise ends with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code)
    throw error
  }
  return 'none'
}
