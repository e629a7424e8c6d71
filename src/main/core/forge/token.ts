import { Failure, messageOf } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import { exec } from '../../kernel/exec.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'
import type { SecretStore } from '../../kernel/secret-store.ts'

export interface ForgeToken {
  value: string
  source: 'keychain' | 'environment' | 'gh'
}

export interface TokenSource {
  /** The token for a host; null when there is none. It is never logged and never handed to an agent. */
  get(host: string): Promise<ForgeToken | null>
  /** The token was refused: the next `get` looks everywhere anew. */
  forget(host: string): void
  /** Whether tokens can be kept here at all. */
  canSave(): Promise<boolean>
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

/** Looks for tokens in the keychain, asks `gh`, then looks into the environment. Each found value is registered for redaction. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { redactor, clock, log, secrets } = options
  const cache = new Map<string, { at: number; token: ForgeToken | null }>()

  const fromKeychain = async (host: string): Promise<string | null> => {
    if (!secrets) return null
    try {
      return (await secrets.available()) ? await secrets.read(nameOf(host)) : null
    } catch (error) {
      log.warn('the keychain cannot be read', { host, reason: messageOf(error) })
      return null
    }
  }

  const fromGh = async (host: string): Promise<string | null> => {
    // Its own variables would win over what it stores for the host, and are looked at after it.
    const env: Record<string, string> = { ...(await options.commandEnvironment()) }
    for (const name of [...VARIABLES.github, ...VARIABLES.enterprise]) delete env[name]
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
      ['gh', () => fromGh(host)],
      [
        'environment',
        async () =>
          VARIABLES[isGithub(host) ? 'github' : 'enterprise']
            .map((name) => options.env[name])
            .find((value) => usable(value)) ?? null,
      ],
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
    canSave: async () => (await secrets?.available().catch(() => false)) ?? false,
    save: async (host, token) => {
      const value = token === null ? null : usable(token)
      if (token !== null && value === null)
        throw new Failure('invalid_input', 'This is no token: it must be one word of at least 8 characters.')
      if (value !== null) redactor.add(value)
      try {
        if (!secrets || !(await secrets.available())) return false
        await secrets.write(nameOf(host), value)
      } catch (error) {
        throw new Failure('illegal_state', `The keychain refused: ${messageOf(error)}`, {}, { cause: error })
      }
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
