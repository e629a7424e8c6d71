import { execFile } from 'node:child_process'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type AnyRouter, createRouterClient } from '@orpc/server'
import { onTestFinished } from 'vitest'
import { type CoreClient, toFailure } from '../../../shared/contract/client.ts'
import { applyPush, type Entities, emptyEntities } from '../../../shared/state/apply.ts'
import type { Signal } from '../../../shared/state/tables.ts'
import { createLogger } from '../../kernel/logger.ts'
import { Redactor } from '../../kernel/redact.ts'
import { createCore } from '../core.ts'
import { openDataDir } from '../data-dir.ts'
import type { Core } from '../options.ts'
import { testCoreOptions } from './test-core-options.ts'

const run = promisify(execFile)

/** git for arranging and asserting, independent of the code under test. */
export async function sh(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, {
    cwd,
    env: {
      ...process.env,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: 'Ann',
      GIT_AUTHOR_EMAIL: 'ann@example.com',
      GIT_COMMITTER_NAME: 'Ann',
      GIT_COMMITTER_EMAIL: 'ann@example.com',
    },
  })
  return stdout.trimEnd()
}

/** A temporary folder that goes with the test. */
export async function tempDir(): Promise<string> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'quartet core ü ')))
  // The terminal host ends by itself once no core needs it, and may just be clearing up in here.
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  return dir
}

/** A small repository with one commit on main, checked out. */
export async function makeRepository(
  dir: string,
  files: Record<string, string> = { 'README.md': '# Sample\n' },
): Promise<string> {
  await run('git', ['init', '--quiet', '--initial-branch=main', dir])
  await sh(dir, 'config', 'user.name', 'Ann')
  await sh(dir, 'config', 'user.email', 'ann@example.com')
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
  await sh(dir, 'add', '--all')
  await sh(dir, 'commit', '--quiet', '--message', 'First')
  return dir
}

export interface Harness {
  core: Core
  client: CoreClient
  dataDir: string
  /** The client's mirror, as it is now. */
  readonly state: Entities
  /** The newest signal of each attempt. */
  readonly signals: Readonly<Record<string, Signal>>
  /** Waits until what `pick` gives of the mirror is truthy, and gives it; says what it saw when that takes too long. */
  until<T>(pick: (state: Entities) => T | null | undefined | false, what?: string): Promise<T>
  /** Ends the core; agents go on unless asked otherwise. */
  close(options?: { stopAgents: boolean }): Promise<void>
}

const WAIT_MS = 45_000

/** A whole core on a real data directory with a real pty-host, and a client that mirrors its state. */
export async function startCore(
  dataDir: string,
  options: { undoMs?: number; env?: Readonly<Record<string, string | undefined>>; waitMs?: number } = {},
): Promise<Harness> {
  const dir = await openDataDir(dataDir)
  const redactor = new Redactor()
  const lines: string[] = []
  const log = createLogger((line, level) => level !== 'debug' && lines.push(line), redactor)
  const core = await createCore({
    ...testCoreOptions({ dataDir, log, redactor }),
    ...(options.env ? { env: options.env } : {}),
    undoMs: options.undoMs ?? 0,
  })
  const client = createRouterClient(core.router as AnyRouter) as unknown as CoreClient
  let state = emptyEntities
  const signals: Record<string, Signal> = {}
  const watchers = new Set<() => void>()
  const stop = new AbortController()
  const mirror = (async () => {
    for await (const push of await client.state.subscribe(
      { clientId: 'test', known: null },
      { signal: stop.signal },
    )) {
      const next = applyPush(state, push)
      if (next === 'gap') throw new Error('the mirror missed a push')
      state = next
      if (push.type === 'signals') for (const signal of push.signals) signals[signal.attemptId] = signal
      else await client.state.ack({ clientId: 'test', seq: push.to })
      for (const watcher of watchers) watcher()
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
  })
  let closed = false
  const close = async (how = { stopAgents: false }) => {
    if (closed) return
    closed = true
    stop.abort()
    await mirror
    await core.close(how)
    await dir.release()
  }
  onTestFinished(() => close({ stopAgents: true }))
  return {
    core,
    client: throwingFailures(client),
    dataDir,
    get state() {
      return state
    },
    signals,
    until: (pick, what = pick.toString()) =>
      new Promise((done, fail) => {
        const look = () => {
          const found = pick(state)
          if (!found) return
          clearTimeout(timer)
          watchers.delete(look)
          done(found)
        }
        const timer = setTimeout(() => {
          watchers.delete(look)
          const seen = Object.values(state.attempts).map(
            (a) => `${a.n}:${a.status} ${a.reason ?? ''} ${a.attention?.detail ?? ''}`,
          )
          fail(
            new Error(
              `waited in vain for ${what}\nattempts: ${seen.join(' | ')}\ntasks: ${Object.values(state.tasks).map((t) => `${t.status} ${t.reason ?? ''}`)}\n${lines.slice(-30).join('\n')}`,
            ),
          )
        }, options.waitMs ?? WAIT_MS)
        watchers.add(look)
        look()
      }),
    close,
  }
}

/** Calls reject with the `Failure` that the core meant, as a real client sees it. */
function throwingFailures<T extends object>(client: T): T {
  const wrap = (target: unknown): unknown =>
    new Proxy(target as object, {
      get: (object, key) => wrap(Reflect.get(object, key)),
      apply: async (fn, self, args) => {
        try {
          return await Reflect.apply(fn as (...args: unknown[]) => unknown, self, args)
        } catch (error) {
          throw toFailure(error)
        }
      },
    })
  return wrap(client) as T
}
