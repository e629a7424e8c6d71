import type { Attempt, Verdict } from '../../../shared/domain/attempt.ts'
import { isOver } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Retire } from '../attempts/retire.ts'
import { moveAttempt } from '../attempts/transitions.ts'
import type { Ledger } from '../db/ledger.ts'
import type { LandLane } from '../landing/land-lane.ts'

export interface VerdictEffectDeps {
  ledger: Ledger
  retire: Retire
  lane: LandLane
  clock: Clock
  scope: Scope
}

/** What a verdict does once nobody can undo it any more: the winner goes into the lane, what lost is stopped and kept. */
export class VerdictEffect {
  readonly #deps: VerdictEffectDeps
  readonly #taking = new Set<string>()

  constructor(deps: VerdictEffectDeps) {
    this.#deps = deps
  }

  /** It is under way: too late for an undo, whatever the clock says. */
  isUnderWay(id: string): boolean {
    return this.#taking.has(id)
  }

  /** Takes effect at the end of the attempt's undo window. */
  schedule(attempt: Attempt): void {
    const { clock, scope } = this.#deps
    const wait = Math.max(0, (attempt.verdict?.undoUntil ?? 0) - clock.now())
    scope.after(wait, () => scope.run(`verdict on ${attempt.id}`, () => this.#takeEffect(attempt.id)))
  }

  async #takeEffect(id: string): Promise<void> {
    const { ledger, lane } = this.#deps
    const attempt = ledger.require('attempts', id)
    // Undone in time, or taken care of before.
    if (!attempt.verdict || this.#taking.has(id)) return
    this.#taking.add(id)
    try {
      if (attempt.status === 'mergeable') {
        // Before the lane has it: a core that dies in between finds a winner that is only mergeable, and comes here again.
        const losers = this.#lose(attempt)
        lane.enqueue(attempt)
        await Promise.all(losers.map((loser) => this.#retire(loser, `lost to #${attempt.n}`)))
      } else if (attempt.status === 'trashed' && attempt.trashRef === null) {
        await this.#retire(attempt, 'trashed')
      }
    } finally {
      this.#taking.delete(id)
    }
  }

  /** The siblings of a winner lose, each with a line in the history; gives them. */
  #lose(winner: Attempt): Attempt[] {
    const { ledger, clock } = this.#deps
    return ledger.commit((tx) => {
      const now = clock.now()
      const siblings = ledger
        .select('attempts', 'taskId = ? AND id <> ?', winner.taskId, winner.id)
        .filter((sibling) => !isOver(sibling.status) || (sibling.status === 'trashed' && !sibling.trashRef))
      for (const sibling of siblings) {
        if (isOver(sibling.status)) continue
        const verdict: Verdict = {
          kind: 'trash',
          headSha: sibling.headSha,
          reasons: ['lost to sibling'],
          note: '',
          at: now,
          undoUntil: now,
          from: sibling.status,
        }
        moveAttempt(ledger, tx, sibling.id, 'trash', {
          now,
          reason: `Lost to #${winner.n}.`,
          change: { verdict, attention: null },
        })
      }
      return siblings
    })
  }

  /** Stops its agent and keeps what it did. */
  async #retire(attempt: Attempt, reason: string): Promise<void> {
    const { retire } = this.#deps
    await retire.stopAgent(attempt, reason)
    await retire.keepAndRemove(attempt.id, 'trash')
  }
}
