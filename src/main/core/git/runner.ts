import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Failure } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Disposable } from '../../kernel/disposable.ts'
import type { Gate } from '../../kernel/gate.ts'
import type { Logger } from '../../kernel/logger.ts'
import { classify, failureOf, type GitProblem, isTransient } from './git-errors.ts'
import {
  ALWAYS,
  baseEnvironment,
  type ConfigEntry,
  configEnvironment,
  type Guard,
  guardAgainst,
  parseConfigList,
} from './hardening.ts'
import { describeLock } from './locks.ts'
import type { Place } from './place.ts'
import { createSpawner, type SpawnResult } from './spawn.ts'

/** How long a call may take and whom it waits behind: see `DEADLINE_MS`. */
export type GitClass = 'probe' | 'local' | 'network' | 'long'

export const DEADLINE_MS: Readonly<Record<GitClass, number>> = {
  probe: 10_000,
  local: 30_000,
  network: 120_000,
  long: 300_000,
}

/** Lower goes first when more calls wait than there are cores. */
const PRIORITY = { creation: 0, interactive: 1, background: 2 } as const
export type GitPriority = keyof typeof PRIORITY

export interface GitCall {
  /** What the app is doing, in words that a log reader and a user understand. */
  operation: string
  kind: GitClass
  /** Subcommand first; options of git itself come from the runner alone. */
  args: readonly string[]
  /** Changes the repository: optional locks are taken then, never for reads. */
  writes?: boolean
  priority?: GitPriority
  /** More variables (`GIT_INDEX_FILE`, `GIT_AUTHOR_NAME`, …). */
  env?: Record<string, string>
  input?: string | Buffer
  signal?: AbortSignal | undefined
  /** Exit codes that are answers, not errors. Default: 0. */
  success?: readonly number[]
  /** Problems that the caller understands: the output comes back with `problem` set instead of a throw. */
  expected?: readonly GitProblem['kind'][]
  /** Output limit in bytes; beyond it the child is ended and `truncated` is set. Default 16 MiB. */
  maxBytes?: number
  onStderr?: (chunk: Buffer) => void
}

export interface GitOutput {
  code: number
  stdout: Buffer
  stderr: string
  truncated: boolean
  problem: GitProblem | null
}

/** What a test or a log sees of each started process. */
export interface GitRecord {
  operation: string
  cwd: string
  args: readonly string[]
  env: Readonly<Record<string, string>>
  code: number | null
  durationMs: number
}

export interface RunnerOptions {
  log: Logger
  clock: Clock
  /** Admits quick calls. */
  gate: Gate
  /** Admits `long` calls, so that a checkout of ten seconds never holds up a status. */
  longGate: Gate
  binary: string
  env: NodeJS.ProcessEnv
  deadlines: Readonly<Record<GitClass, number>>
  onCall: (record: GitRecord) => void
  allowConfig: (repo: string, entry: ConfigEntry) => boolean
}

export interface GitRunner extends Disposable {
  run(place: Place, call: GitCall): Promise<GitOutput>
  /** Standard output as text, without one trailing newline. */
  text(place: Place, call: GitCall): Promise<string>
  /** What had to be shut in the repository's configuration. */
  guard(place: Place): Promise<Guard>
}

const RETRY_AFTER_MS = [50, 150, 400] as const
const MAX_BYTES = 16 * 1024 * 1024
/** The user's global config is outside of what we stat; a change there counts after this long. */
const GUARD_TTL_MS = 30_000
/** Repositories and worktrees whose configuration is remembered; the oldest goes first. */
const MAX_GUARDS = 256
const READING_CONFIGURATION = 'Reading the git configuration'

/** What a configuration asks to be shut, and the files that said so. */
interface KnownGuard {
  signature: string
  at: number
  guard: Guard
}

