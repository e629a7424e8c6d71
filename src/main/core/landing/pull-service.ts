import { createHash } from 'node:crypto'
import type { TokenPlaces } from '../../../shared/contract/landing.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { Pull, ReviewThread } from '../../../shared/domain/pull.ts'
import type { ForgeKind, Repository } from '../../../shared/domain/repository.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Ledger } from '../db/ledger.ts'
import { parseRemoteUrl } from '../forge/remote-url.ts'
import type { TokenSource } from '../forge/token.ts'
import type { SettingsStore } from '../settings.ts'
import type { Forges } from './forges.ts'
import type { PullWatch } from './pull-watch.ts'

export interface PullServiceDeps {
  ledger: Ledger
  forges: Forges
  tokens: TokenSource
  settings: Pick<SettingsStore, 'value'>
  watch: PullWatch
  clock: Clock
}

/** Four characters of a short one would be too much of it. */
const LONG_TOKEN = 20

/** What the engineer does with pull requests apart from landing them. */
export class PullService {
  readonly #deps: PullServiceDeps

  constructor(deps: PullServiceDeps) {
    this.#deps = deps
  }

  /** Open pull requests, or all; newest first. */
  list(filter: { repoId?: string | undefined; all?: boolean | undefined }): Pull[] {
    const state = filter.all ? '1' : "state = 'open'"
    return filter.repoId === undefined
      ? this.#deps.ledger.select('pulls', `${state} ORDER BY createdAt DESC`)
      : this.#deps.ledger.select('pulls', `${state} AND repoId = ? ORDER BY createdAt DESC`, filter.repoId)
  }

  refresh(id: string): Promise<Pull> {
    return this.#deps.watch.refresh(id)
  }

  attend(focused: boolean): void {
    this.#deps.watch.setFocused(focused)
  }

  /** Answers a thread in the engineer's name. The same text twice is posted once. */
  async reply(threadId: string, text: string): Promise<ReviewThread> {
    const { ledger, forges, clock } = this.#deps
    const thread = ledger.require('reviewThreads', threadId)
    const pull = ledger.require('pulls', thread.pullId)
    const { forge } = await forges.of(ledger.require('repositories', pull.repoId))
    const mark = `engineer-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`
    const posted = await forge.reply(
      pull.number,
      { kind: thread.kind, externalId: thread.externalId.slice(thread.kind.length + 1) },
      text,
      mark,
    )
    return ledger.commit((tx) => {
      const now = clock.now()
      const current = tx.require('reviewThreads', threadId)
      tx.fact({
        kind: 'pull.replied',
        actor: 'engineer',
        repoId: pull.repoId,
        taskId: pull.taskId,
        attemptId: pull.attemptId,
        body: { number: pull.number, thread: thread.name, text },
        dedupeKey: `reply:${threadId}:${mark}`,
      })
      if (thread.findingId)
        tx.patch('findings', thread.findingId, {
          status: 'clarified',
          answer: text,
          answeredBy: 'engineer',
        })
      const after = tx.patch('reviewThreads', threadId, {
        answer: { kind: 'clarify', text, by: 'engineer', postedAt: now },
        comments: [
          ...current.comments.filter((comment) => comment.externalId !== posted.externalId),
          {
            externalId: posted.externalId,
            author: posted.author,
            bot: false,
            own: true,
            body: posted.body,
            at: posted.at,
          },
        ],
        updatedAt: now,
      })
      return after
    })
  }

  /** Says through which forge a repository lands. `github` is tried first: its remote, the token, the base branch. */
  async setForge(repoId: string, kind: ForgeKind): Promise<Repository> {
    const { ledger, forges } = this.#deps
    const repository = ledger.require('repositories', repoId)
    if (ledger.select('landRuns', 'repoId = ? AND endedAt IS NULL', repoId).length > 0)
      throw new Failure('in_use', 'Changes are landing. Let them end, or take them out of the lane, first.')
    if (kind === 'github') {
      const { forge } = await forges.of({ ...repository, forge: 'github' })
      await forge.protectionOf(repository.baseBranch)
    }
    return ledger.commit((tx) => {
      tx.fact({ kind: 'settings.changed', actor: 'engineer', repoId, body: { forge: kind } })
      return tx.patch('repositories', repoId, { forge: kind })
    })
  }

  /** Where the repository would be on a forge, and where its token comes from: never the token itself. */
  async access(
    repoId: string,
  ): Promise<{ host: string; owner: string; name: string; apiBase: string; token: string | null }> {
    const location = this.#deps.forges.locate(this.#deps.ledger.require('repositories', repoId))
    const token = await this.#deps.tokens.get(location.host)
    return { ...location, token: token?.source ?? null }
  }

  /** The forges that repositories are on (github.com always), each with where its token comes from. */
  async tokens(): Promise<TokenPlaces> {
    const { ledger, settings, tokens } = this.#deps
    const { forgeHosts } = settings.value
    const hosts = new Set(['github.com', ...Object.keys(forgeHosts)])
    for (const { remoteUrl } of ledger.select('repositories')) {
      const location = parseRemoteUrl(remoteUrl ?? '', forgeHosts)
      if (location) hosts.add(location.host)
    }
    const places = [...hosts].sort().map(async (host) => {
      const token = await tokens.get(host)
      return {
        host,
        source: token?.source ?? null,
        // What the engineer typed in here, so that they know which it was; of others' not even that.
        tail: token?.source === 'keychain' && token.value.length >= LONG_TOKEN ? token.value.slice(-4) : null,
      }
    })
    return { keychain: await tokens.canSave(), hosts: await Promise.all(places) }
  }

  /** Keeps a token in the host's keychain; null forgets it. Fails where the host has none. */
  async saveToken(host: string, token: string | null): Promise<void> {
    const { ledger, tokens } = this.#deps
    if (await tokens.save(host, token)) {
      const body = { host, token: token === null ? 'forgotten' : 'kept' }
      ledger.commit((tx) => tx.fact({ kind: 'settings.changed', actor: 'engineer', body }))
      return
    }
    throw new Failure(
      'illegal_state',
      'This host has no keychain. Set GITHUB_TOKEN for Quartet, or sign in with `gh auth login`.',
    )
  }
}
