import { Failure, isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { Pull, PullCheck } from '../../../shared/domain/pull.ts'
import { isOpenThread } from '../../../shared/domain/pull.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import type { Clock } from '../../kernel/clock.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Ledger, Transaction } from '../db/ledger.ts'
import type { Forge, ForgeCheck, ForgeProtection, ForgePull, ForgeReviewState } from '../forge/forge.ts'
import { summariseFailure } from '../review/check-summary.ts'
import type { Forges } from './forges.ts'
import { type JudgedCheck, judgeChecks, passes } from './judge-checks.ts'
import { type Flicker, settle } from './settle.ts'
import { putThreads } from './threads.ts'

export interface PullObserverDeps {
  ledger: Ledger
  forges: Forges
  clock: Clock
}

export interface Observation {
  pull: Pull
  checks: PullCheck[]
  /** Required checks of which the forge has not heard yet. */
  missing: string[]
  protection: ForgeProtection
}

const NO_RULES: ForgeProtection = {
  protected: false,
  requiredChecks: [],
  requiredApprovals: null,
  mergeQueue: false,
}

/** Rules of a branch change rarely. */
const PROTECTION_MS = 5 * 60_000

/** Reads pull requests from their forge into rows. What could not be read stays as it was last seen, marked as stale. */
export class PullObserver {
  readonly #deps: PullObserverDeps
  readonly #pending = new Map<string, Partial<Flicker>>()
  readonly #protection = new Map<string, { at: number; rules: ForgeProtection }>()

  constructor(deps: PullObserverDeps) {
    this.#deps = deps
  }

  /** The row of a pull request of ours, made when it is new. */
  record(repository: Repository, attempt: { id: string; taskId: string }, seen: ForgePull): Pull {
    const { ledger, clock } = this.#deps
    return ledger.commit((tx) => {
      const known = ledger.select(
        'pulls',
        'repoId = ? AND forge = ? AND number = ?',
        repository.id,
        repository.forge,
        seen.number,
      )[0]
      if (known) return known
      tx.fact({
        kind: 'pull.opened',
        repoId: repository.id,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        body: { number: seen.number, url: seen.url, headSha: seen.headSha },
        dedupeKey: `pull:${repository.id}:${repository.forge}:${seen.number}`,
      })
      return tx.put('pulls', {
        id: mintId('pull', clock.now()),
        repoId: repository.id,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        forge: repository.forge,
        number: seen.number,
        ...plainFields(seen),
        mergeability: seen.mergeability,
        behind: null,
        ahead: null,
        decision: 'unknown',
        reviews: [],
        checks: 'unknown',
        unresolved: null,
        queuePosition: null,
        observedAt: clock.now(),
        staleSince: null,
        problem: null,
        createdAt: clock.now(),
      })
    })
  }

  /** Looks at one pull request now. A failure is written on its row (as "stale since") and thrown on. */
  async observe(pullId: string, accepted: ReadonlySet<string> = new Set()): Promise<Observation> {
    const { ledger, forges, clock } = this.#deps
    const before = ledger.require('pulls', pullId)
    const repository = ledger.require('repositories', before.repoId)
    try {
      const { forge } = await forges.of(repository)
      const seen = await forge.readPull(before.number)
      const [checks, reviews, protection] =
        seen.state === 'open'
          ? [
              await forge.checksOf(seen.headSha),
              await forge.readReviews(before.number),
              await this.#rules(repository.id, forge, seen.baseBranch),
            ]
          : [null, null, null]
      const excerpts = checks ? await this.#excerpts(forge, pullId, seen.headSha, checks.checks) : new Map()
      return ledger.commit((tx) =>
        this.#write(tx, pullId, seen, { checks, reviews, protection, excerpts, accepted }),
      )
    } catch (error) {
      if (isFailure(error, 'cancelled')) throw error
      if (isFailure(error, 'forge_unauthorized')) forges.refused(repository)
      ledger.commit((tx) =>
        tx.patch('pulls', pullId, {
          staleSince: tx.require('pulls', pullId).staleSince ?? clock.now(),
          problem: messageOf(error),
        }),
      )
      throw error
    }
  }

