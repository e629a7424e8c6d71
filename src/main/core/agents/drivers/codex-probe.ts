import { spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { exec } from '../../../kernel/exec.ts'
import type { Environment } from '../driver.ts'
import { quoteAll } from '../shell-quote.ts'

/** What the installed Codex can do that older ones cannot. */
export interface CodexAbilities {
  /** Arguments that install our hooks and the consent to exactly them; null for a version without hooks. */
  hookArgs: readonly string[] | null
  /** It knows `--no-daemon`: without it the interface may run in a server with another environment than ours. */
  noDaemon: boolean
}

const HOOK_EVENTS = [
  ...['SessionStart', 'UserPromptSubmit', 'PreToolUse', 'PostToolUse', 'PermissionRequest', 'PreCompact'],
  ...['Stop', 'Interrupt', 'SessionEnd'],
]
/** Codex allows hooks at an end three seconds at most. */
const timeoutOf = (event: string): number => (event === 'SessionEnd' || event === 'Interrupt' ? 3 : 10)
const PROBE_TIMEOUT_MS = 10_000

const HooksList = z.object({
  id: z.literal(2),
  result: z.object({
    data: z.array(
      z.object({
        hooks: z.array(z.looseObject({ key: z.string(), currentHash: z.string(), source: z.string() })),
      }),
    ),
  }),
})

/** TOML strings: those of JSON are a subset, but for the escaped slash that JSON.stringify never writes. */
const toml = (text: string): string => JSON.stringify(text)

const definitions = (command: string): string[] =>
  HOOK_EVENTS.flatMap((event) => [
    '-c',
    `hooks.${event}=[{hooks=[{type="command",command=${toml(command)},timeout=${timeoutOf(event)}}]}]`,
  ])

/**
 * Asks Codex itself (`app-server`, `hooks/list`) for the keys and hashes by which it remembers consent to a hook, so that we
 * can consent to exactly ours for one launch. Its flag to run all hooks without consent would run those of the repository too.
 */
async function trustedHookArgs(
  program: string,
  command: string,
  cwd: string,
  env: Environment,
): Promise<readonly string[] | null> {
  const args = definitions(command)
  const child = spawn(program, [...args, 'app-server'], {
    cwd,
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
    windowsHide: true,
  })
  const ask = (message: unknown) => child.stdin.write(`${JSON.stringify(message)}\n`)
  try {
    return await new Promise<readonly string[] | null>((resolve) => {
      const late = setTimeout(() => resolve(null), PROBE_TIMEOUT_MS)
      const done = (value: readonly string[] | null) => {
        clearTimeout(late)
        resolve(value)
      }
      child.on('error', () => done(null))
      child.on('exit', () => done(null))
      child.stdin.on('error', () => done(null))
      createInterface({ input: child.stdout }).on('line', (line) => {
        const parsed = HooksList.safeParse(safeJson(line))
        if (!parsed.success) return
        const ours = parsed.data.result.data
          .flatMap((entry) => entry.hooks)
          .filter((hook) => hook.source === 'sessionFlags')
        const state = ours
          .map((hook) => `${toml(hook.key)}={trusted_hash=${toml(hook.currentHash)}}`)
          .join(',')
        done(ours.length === 0 ? null : [...args, '-c', `hooks.state={${state}}`])
      })
      ask({ id: 1, method: 'initialize', params: { clientInfo: { name: 'quartet', version: '1' } } })
      ask({ method: 'initialized' })
      ask({ id: 2, method: 'hooks/list', params: { cwds: [cwd] } })
    })
  } finally {
    child.kill('SIGKILL')
  }
}

function safeJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

/** Finds out what an installed Codex can do, once per program file and hook command. */
export function codexProbe(): (
  program: string,
  hook: readonly string[],
  cwd: string,
  env: Environment,
) => Promise<CodexAbilities> {
  const known = new Map<string, Promise<CodexAbilities>>()
  return async (program, hook, cwd, env) => {
    const command = quoteAll(hook)
    const { mtimeMs, size } = await stat(program)
    const key = JSON.stringify([program, mtimeMs, size, command])
    const found =
      known.get(key) ??
      Promise.all([
        trustedHookArgs(program, command, cwd, env),
        exec(program, ['--help'], { env, timeoutMs: PROBE_TIMEOUT_MS, maxBytes: 256 * 1024 }),
      ]).then(([hookArgs, help]) => ({ hookArgs, noDaemon: help.stdout.includes('--no-daemon') }))
    known.set(key, found)
    const abilities = await found.catch((error: unknown) => {
      known.delete(key)
      throw error
    })
    // No answer may have been a busy machine: the next launch asks again.
    if (abilities.hookArgs === null) known.delete(key)
    return abilities
  }
}
