import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { basename, delimiter, dirname, isAbsolute, join } from 'node:path'
import { z } from 'zod'
import { messageOf } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import { exec } from '../../kernel/exec.ts'
import type { Logger } from '../../kernel/logger.ts'
import { isForbidden, isPlain } from './allowlist.ts'
import type { Environment } from './driver.ts'

/** The login shell's environment and where it came from. */
export interface ProbedEnvironment {
  env: Environment
  source: 'shell' | 'cache' | 'floor'
  /** ms since the epoch when the shell was last asked with success; null for `floor`. */
  probedAt: number | null
  /** Why the shell could not be asked, as one sentence. */
  problem: string | null
}

export interface AgentEnvironment {
  /** The environment, from memory after the first call; callers at the same time share one probe. */
  get(): Promise<ProbedEnvironment>
  /** Asks the shell again. */
  reprobe(): Promise<ProbedEnvironment>
}

export interface AgentEnvironmentOptions {
  /** Our own environment: the floor, and HOME/USER for the probe. */
  hostEnv: Readonly<Record<string, string | undefined>>
  /** Where the last good answer is kept (0600), without anything that looks like a secret. */
  cacheFile: string
  log: Logger
  clock: Clock
  /** Tests: a shell instead of that of the user database. */
  shell?: string
  timeoutMs?: number
}

/** Slow rc files (nvm, conda) take 1–3 s; beyond this a start of the app would feel broken. */
const TIMEOUT_MS = 4_000
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024

const FLOOR_PATH: readonly string[] =
  process.platform === 'win32'
    ? []
    : [
        join(homedir(), '.local', 'bin'),
        ...(process.platform === 'darwin' ? ['/opt/homebrew/bin', '/opt/homebrew/sbin'] : []),
        ...['/usr/local/bin', '/usr/local/sbin', '/usr/bin', '/usr/sbin', '/bin', '/sbin'],
      ]

const Cached = z.object({
  version: z.literal(1),
  shell: z.string(),
  at: z.number(),
  env: z.record(z.string(), z.string()),
})

/** `npm start` puts folders of its own first on PATH: they are ours, not the engineer's. */
const isOurs = (folder: string): boolean =>
  /[\\/]node_modules[\\/](\.bin$|@npmcli[\\/]run-script[\\/]|npm[\\/].*node-gyp-bin$)/.test(folder)

/** The folders of all paths in order, each once, relative and empty entries left out: they would mean the worktree. */
function joinPaths(...paths: (string | undefined)[]): string {
  const folders = paths.flatMap((path) => (path ?? '').split(delimiter))
  return [...new Set(folders.filter((folder) => isAbsolute(folder) && !isOurs(folder)))].join(delimiter)
}

/** Our own environment without what is ours alone, with a PATH that finds at least the system's programs. */
function floorOf(hostEnv: AgentEnvironmentOptions['hostEnv']): Record<string, string> {
  const kept = Object.entries(hostEnv).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !isForbidden(entry[0]),
  )
  const floor: Record<string, string> = Object.fromEntries(kept)
  floor.HOME ??= homedir()
  floor.PATH = joinPaths(hostEnv.PATH, FLOOR_PATH.join(delimiter))
  return floor
}

/** The shell of the user database: $SHELL may be anything in a process that a desktop or a service manager started. */
function shellOfUser(hostEnv: AgentEnvironmentOptions['hostEnv']): string | null {
  try {
    const { shell } = userInfo()
    if (shell) return shell
  } catch {
    // A user without an entry, as in some containers.
  }
  return hostEnv.SHELL ?? null
}

/** Reads `env -0` between two marks, so that whatever the rc files print around it does not matter. */
function parse(output: Buffer, mark: string): Record<string, string> | null {
  const text = output.toString('utf8')
  const start = text.indexOf(`${mark}<`)
  const end = text.indexOf(`>${mark}`, start)
  if (start < 0 || end < 0) return null
  const pairs = text
    .slice(start + mark.length + 1, end)
    .split('\0')
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const)
    .filter(([name]) => name !== '')
  return Object.fromEntries(pairs)
}

