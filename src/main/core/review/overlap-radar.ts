import type { Attempt } from '../../../shared/domain/attempt.ts'
import { isFailure } from '../../../shared/domain/failure.ts'
import type { Overlap } from '../../../shared/domain/review.ts'
import { isOver } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'

export interface OverlapRadarDeps {
  ledger: Ledger
  git: Git
  clock: Clock
}

/** Attempts that are compared at once: 32 of different tasks make 496 pairs. */
const MAX_ATTEMPTS = 32
/** Merges tried in one look; what is left over is told and tried at the next one. */
const MAX_MERGES = 200
/** Results kept by pair of commits: those never change. */
const MAX_CACHED = 5_000
const AT_ONCE = 4

export interface Overlaps {
  at: number
  /** Attempts that were compared. */
  attempts: string[]
  overlaps: Overlap[]
  /** Pairs that merge cleanly. */
  clean: number
  /** Pairs of which nothing is known: too many for one look, or git could not merge them. */
  unchecked: number
  /** Attempts with work that is not committed, which no merge can see. */
  uncommitted: string[]
}

/** Which live attempts of different tasks will conflict with each other or with the base, asked of git in its object store alone. */
export class OverlapRadar {
  readonly #deps: OverlapRadarDeps
  readonly #cache = new Map<string, readonly string[]>()

  constructor(deps: OverlapRadarDeps) {
    this.#deps = deps
  }

  async read(repoId: string): Promise<Overlaps> {
    const { ledger, git, clock } = this.#deps
    const repository = ledger.require('repositories', repoId)
    const live = ledger
      .select(
        'attempts',
        "repoId = ? AND status NOT IN ('trashed', 'landed') ORDER BY createdAt DESC, n",
        repoId,
      )
      .filter((attempt) => !isOver(attempt.status) && attempt.headSha && attempt.headSha !== attempt.baseSha)
    const attempts = live.slice(0, MAX_ATTEMPTS)
    const bases = new Map<string, string | null>()
    for (const attempt of attempts) {
      const { baseBranch } = ledger.require('tasks', attempt.taskId)
      if (!bases.has(baseBranch))
        bases.set(baseBranch, await git.resolveBase(repository.path, baseBranch).catch(() => null))
    }
    const pairs = [
      ...attempts.map((a) => ({
        a,
        b: null,
        other: bases.get(ledger.require('tasks', a.taskId).baseBranch) ?? null,
      })),
      ...attempts.flatMap((a, i) =>
        attempts
          .slice(i + 1)
          .filter((b) => b.taskId !== a.taskId)
          .map((b) => ({ a, b, other: b.headSha })),
      ),
    ]
    const result: Overlaps = {
      at: clock.now(),
      attempts: attempts.map((attempt) => attempt.id),
      overlaps: [],
      clean: 0,
      unchecked: 0,
      uncommitted: attempts.filter((attempt) => attempt.diffstat?.uncommitted).map((attempt) => attempt.id),
    }
    let merges = 0
    const look = async ({ a, b, other }: { a: Attempt; b: Attempt | null; other: string | null }) => {
      const known = a.headSha && other ? this.#known(a.headSha, other) : null
      if (!a.headSha || !other || (!known && merges >= MAX_MERGES)) {
        result.unchecked++
        return
      }
      if (!known) merges++
      const files = known ?? (await this.#merge(repository.path, a.headSha, other))
      if (files === null) result.unchecked++
      else if (files.length === 0) result.clean++
      else result.overlaps.push({ a: a.id, b: b?.id ?? null, files: [...files] })
    }
    for (let i = 0; i < pairs.length; i += AT_ONCE) await Promise.all(pairs.slice(i, i + AT_ONCE).map(look))
    return result
  }

  #known(a: string, b: string): readonly string[] | null {
    return this.#cache.get(keyOf(a, b)) ?? null
  }

  /** Paths in conflict; null when git cannot say. */
  async #merge(repo: string, a: string, b: string): Promise<readonly string[] | null> {
    try {
      const merged = await this.#deps.git.mergeTree({ repo, base: b, head: a, priority: 'background' })
      const files = merged.clean ? [] : merged.files
      this.#cache.set(keyOf(a, b), files)
      const oldest = this.#cache.keys().next().value
      if (this.#cache.size > MAX_CACHED && oldest !== undefined) this.#cache.delete(oldest)
      return files
    } catch (error) {
      if (isFailure(error)) return null
      throw error
    }
  }
}

const keyOf = (a: string, b: string): string => (a < b ? `${a}:${b}` : `${b}:${a}`)