  async #rules(repoId: string, forge: Forge, branch: string): Promise<ForgeProtection> {
    const key = `${repoId}:${branch}`
    const known = this.#protection.get(key)
    const now = this.#deps.clock.monotonic()
    if (known && now - known.at < PROTECTION_MS) return known.rules
    const rules = await forge.protectionOf(branch)
    this.#protection.set(key, { at: now, rules })
    return rules
  }

  /** Log ends of red checks that have none yet: read once per run of a check. */
  async #excerpts(
    forge: Forge,
    pullId: string,
    headSha: string,
    checks: readonly ForgeCheck[],
  ): Promise<Map<string, string | null>> {
    const known = this.#deps.ledger.select('pullChecks', 'pullId = ? AND headSha = ?', pullId, headSha)
    const excerpts = new Map<string, string | null>()
    for (const check of checks) {
      if (check.status !== 'completed' || passes(check.conclusion)) continue
      const row = known.find((each) => each.externalId === check.externalId && each.kind === check.kind)
      if (row?.excerpt) {
        excerpts.set(check.externalId, row.excerpt)
        continue
      }
      const log = await forge.readCheckLog(check)
      excerpts.set(check.externalId, log === null ? null : summariseFailure(log) || null)
    }
    return excerpts
  }

  #write(
    tx: Transaction,
    pullId: string,
    seen: ForgePull,
    more: {
      checks: { checks: ForgeCheck[]; unreadable: string[] } | null
      reviews: ForgeReviewState | null
      protection: ForgeProtection | null
      excerpts: ReadonlyMap<string, string | null>
      accepted: ReadonlySet<string>
    },
  ): Observation {
    const { ledger, clock } = this.#deps
    const before = tx.require('pulls', pullId)
    // Merged is for ever: an answer that says otherwise was under way when it was merged.
    if (before.state === 'merged' && seen.state !== 'merged')
      return { pull: before, checks: this.#checksOf(before), missing: [], protection: NO_RULES }
    const protection = more.protection ?? NO_RULES
    const required = protection.requiredChecks
    const judged = judgeChecks<JudgedCheck>(
      more.checks?.checks ?? [],
      required,
      more.checks?.unreadable ?? [],
      more.accepted,
    )
    if (more.checks) this.#putChecks(tx, before, seen.headSha, more.checks.checks, required, more.excerpts)
    if (more.reviews) putThreads(ledger, tx, before, more.reviews.threads, clock.now())
    const threads = ledger.select('reviewThreads', 'pullId = ?', pullId)
    const settled = settle(
      before,
      this.#pending.get(pullId) ?? {},
      {
        mergeability: seen.mergeability,
        checks: more.checks ? judged.verdict : before.checks,
        decision: more.reviews?.decision ?? before.decision,
      },
      before.headSha === seen.headSha,
    )
    this.#pending.set(pullId, settled.pending)
    if (seen.state !== 'open') this.#pending.delete(pullId)
    const pull = tx.patch('pulls', pullId, {
      ...plainFields(seen),
      ...settled.shown,
      reviews: more.reviews?.reviews ?? before.reviews,
      queuePosition: more.reviews?.queuePosition ?? null,
      unresolved: threads.filter(isOpenThread).length,
      observedAt: clock.now(),
      staleSince: null,
      problem: null,
    })
    const changes = changesBetween(before, pull)
    if (Object.keys(changes).length > 0) {
      tx.fact({
        kind: 'pull.observed',
        actor: 'forge',
        repoId: pull.repoId,
        taskId: pull.taskId,
        attemptId: pull.attemptId,
        body: { number: pull.number, ...changes },
      })
    }
    return {
      pull,
      checks: this.#checksOf(pull),
      missing: judged.missing,
      protection,
    }
  }

  #checksOf(pull: Pick<Pull, 'id' | 'headSha'>): PullCheck[] {
    return this.#deps.ledger.select(
      'pullChecks',
      'pullId = ? AND headSha = ? ORDER BY name',
      pull.id,
      pull.headSha,
    )
  }

  #putChecks(
    tx: Transaction,
    pull: Pull,
    headSha: string,
    checks: readonly ForgeCheck[],
    required: readonly string[] | null,
    excerpts: ReadonlyMap<string, string | null>,
  ): void {
    const known = new Map(
      this.#deps.ledger
        .select('pullChecks', 'pullId = ? AND headSha = ?', pull.id, headSha)
        .map((row) => [`${row.kind} ${row.name}`, row]),
    )
    for (const check of checks) {
      const key = `${check.kind} ${check.name}`
      const row = known.get(key)
      known.delete(key)
      const next = {
        id: row?.id ?? mintId('pcheck', this.#deps.clock.now()),
        pullId: pull.id,
        headSha,
        externalId: check.externalId,
        name: check.name,
        kind: check.kind,
        status: check.status,
        conclusion: check.conclusion,
        required: required === null || required.length === 0 || required.includes(check.context),
        url: check.url,
        excerpt: excerpts.get(check.externalId) ?? null,
        startedAt: check.startedAt,
        completedAt: check.completedAt,
        // Told once, run again once per commit, however often the check flips.
        sentAt: row?.sentAt ?? null,
        retried: row?.retried ?? false,
      }
      const { rev: _rev, ...same } = row ?? { rev: 0 }
      if (row && JSON.stringify(same) === JSON.stringify(next)) continue
      tx.put('pullChecks', next)
      if (next.status === 'completed' && row?.conclusion !== next.conclusion) {
        tx.fact({
          kind: 'check.ended',
          actor: 'forge',
          repoId: pull.repoId,
          taskId: pull.taskId,
          attemptId: pull.attemptId,
          body: { number: pull.number, name: next.name, conclusion: next.conclusion, headSha },
        })
      }
    }
    for (const gone of known.values()) tx.remove('pullChecks', gone.id)
  }
}

function plainFields(seen: ForgePull) {
  return {
    url: seen.url,
    title: seen.title,
    state: seen.state,
    draft: seen.draft,
    author: seen.author,
    headBranch: seen.headBranch,
    headSha: seen.headSha,
    baseBranch: seen.baseBranch,
    labels: seen.labels,
    mergedSha: seen.mergedSha,
  }
}

const TOLD = [
  'state',
  'headSha',
  'baseBranch',
  'mergeability',
  'decision',
  'checks',
  'draft',
  'mergedSha',
] as const

function changesBetween(before: Pull, after: Pull): Record<string, unknown> {
  return Object.fromEntries(TOLD.flatMap((key) => (before[key] === after[key] ? [] : [[key, after[key]]])))
}

/** The failure when a pull request that should be there is not ours any more. */
export const pullClosed = (pull: Pick<Pull, 'number'>) =>
  new Failure('illegal_state', `Pull request #${pull.number} was closed on the forge.`)
