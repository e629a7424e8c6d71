import { isFailure } from '../../../shared/domain/failure.ts'
import type { LandPhase } from '../../../shared/domain/landing.ts'
import type { Pull } from '../../../shared/domain/pull.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Disposable, Scope } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Ledger } from '../db/ledger.ts'
import { type Heat, nextLook } from './cadence.ts'
import type { Forges } from './forges.ts'
import type { LandLane } from './land-lane.ts'
import type { PullObserver } from './pull-observer.ts'

export interface PullWatchDeps {
  ledger: Ledger
  forges: Forges
  observer: PullObserver
  lane: Pick<LandLane, 'poke' | 'adoptMerged'>
  clock: Clock
  log: Logger
  scope: Scope
  /** Multiplies every wait; tests make it small. */
  pace: number
  random?: () => number
}

/** Nothing happened on a pull request for this long: nobody is at it. */
const IDLE_AFTER_MS = 30 * 60_000
/** In these phases the lane itself looks. */
const LANE_LOOKS: ReadonlySet<LandPhase> = new Set(['push', 'pull', 'checks', 'merge', 'confirm'])

/**
 * Watches pull requests that wait for people: one batch per repository, at the pace of its warmest. What changed pokes the
 * landing that waits for it. A failing forge is asked less and less often, and what was last seen stays, marked as stale.
 */
export class PullWatch {
  readonly #deps: PullWatchDeps
  readonly #timers = new Map<string, Disposable>()
  readonly #failures = new Map<string, number>()
  readonly #changedAt = new Map<string, number>()
  readonly #looking = new Set<string>()
  #focused = true

  constructor(deps: PullWatchDeps) {
    this.#deps = deps
    deps.scope.own(deps.ledger.committed.on(() => this.#plan()))
  }

  /** Begins to watch what is open. */
  begin(): void {
    this.#plan()
  }

  /** Says whether anybody looks at the app. Coming back looks at once. */
  setFocused(focused: boolean): void {
    if (focused === this.#focused) return
    this.#focused = focused
    if (focused) for (const repoId of this.#repositories()) this.#schedule(repoId, 0)
  }

  /** How often an observation failed in a row. */
  failuresOf(repoId: string): number {
    return this.#failures.get(repoId) ?? 0
  }

  /** Looks at one pull request now; its failure is thrown and shown on its card. */
  async refresh(pullId: string): Promise<Pull> {
    const { ledger } = this.#deps
    const before = ledger.require('pulls', pullId)
    const { pull } = await this.#deps.observer.observe(pullId)
    this.#failures.delete(before.repoId)
    this.#noticed(before, pull)
    return pull
  }

  #repositories(): string[] {
    const rows = this.#deps.ledger.select('pulls', "state = 'open' AND forge <> 'local'")
    return [...new Set(rows.map((pull) => pull.repoId))]
  }

  /** Called after each commit: plans repositories that got their first open pull request, forgets those without. */
  #plan(): void {
    if (this.#deps.scope.disposed) return
    const open = new Set(this.#repositories())
    for (const [repoId, timer] of this.#timers) {
      if (open.has(repoId)) continue
      timer.dispose()
      this.#timers.delete(repoId)
    }
    for (const repoId of open)
      if (!this.#timers.has(repoId) && !this.#looking.has(repoId)) this.#schedule(repoId, null)
  }

  #schedule(repoId: string, ms: number | null): void {
    const { scope, pace } = this.#deps
    this.#timers.get(repoId)?.dispose()
    this.#timers.set(
      repoId,
      scope.after((ms ?? this.#wait(repoId)) * pace, () => {
        this.#timers.delete(repoId)
        scope.run(`looking at the pull requests of ${repoId}`, () => this.#look(repoId))
      }),
    )
  }

  #wait(repoId: string): number {
    const { clock } = this.#deps
    return nextLook({
      heat: this.#heat(repoId),
      focused: this.#focused,
      failures: this.failuresOf(repoId),
      rate: this.#rates.get(repoId) ?? null,
      now: clock.now(),
      chance: (this.#deps.random ?? Math.random)(),
    })
  }

  readonly #rates = new Map<string, NonNullable<Parameters<typeof nextLook>[0]['rate']>>()

  #heat(repoId: string): Heat {
    const now = this.#deps.clock.monotonic()
    const pulls = this.#deps.ledger.select('pulls', "repoId = ? AND state = 'open'", repoId)
    const warm = pulls.some((pull) => now - (this.#changedAt.get(pull.id) ?? now) < IDLE_AFTER_MS)
    return warm ? 'review' : 'idle'
  }

  async #look(repoId: string): Promise<void> {
    if (this.#looking.has(repoId)) return
    this.#looking.add(repoId)
    const { ledger, observer, forges } = this.#deps
    try {
      for (const pull of ledger.select('pulls', "repoId = ? AND state = 'open' ORDER BY id", repoId)) {
        if (this.#deps.scope.disposed) return
        if (!this.#changedAt.has(pull.id)) this.#changedAt.set(pull.id, this.#deps.clock.monotonic())
        if (this.#laneLooks(pull.id)) continue
        const seen = await observer.observe(pull.id)
        this.#noticed(pull, seen.pull)
      }
      this.#failures.delete(repoId)
    } catch (error) {
      if (!isFailure(error)) throw error
      if (error.code === 'cancelled') return
      // The others of this repository would fail alike: next time, later.
      this.#failures.set(repoId, this.failuresOf(repoId) + 1)
      this.#deps.log.info('pull requests could not be read', {
        repoId,
        code: error.code,
        message: error.message,
      })
      const until = Number(error.data.resetsAt)
      if (error.code === 'forge_rate_limited' && until > this.#deps.clock.now())
        this.#rates.set(repoId, { limit: 1, remaining: 0, resetsAt: until })
    } finally {
      this.#looking.delete(repoId)
      const repository = ledger.get('repositories', repoId)
      const rate = repository
        ? await forges.of(repository).then(
            (use) => use.forge.rate(),
            () => null,
          )
        : null
      if (rate) this.#rates.set(repoId, rate)
      this.#plan()
    }
  }

  #laneLooks(pullId: string): boolean {
    return this.#deps.ledger
      .select('landRuns', "pullId = ? AND endedAt IS NULL AND status = 'active'", pullId)
      .some((run) => LANE_LOOKS.has(run.phase))
  }

  #noticed(before: Pull, after: Pull): void {
    const { ledger, lane, clock } = this.#deps
    const differs =
      before.state !== after.state ||
      before.headSha !== after.headSha ||
      before.checks !== after.checks ||
      before.decision !== after.decision ||
      before.mergeability !== after.mergeability ||
      before.unresolved !== after.unresolved ||
      before.draft !== after.draft
    if (!differs) return
    this.#changedAt.set(after.id, clock.monotonic())
    const run = ledger.select('landRuns', 'pullId = ? AND endedAt IS NULL', after.id)[0]
    if (run) lane.poke(run.id)
    else if (after.state === 'merged') lane.adoptMerged(after)
  }
}
