import { chmodSync, existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Gate } from '../../kernel/gate.ts'
import { findProcess } from '../../kernel/process-table.ts'
import { attempt, codeOf, fixture, ourGit, put, sh } from './fixtures.ts'
import type { GitRecord } from './runner.ts'

/** A git that starts a child of its own which ignores SIGTERM, writes both pids and then hangs. */
function hungGit(dir: string): string {
  const path = join(dir, 'hung git')
  writeFileSync(
    path,
    `#!/bin/sh\nexec 2>/dev/null\n(trap '' TERM HUP INT; echo $$ > '${dir}/parent'; sh -c 'echo $PPID > "${dir}/child"'; while :; do sleep 0.1; done) &\nwait\n`,
  )
  chmodSync(path, 0o755)
  return path
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error('It never came to that.')
    await pause(20)
  }
}

const pidIn = (file: string) => Number(readFileSync(file, 'utf8'))

describe('a git that hangs', () => {
  it('is stopped at its deadline with its children', async () => {
    const f = fixture()
    const git = ourGit(f.dir, { binary: hungGit(f.dir), deadlines: { probe: 400 } })
    await expect(git.listBranches(f.repo)).rejects.toMatchObject({ code: 'git_timeout' })
    for (const name of ['parent', 'child']) expect(await findProcess(pidIn(join(f.dir, name)))).toBeNull()
  })

  it('is stopped by an abort with its children', async () => {
    const f = fixture()
    const git = ourGit(f.dir, { binary: hungGit(f.dir) })
    const abort = new AbortController()
    const work = codeOf(git.listBranches(f.repo, { signal: abort.signal }))
    await until(() => existsSync(join(f.dir, 'child')) && readFileSync(join(f.dir, 'child'), 'utf8') !== '')
    abort.abort()
    expect(await work).toBe('cancelled')
    for (const name of ['parent', 'child']) expect(await findProcess(pidIn(join(f.dir, name)))).toBeNull()
  })

  it('does not keep a caller that gives up in the queue', async () => {
    const f = fixture()
    const git = ourGit(f.dir, { binary: hungGit(f.dir), gate: new Gate(1), deadlines: { probe: 3_000 } })
    const first = codeOf(git.listBranches(f.repo))
    await until(() => existsSync(join(f.dir, 'parent')))
    const abort = new AbortController()
    const second = codeOf(git.listBranches(f.repo, { signal: abort.signal }))
    abort.abort()
    expect(await second).toBe('cancelled')
    expect(await first).toBe('git_timeout')
  })
})

describe('the runner', () => {
  it('waits out a short lock and names one that stays', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    const lock = join(sh(path, 'rev-parse', '--absolute-git-dir'), 'index.lock')
    put(path, { 'a.txt': 'changed\n' })
    writeFileSync(lock, '')
    // Reads do not mind.
    expect((await f.git.readStatus({ repo: f.repo, path })).unstaged).toBe(1)
    await expect(f.git.commitAll({ repo: f.repo, path, message: 'x' })).rejects.toMatchObject({
      code: 'git_locked',
      data: { lockFile: lock, holder: null, holderKnown: true },
    })
    const short = setTimeout(() => rmSync(lock), 100)
    expect((await f.git.commitAll({ repo: f.repo, path, message: 'x' })).committed).toBe(true)
    clearTimeout(short)
  })

  it('removes a lock only when it is old and nobody’s', async () => {
    const f = fixture()
    const path = await attempt(f, 'a')
    const lockFile = join(sh(path, 'rev-parse', '--absolute-git-dir'), 'index.lock')
    const breakLock = (file = lockFile) => f.git.breakStaleLock({ repo: f.repo, path, lockFile: file })
    writeFileSync(lockFile, '')
    expect((await breakLock()).removed).toBe(false)
    const old = new Date(Date.now() - 600_000)
    utimesSync(lockFile, old, old)
    put(path, { 'not-git.lock': '' })
    utimesSync(join(path, 'not-git.lock'), old, old)
    expect((await breakLock(join(path, 'not-git.lock'))).removed).toBe(false)
    expect(await breakLock()).toMatchObject({ removed: true, holder: null })
    expect(existsSync(lockFile)).toBe(false)
  })

  it('says that git is missing, and knows its version', async () => {
    const f = fixture()
    await expect(ourGit(f.dir, { binary: join(f.dir, 'nogit') }).listBranches(f.repo)).rejects.toMatchObject({
      code: 'git_failed',
    })
    expect((await f.git.version()).major).toBeGreaterThanOrEqual(2)
  })

  it('carries the operation, the arguments, the code and what git said', async () => {
    const f = fixture()
    await expect(f.git.logBetween({ repo: f.repo, from: '1'.repeat(40), to: f.base })).rejects.toMatchObject({
      code: 'git_failed',
      data: {
        operation: 'Reading the history',
        exitCode: 128,
        args: expect.arrayContaining(['log']),
        stderr: expect.stringContaining('1111'),
      },
    })
    sh(f.repo, 'config', 'core.bare', 'neither')
    expect(await codeOf(f.git.listBranches(f.repo))).toBe('git_failed')
  })

  it('passes on no variable that steers git, and no folder of PATH that is not absolute', async () => {
    const records: GitRecord[] = []
    const f = fixture()
    const git = ourGit(f.dir, {
      onCall: (record) => records.push(record),
      env: {
        PATH: `.:bin:${process.env.PATH}`,
        HOME: f.dir,
        GIT_DIR: '/nowhere',
        GIT_CONFIG_PARAMETERS: "'core.fsmonitor'='evil'",
        GIT_EXTERNAL_DIFF: 'evil',
        PAGER: 'evil',
        EDITOR: 'evil',
        SSH_ASKPASS: 'evil',
        NODE_OPTIONS: '--inspect',
        LC_ALL: 'de_DE.UTF-8',
      },
    })
    await git.listBranches(f.repo)
    const env = records.at(-1)?.env ?? {}
    expect(env).toMatchObject({
      LC_ALL: 'C',
      GIT_TERMINAL_PROMPT: '0',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_DIR: join(f.repo, '.git'),
      HOME: f.dir,
    })
    expect(Object.keys(env)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/PARAMETERS|EXTERNAL|PAGER|EDITOR|ASKPASS|NODE_/)]),
    )
    expect(env.PATH?.split(':').every((folder) => folder.startsWith('/'))).toBe(true)
  })

  it('never runs more processes at once than the gate lets through', async () => {
    const f = fixture()
    let active = 0
    let peak = 0
    class Counting extends Gate {
      override run<T>(priority: number, work: () => Promise<T>): Promise<T> {
        return super.run(priority, async () => {
          peak = Math.max(peak, ++active)
          try {
            return await work()
          } finally {
            active--
          }
        })
      }
    }
    const git = ourGit(f.dir, { gate: new Counting(2) })
    await Promise.all(Array.from({ length: 12 }, () => git.readStatus({ repo: f.repo, path: f.repo })))
    expect(peak).toBe(2)
  })
})
