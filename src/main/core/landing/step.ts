import type { Attempt, Attention } from '../../../shared/domain/attempt.ts'
import type { LandPhase, LandRun } from '../../../shared/domain/landing.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import type { Task } from '../../../shared/domain/task.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Retire } from '../attempts/retire.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { VerifyGate } from '../review/verify-gate.ts'
import type { FixRequest } from './fix-message.ts'
import type { Forges, ForgeUse } from './forges.ts'
import type { PullObserver } from './pull-observer.ts'

/** What a landing does next. A phase reads first, acts, and says this; the lane writes it down before anything else happens. */
export type Step =
  | { do: 'go'; to: LandPhase; change?: RunChange }
  /** Looks again after `ms` (null: only when told to). With `hold` the lane waits with it, else the next one may pass. */
  | {
      do: 'wait'
      ms: number | null
      reason: string
      hold: boolean
      attention?: Attention['kind']
      /** The phase to begin with again. */
      again?: LandPhase
    }
  | { do: 'fix'; request: FixRequest }
  /** The engineer must judge again. */
  | { do: 'stop'; reason: string; attention: Attention['kind'] }
  /** The base has it: the task is done, what is left is to clean up. */
  | { do: 'landed'; sha: string; note: Record<string, unknown> }
  | { do: 'done'; note?: string }

export type RunChange = Partial<
  Pick<
    LandRun,
    | 'headSha'
    | 'reviewedSha'
    | 'pushedSha'
    | 'pullId'
    | 'expectedBaseSha'
    | 'landedSha'
    | 'method'
    | 'allowFixes'
  >
>

/** What every phase works with. */
export interface StepDeps {
  ledger: Ledger
  git: Git
  gate: VerifyGate
  workflows: Pick<WorkflowStore, 'read'>
  retire: Pick<Retire, 'stopAgent' | 'keepAndRemove'>
  forges: Forges
  observer: PullObserver
  clock: Clock
  log: Logger
  signal: AbortSignal
  /** Multiplies every wait; tests make it small. */
  pace: number
}

/** One landing, read anew for each step. */
export interface Subject extends ForgeUse {
  run: LandRun
  attempt: Attempt
  task: Task
  repository: Repository
  /** Where the attempt's work is. */
  place: { repo: string; path: string }
  /** Fix rounds that the repository allows. */
  budget: number
}

export const go = (to: LandPhase, change?: RunChange): Step => ({
  do: 'go',
  to,
  ...(change ? { change } : {}),
})

export const stop = (
  reason: string,
  attention: Attention['kind'] = 'conflict',
): Extract<Step, { do: 'stop' }> => ({
  do: 'stop',
  reason,
  attention,
})

/** The commit that lands; its absence would be a bug of ours. */
export function headOf(run: Pick<LandRun, 'id' | 'headSha'>): string {
  if (!run.headSha) throw new Error(`landing ${run.id} has no head`)
  return run.headSha
}

/** A commit as people name it. */
export const short = (sha: string | null) => (sha ?? '').slice(0, 7)

/** Times that something was tried in a row for one landing, in memory: a restart may try as often again. */
export class Tries {
  readonly #counts = new Map<string, number>()

  /** Counts one more and gives how many it were. */
  next(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    return count
  }

  has(key: string): boolean {
    return this.#counts.has(key)
  }

  clear(prefix: string): void {
    for (const key of this.#counts.keys()) if (key.startsWith(prefix)) this.#counts.delete(key)
  }
}
