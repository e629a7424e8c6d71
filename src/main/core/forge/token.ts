import { messageOf } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import { exec } from '../../kernel/exec.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'

/**
 * Where a host keeps secrets: the operating system's keychain (Electron's safeStorage). A host that has none, or whose
 * keychain would store in plain text, says so with `available: false` and is not asked.
 */
export interface SecretStore {
  readonly available: boolean
  read(name: string): Promise<string | null>
  /** Null forgets it. */
  write(name: string, value: string | null): Promise<void>
}

export interface ForgeToken {
  value: string
  source: 'keychain' | 'environment' | 'gh'
}

export interface TokenSource {
  /** The token for a host; null when there is none. It is never logged and never handed to an agent. */
  get(host: string): Promise<ForgeToken | null>
  /** The token was refused: the next `get` looks everywhere anew. */
  forget(host: string): void
  /** Keeps a token in the keychain, or removes it with null. False when this host has no keychain. */
  save(host: string, token: string | null): Promise<boolean>
}

export interface TokenSourceOptions {
  /** Environment of our own process: what the engineer exported. */
  env: Readonly<Record<string, string | undefined>>
  /** Environment in which `gh` is looked up and run. */
  commandEnvironment: () => Promise<Readonly<Record<string, string>>>
  secrets?: SecretStore | undefined
  redactor: Redactor
  clock: Clock
  log: Logger
  /** Name or path of GitHub's own command line. */
  gh?: string
}

const CACHE_MS = 10 * 60_000
const GH_TIMEOUT_MS = 5_000

/** Variables that hold a token, per kind of host: one for github.com must never be sent to another host. */
const VARIABLES = {
  github: ['GH_TOKEN', 'GITHUB_TOKEN'],
  enterprise: ['GH_ENTERPRISE_TOKEN', 'GITHUB_ENTERPRISE_TOKEN'],
} as const

const isGithub = (host: string) => host === 'github.com' || host.endsWith('.ghe.com')

/** Looks for tokens in the keychain, in the environment, then asks `gh`. Each found value is registered for redaction. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { redactor, clock, log, secrets } = options
  const cache = new Map<string, { at: number; token: ForgeToken | null }>()

  const fromKeychain = async (host: string): Promise<string | null> => {
    if (!secrets?.available) return null
    try {
      return await secrets.read(nameOf(host))
    } catch (error) {
      log.warn('the keychain cannot be read', { host, reason: messageOf(error) })
      return null
    }
  }

  const fromGh = async (host: string): Promise<string | null> => {
    // Its own variables would win over what it stores for the host, and were looked at before.
    const { GH_TOKEN: _a, GITHUB_TOKEN: _b, ...env } = await options.commandEnvironment()
    try {
      const result = await exec(options.gh ?? 'gh', ['auth', 'token', '--hostname', host], {
        env: { ...env, GH_PROMPT_DISABLED: '1', GH_NO_UPDATE_NOTIFIER: '1' },
        timeoutMs: GH_TIMEOUT_MS,
        maxBytes: 4_096,
      })
      return result.code === 0 ? result.stdout.toString('utf8') : null
    } catch {
      // Not installed: the ordinary case.
      return null
    }
  }

  const find = async (host: string): Promise<ForgeToken | null> => {
    const sources = [
      ['keychain', () => fromKeychain(host)],
      [
        'environment',
        async () =>
          VARIABLES[isGithub(host) ? 'github' : 'enterprise']
            .map((name) => options.env[name])
            .find((value) => usable(value)) ?? null,
      ],
      ['gh', () => fromGh(host)],
    ] as const
    for (const [source, read] of sources) {
      const value = usable(await read())
      if (value === null) continue
      redactor.add(value)
      return { value, source }
    }
    return null
  }

  return {
    get: async (host) => {
      const known = cache.get(host)
      if (known && clock.monotonic() - known.at < CACHE_MS) return known.token
      const token = await find(host)
      cache.set(host, { at: clock.monotonic(), token })
      return token
    },
    forget: (host) => void cache.delete(host),
    save: async (host, token) => {
      if (!secrets?.available) return false
      if (token !== null) redactor.add(token.trim())
      await secrets.write(nameOf(host), token?.trim() ?? null)
      cache.delete(host)
      return true
    },
  }
}

const nameOf = (host: string) => `forge-token:${host}`

/** A token is one word of printable ASCII: anything else would be an HTTP header of somebody's choosing. */
function usable(value: string | null | undefined): string | null {
  const trimmed = value?.trim() ?? ''
  return /^[\x21-\x7e]{8,1000}$/.test(trimmed) ? trimmed : null
}
