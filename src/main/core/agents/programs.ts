import { access, constants, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { Failure } from '../../../shared/domain/failure.ts'
import type { AgentInfo } from '../../../shared/domain/host.ts'
import { exec } from '../../kernel/exec.ts'
import type { Environment } from './driver.ts'

/**
 * Argv that runs one of our own programs. Electron's binary is Node only with a variable that must not stay in an agent's
 * environment, so there it is set for that one process by env(1).
 */
export function nodeCommand(nodePath: string, script: string, electron: boolean): string[] {
  if (!electron) return [nodePath, script]
  return ['/usr/bin/env', 'ELECTRON_RUN_AS_NODE=1', nodePath, script]
}

/** Argv of the hook program. */
export function hookCommand(nodePath: string, resourcesDir: string, electron = false): string[] {
  return nodeCommand(nodePath, join(resourcesDir, 'hooks', 'quartet-hook.mjs'), electron)
}

/** The absolute path that `name` has on the PATH of `env`, or null. Relative PATH entries are left out: they mean the worktree. */
export async function findProgram(name: string, env: Environment): Promise<string | null> {
  const endings =
    process.platform === 'win32' ? (env.PATHEXT ?? '.EXE;.CMD;.BAT').split(';').concat('') : ['']
  const folders = isAbsolute(name) ? [''] : (env.PATH ?? '').split(delimiter).filter((dir) => isAbsolute(dir))
  for (const folder of folders) {
    for (const ending of endings) {
      const path = folder === '' ? `${name}${ending}` : join(folder, `${name}${ending}`)
      try {
        await access(path, constants.X_OK)
        if ((await stat(path)).isFile()) return path
      } catch {
        // Not here, or not to be run by us: look on.
      }
    }
  }
  return null
}

/** Agents on npm start in up to 2 s when the disk is cold and four of them are asked at once. */
const VERSION_TIMEOUT_MS = 8_000

/** What `program --version` says: the first thing that looks like a version, or the reason why there is none. */
export async function askVersion(
  program: string,
  args: readonly string[],
  env: Environment,
  signal: AbortSignal,
): Promise<{ version: string | null; problem: string | null }> {
  const run = await exec(program, args, { env, timeoutMs: VERSION_TIMEOUT_MS, signal, maxBytes: 64 * 1024 })
  const text = `${run.stdout.toString('utf8')}\n${run.stderr.toString('utf8')}`
  if (run.timedOut) return { version: null, problem: `It did not say its version within 8 seconds.` }
  const version = /\d+\.\d+(?:\.\d+)?(?:[-+][0-9A-Za-z.-]+)?/.exec(text)?.[0] ?? null
  if (run.code !== 0) {
    const line = text.split('\n').find((part) => part.trim() !== '')
    return {
      version,
      problem: `Asked for its version it ended with code ${run.code}: ${line?.trim().slice(0, 200) ?? 'no output'}`,
    }
  }
  return { version, problem: version === null ? 'It did not say its version.' : null }
}

/** The path of an agent's program. Throws `agent_missing` with a sentence for the card. */
export async function requireProgram(name: string, label: string, env: Environment): Promise<string> {
  const path = await findProgram(name, env)
  if (path) return path
  throw new Failure(
    'agent_missing',
    `${label} is not installed: “${name}” is not on the PATH of your login shell.`,
    { name },
  )
}

/** What is found of an agent that is one program with `--version`. */
export async function agentInfo(options: {
  name: string
  label: string
  program: string
  env: Environment
  signal: AbortSignal
}): Promise<AgentInfo> {
  const { name, label, program, env, signal } = options
  const path = await findProgram(program, env)
  const common = { name, label, path, scenarios: [], needsCommand: false }
  if (!path)
    return {
      ...common,
      installed: false,
      version: null,
      problem: `“${program}” was not found on the PATH of your login shell.`,
    }
  const { version, problem } = await askVersion(path, ['--version'], env, signal)
  return { ...common, installed: version !== null, version, problem }
}
