import type { Attempt, Check } from '../../../shared/domain/attempt.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { CheckConclusion, Pull } from '../../../shared/domain/pull.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import type { Clock } from '../../kernel/clock.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Ledger } from '../db/ledger.ts'
import type {
  Forge,
  ForgeCheck,
  ForgeChecks,
  ForgeComment,
  ForgeProtection,
  ForgePull,
  ForgeReviewState,
  MergeOutcome,
  MergePull,
  OpenPull,
} from '../forge/forge.ts'
import type { Git } from '../git/git.ts'
import { checkoutBehind } from './checkout-behind.ts'

export interface LocalForgeDeps {
  ledger: Ledger
  git: Git
  clock: Clock
  repository: Repository
}

const CONCLUSIONS: Partial<Record<Check['status'], CheckConclusion>> = {
  passed: 'success',
  failed: 'failure',
  timed_out: 'timed_out',
  cancelled: 'cancelled',
}

/**
 * The forge of a repository that has none: a pull request is a record of ours, its checks are the verify gate, merging is
 * git. It lets one landing lane serve both kinds.
 */
export class LocalForge implements Forge {
  readonly kind = 'local'
  readonly hasRemote = false
  readonly #deps: LocalForgeDeps

  constructor(deps: LocalForgeDeps) {
    this.#deps = deps
  }