export function createRunner(options: RunnerOptions): GitRunner {
  const spawner = createSpawner(options.binary)
  const base = baseEnvironment(options.env)
  const guards = new Map<string, KnownGuard>()
  /** Reads of a configuration that are under way; each resolves when it is over, however it ended. */
  const guardReads = new Map<string, Promise<void>>()

  const placeEnvironment = (place: Place): Record<string, string> => ({
    ...(place.gitDir === null ? {} : { GIT_DIR: place.gitDir }),
    ...(place.commonDir === null || place.commonDir === place.gitDir
      ? {}
      : { GIT_COMMON_DIR: place.commonDir }),
    ...(place.workTree === null ? {} : { GIT_WORK_TREE: place.workTree }),
  })

  const spawnOnce = async (place: Place, call: GitCall, guard: Guard): Promise<SpawnResult> => {
    const env = {
      ...base,
      ...configEnvironment([...ALWAYS, ...guard.pairs]),
      ...placeEnvironment(place),
      ...(call.writes ? {} : { GIT_OPTIONAL_LOCKS: '0' }),
      ...call.env,
    }
    const args = ['--no-pager', ...call.args]
    let running = false
    const turn = async (): Promise<SpawnResult> => {
      running = true
      if (call.signal?.aborted) throw cancelled(call)
      const result = await spawner.spawn({
        cwd: place.cwd,
        args,
        env,
        input: call.input,
        timeoutMs: options.deadlines[call.kind],
        signal: call.signal,
        maxBytes: call.maxBytes ?? MAX_BYTES,
        onStderr: call.onStderr,
        overridesPack: guard.overridesPack,
      })
      const { code, durationMs } = result
      options.onCall({ operation: call.operation, cwd: place.cwd, args, env, code, durationMs })
      options.log.debug('git', {
        operation: call.operation,
        args: call.args,
        cwd: place.cwd,
        code,
        ms: Math.round(durationMs),
      })
      return result
    }
    const gate = call.kind === 'long' ? options.longGate : options.gate
    return unlessQueuedAndAborted(
      call,
      () => running,
      gate.run(PRIORITY[call.priority ?? 'interactive'], turn),
    )
  }

  const run = async (place: Place, call: GitCall): Promise<GitOutput> => {
    if (!/^[a-z][a-z-]*$/.test(call.args[0] ?? ''))
      throw new Error(`No git subcommand in “${call.args.join(' ')}”`)
    if (!(await exists(place.cwd))) {
      throw new Failure('worktree_missing', `The folder ${place.cwd} is not there any more.`, {
        path: place.cwd,
      })
    }
    const guard = await guardOf(place, call.signal)
    for (let attempt = 0; ; attempt++) {
      const result = await spawnOnce(place, call, guard)
      if (result.aborted) throw cancelled(call)
      if (result.startError) throw startFailure(result.startError, options.binary)
      const { code, stdout } = result
      const stderr = result.stderr.toString('utf8')
      const failed: { operation: string; args: readonly string[]; exitCode: number | null; stderr: string } =
        {
          operation: call.operation,
          args: call.args,
          exitCode: code,
          stderr,
        }
      if (result.timedOut) {
        const seconds = options.deadlines[call.kind] / 1000
        throw new Failure(
          'git_timeout',
          `${call.operation}: git did not end within ${seconds} s and was stopped.`,
          failed,
        )
      }
      if (result.truncated) return { code: 0, stdout, stderr, truncated: true, problem: null }
      if (code !== null && (call.success ?? [0]).includes(code))
        return { code, stdout, stderr, truncated: false, problem: null }
      const problem = classify(stderr)
      if (call.expected?.includes(problem.kind))
        return { code: code ?? -1, stdout, stderr, truncated: false, problem }
      const wait = RETRY_AFTER_MS[attempt]
      if (wait !== undefined && isTransient(problem)) {
        await pause(wait)
        continue
      }
      if (problem.kind === 'locked') {
        const lock = await describeLock(problem.lockFile, options.clock)
        throw new Failure('git_locked', lock.sentence, { ...failed, ...lock })
      }
      throw failureOf(failed, problem)
    }
  }

  const text = async (place: Place, call: GitCall): Promise<string> =>
    (await run(place, call)).stdout.toString('utf8').replace(/\n$/, '')

  /** Reads the configuration with nothing but the fixed pairs: `git config` runs no program of the repository. */
  const readGuard = async (place: Place, signal: AbortSignal | undefined): Promise<Guard> => {
    const call: GitCall = {
      operation: READING_CONFIGURATION,
      kind: 'probe',
      args: ['config', '--list', '-z', '--show-scope'],
      signal,
    }
    const nothing: Guard = {
      pairs: [],
      shut: [],
      includesOthers: false,
      conditional: false,
      overridesPack: false,
    }
    const result = await spawnOnce(place, call, nothing)
    if (result.aborted) throw cancelled(call)
    if (result.startError) throw startFailure(result.startError, options.binary)
    const stderr = result.stderr.toString('utf8')
    const failed = { operation: call.operation, args: call.args, exitCode: result.code, stderr }
    if (result.timedOut) throw new Failure('git_timeout', 'Git did not answer and was stopped.', failed)
    if (result.code !== 0 || result.truncated) throw failureOf(failed, classify(stderr))
    const entries = parseConfigList(result.stdout.toString('utf8'))
    return guardAgainst(entries, (entry) => options.allowConfig(place.workTree ?? place.cwd, entry))
  }

  const guardOf = async (place: Place, signal?: AbortSignal): Promise<Guard> => {
    const { gitDir, commonDir } = place
    if (gitDir === null || commonDir === null) return readGuard(place, signal)
    for (;;) {
      const own = join(gitDir, 'config.worktree')
      const [shared, main, mine] = await Promise.all(
        [join(commonDir, 'config'), join(commonDir, 'config.worktree'), own].map(signatureOf),
      )
      const signature = `${shared}|${main}|${mine}`
      // Without a configuration of their own all worktrees have the repository's: sixteen creations read it once.
      const alike = main === NO_FILE && mine === NO_FILE
      const everybodys = `${commonDir} and its worktrees`
      const usable = [gitDir, ...(alike ? [everybodys] : [])]
        .map((key) => guards.get(key))
        .find(
          (known) => known?.signature === signature && options.clock.monotonic() - known.at < GUARD_TTL_MS,
        )
      if (usable && !usable.guard.includesOthers) return usable.guard
      const under = alike ? everybodys : gitDir
      const running = usable ? undefined : guardReads.get(`${under}|${signature}`)
      if (running) {
        await unlessAborted(signal, running)
        if (signal?.aborted) throw cancelled({ operation: READING_CONFIGURATION })
        continue
      }
      const at = options.clock.monotonic()
      const read = readGuard(place, signal)
      const settled = read.then(
        () => {},
        () => {},
      )
      guardReads.set(`${under}|${signature}`, settled)
      try {
        const guard = await read
        remember(alike && !guard.conditional ? everybodys : gitDir, { signature, at, guard })
        return guard
      } finally {
        if (guardReads.get(`${under}|${signature}`) === settled) guardReads.delete(`${under}|${signature}`)
      }
    }
  }

  const remember = (key: string, known: KnownGuard): void => {
    guards.delete(key)
    guards.set(key, known)
    const oldest = guards.keys().next().value
    if (guards.size > MAX_GUARDS && oldest !== undefined) guards.delete(oldest)
  }

  return { run, text, guard: (place) => guardOf(place), dispose: () => spawner.dispose() }
}

