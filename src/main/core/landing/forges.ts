import { Failure } from '../../../shared/domain/failure.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Forge } from '../forge/forge.ts'
import { GitHubForge } from '../forge/github.ts'
import { type ForgeLocation, parseRemoteUrl } from '../forge/remote-url.ts'
import type { TokenSource } from '../forge/token.ts'
import type { Git } from '../git/git.ts'
import type { RemoteAuth } from '../git/remote.ts'
import type { SettingsStore } from '../settings.ts'
import { LocalForge } from './local-forge.ts'

export interface ForgesDeps {
  ledger: Ledger
  git: Git
  settings: SettingsStore
  tokens: TokenSource
  clock: Clock
  log: Logger
  signal: AbortSignal
  userAgent: string
  /** Spaces writes out; off only against servers on this machine. */
  throttle: boolean
}

/** How git reaches the forge's copy. */
export interface RemoteUse {
  url: string
  auth: RemoteAuth | undefined
}

export type ForgeUse = { forge: Forge; remote: RemoteUse | null }

/** Gives each repository its forge: adapters are made once per token and kept, with their caches. */
export class Forges {
  readonly #deps: ForgesDeps
  readonly #made = new Map<string, { key: string; use: ForgeUse }>()

  constructor(deps: ForgesDeps) {
    this.#deps = deps
  }

  /** Throws `forge_unauthorized` without a token, `invalid_input` when the remote is no repository on a forge. */
  async of(repository: Repository): Promise<ForgeUse> {
    const { ledger, git, clock } = this.#deps
    if (repository.forge === 'local')
      return { forge: new LocalForge({ ledger, git, clock, repository }), remote: null }
    const location = this.locate(repository)
    const token = await this.#deps.tokens.get(location.host)
    if (!token) {
      throw new Failure(
        'forge_unauthorized',
        `There is no token for ${location.host}. Sign in with \`gh auth login --hostname ${location.host}\`, set GITHUB_TOKEN, or save one in the settings.`,
        { host: location.host },
      )
    }
    const key = JSON.stringify([location, token.value])
    const known = this.#made.get(repository.id)
    if (known?.key === key) return known.use
    const url = repository.remoteUrl ?? ''
    const use: ForgeUse = {
      forge: new GitHubForge({
        location,
        token: token.value,
        clock,
        log: this.#deps.log,
        signal: this.#deps.signal,
        userAgent: this.#deps.userAgent,
        throttle: this.#deps.throttle,
      }),
      remote: {
        url,
        auth: /^https:\/\//i.test(url)
          ? { prefix: `https://${location.host}/`, token: token.value }
          : undefined,
      },
    }
    this.#made.set(repository.id, { key, use })
    return use
  }

  /** Where the repository is on its forge. Throws `invalid_input` when its remote names none. */
  locate(repository: Pick<Repository, 'remoteUrl' | 'name'>): ForgeLocation {
    const location = parseRemoteUrl(repository.remoteUrl ?? '', this.#deps.settings.value.forgeHosts)
    if (location) return location
    throw new Failure(
      'invalid_input',
      repository.remoteUrl
        ? `The remote of ${repository.name} is no repository on a forge: ${repository.remoteUrl}`
        : `${repository.name} has no remote.`,
      { remoteUrl: repository.remoteUrl },
    )
  }

  /** The token was refused: the next use looks for another one. */
  refused(repository: Repository): void {
    this.#made.delete(repository.id)
    if (repository.forge === 'github') this.#deps.tokens.forget(this.locate(repository).host)
  }
}