/** Asks `shell` as a login and interactive shell. Gives its environment or one sentence that says why there is none. */
async function ask(
  shell: string,
  floor: Environment,
  timeoutMs: number,
): Promise<Record<string, string> | string> {
  const mark = `quartet-${randomBytes(12).toString('hex')}`
  const name = basename(shell)
  // By its path: neither an alias nor an unusual PATH stands in between.
  const line = `printf '%s' '${mark}<'; /usr/bin/env -0; printf '%s' '>${mark}'; exit 0`
  // csh takes -l only alone; its rc file is read for -i too.
  const args = /^t?csh$/.test(name) ? ['-ic', line] : ['-ilc', line]
  // TERM=dumb keeps prompts and themes from asking the terminal questions that nobody answers.
  const env = { ...floor, SHELL: shell, TERM: 'dumb', QUARTET_ENVIRONMENT_PROBE: '1' }
  const run = await exec(shell, args, {
    env,
    cwd: floor.HOME ?? homedir(),
    timeoutMs,
    maxBytes: MAX_OUTPUT_BYTES,
  })
  if (run.timedOut) return `The login shell ${shell} took longer than ${timeoutMs / 1_000} seconds.`
  const found = parse(run.stdout, mark)
  if (!found) return `The login shell ${shell} did not answer (exit code ${run.code ?? 'none'}).`
  const folders = (found.PATH ?? '').split(delimiter).filter((folder) => isAbsolute(folder))
  const usable = await Promise.all(
    folders.map((folder) =>
      stat(folder).then(
        (s) => s.isDirectory(),
        () => false,
      ),
    ),
  )
  if (!usable.includes(true)) return `The login shell ${shell} gave a PATH without one folder that exists.`
  return found
}

/**
 * The environment that the engineer's terminal would give to a program. A start from a desktop has the environment of the
 * desktop, so the login shell is asked once (`get`), in the background of a start; when it does not answer, the last good
 * answer is used, and failing that our own environment with the system's folders on PATH. Never throws.
 */
export function createAgentEnvironment(options: AgentEnvironmentOptions): AgentEnvironment {
  const log = options.log.child('environment')
  const floor = floorOf(options.hostEnv)
  let current: Promise<ProbedEnvironment> | null = null

  const merge = (found: Environment): Record<string, string> => {
    const clean = Object.entries(found).filter(([name]) => !isForbidden(name) && !SHELL_STATE.has(name))
    return { ...floor, ...Object.fromEntries(clean), PATH: joinPaths(found.PATH, floor.PATH) }
  }

  const probe = async (): Promise<ProbedEnvironment> => {
    if (process.platform === 'win32') return { env: floor, source: 'floor', probedAt: null, problem: null }
    const shell = options.shell ?? shellOfUser(options.hostEnv)
    let problem = 'There is no login shell to ask.'
    if (shell && isAbsolute(shell)) {
      const answer = await ask(shell, floor, options.timeoutMs ?? TIMEOUT_MS).catch((error: unknown) =>
        messageOf(error),
      )
      if (typeof answer !== 'string') {
        const env = merge(answer)
        const at = options.clock.now()
        await keep(options.cacheFile, shell, at, env).catch((error: unknown) =>
          log.warn('the environment could not be cached', { error }),
        )
        return { env, source: 'shell', probedAt: at, problem: null }
      }
      problem = answer
    }
    log.warn('the login shell gave no environment', { problem })
    const cached = await recall(options.cacheFile, shell)
    if (cached) return { env: merge(cached.env), source: 'cache', probedAt: cached.at, problem }
    return { env: floor, source: 'floor', probedAt: null, problem }
  }

  return {
    get: () => (current ??= probe()),
    reprobe: () => (current = probe()),
  }
}

/** What describes the probing shell itself and not the engineer's settings. */
const SHELL_STATE = new Set([
  '_',
  'SHLVL',
  'PWD',
  'OLDPWD',
  'TERM',
  'QUARTET_ENVIRONMENT_PROBE',
  'PS1',
  'COLUMNS',
  'LINES',
])

/** Keeps only variables that hold no secret: the file lies in the data directory for ever. */
async function keep(file: string, shell: string, at: number, env: Environment): Promise<void> {
  const plain = Object.fromEntries(Object.entries(env).filter(([name]) => isPlain(name)))
  await mkdir(dirname(file), { recursive: true })
  const fresh = `${file}.${createHash('sha256').update(shell).digest('hex').slice(0, 8)}`
  await writeFile(
    fresh,
    JSON.stringify({ version: 1, shell, at, env: plain } satisfies z.infer<typeof Cached>),
    {
      mode: 0o600,
    },
  )
  await rename(fresh, file)
}

/** The last good answer of this very shell, or null: a missing or damaged cache is no error, it is only a cache. */
async function recall(file: string, shell: string | null): Promise<z.infer<typeof Cached> | null> {
  try {
    const cached = Cached.parse(JSON.parse(await readFile(file, 'utf8')))
    return cached.shell === shell ? cached : null
  } catch {
    return null
  }
}