const cancelled = (call: Pick<GitCall, 'operation'>) =>
  new Failure('cancelled', `${call.operation} was cancelled.`)

function startFailure(error: NodeJS.ErrnoException, binary: string): Error {
  if (error.code !== 'ENOENT' && error.code !== 'EACCES') return error
  return new Failure('git_failed', `Cannot start git (“${binary}”): is it installed and on PATH?`, {
    binary,
    reason: error.code,
  })
}

/** A caller that gives up leaves the queue at once; a call that runs is waited for, so that its child is gone afterwards. */
async function unlessQueuedAndAborted<T>(
  call: GitCall,
  isRunning: () => boolean,
  work: Promise<T>,
): Promise<T> {
  const { signal } = call
  if (!signal) return work
  let stop = () => {}
  const left = new Promise<never>((_resolve, reject) => {
    const onAbort = () => {
      if (!isRunning()) reject(cancelled(call))
    }
    stop = () => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, left])
  } finally {
    stop()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

/** Waits for what never rejects, or until the signal says that nobody waits any more. */
async function unlessAborted(signal: AbortSignal | undefined, settled: Promise<void>): Promise<void> {
  if (!signal) return settled
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = () => resolve()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await Promise.race([settled, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const NO_FILE = '-'

/** Changes whenever the file does: size, inode and both times in nanoseconds. */
async function signatureOf(path: string): Promise<string> {
  try {
    const s = await stat(path, { bigint: true })
    return `${s.ino}.${s.size}.${s.mtimeNs}.${s.ctimeNs}`
  } catch {
    return NO_FILE
  }
}