  async findPull(headBranch: string): Promise<ForgePull | null> {
    const rows = this.#deps.ledger.select(
      'pulls',
      "repoId = ? AND forge = 'local' AND headBranch = ? ORDER BY number DESC",
      this.#deps.repository.id,
      headBranch,
    )
    const row = rows.find((each) => each.state === 'open') ?? rows[0]
    return row ? this.#pullOf(row) : null
  }

  async openPull(request: OpenPull): Promise<ForgePull> {
    const known = await this.findPull(request.headBranch)
    if (known?.state === 'open') return known
    const { ledger, clock, repository } = this.#deps
    const attempt = this.#attemptOf(request.headBranch)
    const row = ledger.commit((tx) => {
      const last = ledger.select(
        'pulls',
        "repoId = ? AND forge = 'local' ORDER BY number DESC LIMIT 1",
        repository.id,
      )[0]
      const number = (last?.number ?? 0) + 1
      tx.fact({
        kind: 'pull.opened',
        repoId: repository.id,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        body: { number, url: null, headSha: request.headSha },
      })
      return tx.put('pulls', {
        id: mintId('pull', clock.now()),
        repoId: repository.id,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        forge: 'local',
        number,
        url: null,
        title: request.title,
        state: 'open',
        draft: request.draft,
        author: attempt.agent,
        headBranch: request.headBranch,
        headSha: request.headSha,
        baseBranch: request.baseBranch,
        labels: [],
        mergeability: 'unknown',
        behind: null,
        ahead: null,
        decision: 'none',
        reviews: [],
        checks: 'none',
        unresolved: 0,
        queuePosition: null,
        mergedSha: null,
        observedAt: null,
        staleSince: null,
        problem: null,
        createdAt: clock.now(),
      })
    })
    return this.#pullOf(row)
  }

  async updatePull(number: number, change: { title?: string }): Promise<ForgePull> {
    const row = this.#row(number)
    const next =
      change.title === undefined
        ? row
        : this.#deps.ledger.commit((tx) => tx.patch('pulls', row.id, { title: change.title ?? row.title }))
    return this.#pullOf(next)
  }

  async readPull(number: number): Promise<ForgePull> {
    return this.#pullOf(this.#row(number))
  }

  async closePull(number: number): Promise<void> {
    const row = this.#row(number)
    if (row.state === 'open') this.#deps.ledger.commit((tx) => tx.patch('pulls', row.id, { state: 'closed' }))
  }

  /**
   * Fails as `git.landLocal` does: `base_moved`, `base_dirty`, `merge_conflict`, `nothing_to_land`, `git_locked`; also with
   * `base_dirty` as long as the checkout of the base cannot follow what has landed. May be repeated.
   */
  async mergePull(request: MergePull): Promise<MergeOutcome> {
    const row = this.#row(request.number)
    if (row.state === 'merged' && row.mergedSha) return { state: 'merged', sha: row.mergedSha }
    const landed = await this.#deps.git.landLocal({
      repo: this.#deps.repository.path,
      baseBranch: row.baseBranch,
      expectedBaseSha: request.expectedBase,
      headSha: request.expectedHead,
      method: request.method,
      message: [request.title, request.message].filter(Boolean).join('\n\n'),
      attemptId: row.attemptId,
    })
    if (landed.checkoutBehind) throw checkoutBehind(landed.checkout, row.baseBranch)
    this.#deps.ledger.commit((tx) =>
      tx.patch('pulls', row.id, { state: 'merged', mergedSha: landed.sha, headSha: request.expectedHead }),
    )
    return { state: 'merged', sha: landed.sha }
  }

  async checksOf(sha: string): Promise<ForgeChecks> {
    const checks = this.#deps.ledger.select(
      'checks',
      'headSha = ? AND attemptId IN (SELECT id FROM attempts WHERE repoId = ?) ORDER BY id',
      sha,
      this.#deps.repository.id,
    )
    // Two attempts can make the very same commit: what was checked last under a name is what holds of it.
    const newest = new Map(checks.map((check) => [check.name, check]))
    // An optional check is evidence, but it holds nothing up.
    return { checks: [...newest.values()].filter((check) => check.required).map(checkOf), unreadable: [] }
  }

  async readCheckLog(check: Pick<ForgeCheck, 'summary'>): Promise<string | null> {
    return check.summary
  }

  /** The lane itself runs the gate. */
  async rerunCheck(): Promise<boolean> {
    return false
  }

  async readReviews(): Promise<ForgeReviewState> {
    return { reviews: [], decision: 'none', threads: [], queuePosition: null }
  }

  reply(): Promise<ForgeComment> {
    return this.#silent()
  }

  comment(): Promise<ForgeComment> {
    return this.#silent()
  }

  async protectionOf(): Promise<ForgeProtection> {
    return { protected: false, requiredChecks: [], requiredApprovals: 0, mergeQueue: false }
  }

  rate(): null {
    return null
  }

  async #silent(): Promise<never> {
    throw new Failure('illegal_state', 'A local pull request has no conversation.')
  }

  #row(number: number): Pull {
    const row = this.#deps.ledger.select(
      'pulls',
      "repoId = ? AND forge = 'local' AND number = ?",
      this.#deps.repository.id,
      number,
    )[0]
    if (!row) throw new Failure('forge_not_found', `There is no local pull request #${number}.`)
    return row
  }

  #attemptOf(branch: string): Attempt {
    const attempt = this.#deps.ledger.select('attempts', 'branch = ?', branch)[0]
    if (!attempt) throw new Failure('forge_rejected', `No attempt works on ${branch}.`, { branch })
    return attempt
  }

  async #pullOf(row: Pull): Promise<ForgePull> {
    const { git, repository } = this.#deps
    const open = row.state === 'open'
    const head = open ? await git.resolveRef(repository.path, `refs/heads/${row.headBranch}`) : null
    const headSha = head ?? row.headSha
    return {
      number: row.number,
      url: null,
      title: row.title,
      body: '',
      state: row.state,
      draft: row.draft,
      author: row.author,
      headBranch: row.headBranch,
      headSha,
      baseBranch: row.baseBranch,
      labels: row.labels,
      mergeability: open ? await this.#mergeability(row.baseBranch, headSha) : 'unknown',
      mergedSha: row.mergedSha,
    }
  }

  async #mergeability(baseBranch: string, headSha: string): Promise<ForgePull['mergeability']> {
    const { git, repository } = this.#deps
    const base = await git.resolveBase(repository.path, baseBranch)
    return (await git.mergeTree({ repo: repository.path, base, head: headSha })).clean ? 'clean' : 'conflict'
  }
}

function checkOf(check: Check): ForgeCheck {
  const conclusion = CONCLUSIONS[check.status] ?? null
  return {
    externalId: check.id,
    name: check.name,
    context: check.name,
    kind: 'gate',
    status: conclusion ? 'completed' : check.status === 'running' ? 'running' : 'queued',
    conclusion,
    url: null,
    startedAt: check.startedAt,
    completedAt:
      check.startedAt === null || check.durationMs === null
        ? null
        : Math.round(check.startedAt + check.durationMs),
    summary: check.summary || null,
  }
}
