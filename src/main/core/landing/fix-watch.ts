import type { LandRun } from '../../../shared/domain/landing.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Ledger } from '../db/ledger.ts'
import type { FixOutcome, FixRounds } from './fix-rounds.ts'

export interface FixWatchDeps {
  ledger: Ledger
  log: Logger
  /** Multiplies every wait; tests make it small. */
  pace: number
  rounds: FixRounds
  scope: Scope
  /** A fix round is over, for better or worse. */
  onOutcome: (run: LandRun, outcome: Exclude<FixOutcome, { state: 'busy' }>) => void
}

/** In these statuses of its attempt there is something to do for a fix round. */
const TELLING: ReadonlySet<string> = new Set(['landing', 'ready', 'failed', 'lost', 'cancelled'])

/** After a look that failed (git was locked, say) nothing else might ever ask again. */
const AGAIN_MS = 15_000

/** Notices when the agents of fix rounds are through. Looks at each commit, which is cheap unless something changed for it. */
export class FixWatch {
  readonly #deps: FixWatchDeps
  readonly #watched = new Set<string>()
  readonly #looking = new Set<string>()
  readonly #again = new Set<string>()

  constructor(deps: FixWatchDeps) {
    this.#deps = deps
    deps.scope.own(
      deps.ledger.committed.on(() => {
        for (const id of this.#watched) this.look(id)
      }),
    )
  }

  start(runId: string): void {
    this.#watched.add(runId)
    this.look(runId)
  }

  stop(runId: string): void {
    this.#watched.delete(runId)
  }

  look(runId: string): void {
    const { ledger, scope, rounds, log, pace } = this.#deps
    const run = ledger.get('landRuns', runId)
    if (!run || run.endedAt !== null || run.status !== 'fixing') {
      this.#watched.delete(runId)
      return
    }
    if (!TELLING.has(ledger.require('attempts', run.attemptId).status)) return
    if (this.#looking.has(runId)) {
      this.#again.add(runId)
      return
    }
    this.#looking.add(runId)
    this.#again.delete(runId)
    scope.run(`fix round of ${runId}`, async () => {
      try {
        const outcome = await rounds.look(runId)
        if (scope.disposed || outcome.state === 'busy') return
        const now = ledger.require('landRuns', runId)
        this.#watched.delete(runId)
        if (now.endedAt === null) this.#deps.onOutcome(now, outcome)
      } catch (error) {
        if (scope.disposed) return
        log.warn('a fix round could not be looked at', { run: runId, error })
        scope.after(AGAIN_MS * pace, () => this.look(runId))
      } finally {
        this.#looking.delete(runId)
        // A quick agent was through before its message was noted as given.
        if (this.#again.delete(runId) && !scope.disposed) this.look(runId)
      }
    })
  }
}
