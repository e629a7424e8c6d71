import { isFailure } from '../../../shared/domain/failure.ts'
import { occupiesSlot } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import { isLoose } from '../git/status.ts'

export interface DiffWatchDeps {
  ledger: Ledger
  git: Git
  clock: Clock
  scope: Scope
}

/** An agent at work is looked at this often at most, and only after it showed activity: idle agents cost no git at all. */
const REFRESH_MS = 5_000

/** Keeps head and diffstat of live attempts fresh, driven by their activity. */
export class DiffWatch {
  readonly #deps: DiffWatchDeps
  readonly #dirty = new Set<string>()
  readonly #busy = new Set<string>()

  constructor(deps: DiffWatchDeps) {
    this.#deps = deps
    deps.scope.every('diff watch', REFRESH_MS, async () => {
      const ids = [...this.#dirty]
      this.#dirty.clear()
      // One after the other: figures on a tile are worth no more than one git process.
      for (const id of ids) {
        const attempt = this.#deps.ledger.get('attempts', id)
        if (attempt && occupiesSlot(attempt.status) && attempt.status !== 'preparing') await this.#try(id)
      }
    })
  }

  /** Says that the attempt did something. */
  touch(id: string): void {
    this.#dirty.add(id)
  }

  /** Reads head and diffstat now. Throws what git says, `worktree_missing` among it. */
  async refresh(id: string): Promise<void> {
    const { ledger, git } = this.#deps
    const attempt = ledger.require('attempts', id)
    const repository = ledger.require('repositories', attempt.repoId)
    const place = { repo: repository.path, path: attempt.worktree }
    const status = await git.readStatus(place)
    const stat = await git.diffStat({ ...place, baseSha: attempt.baseSha })
    const diffstat = {
      files: stat.files,
      added: stat.added,
      removed: stat.removed,
      uncommitted: isLoose(status),
    }
    const now = ledger.require('attempts', id)
    if (now.headSha === status.headSha && JSON.stringify(now.diffstat) === JSON.stringify(diffstat)) return
    ledger.commit((tx) => {
      if (status.headSha && now.headSha !== status.headSha && status.headSha !== attempt.baseSha) {
        tx.fact({
          kind: 'attempt.commit',
          actor: 'agent',
          repoId: attempt.repoId,
          taskId: attempt.taskId,
          attemptId: id,
          body: { headSha: status.headSha },
          dedupeKey: `commit:${id}:${status.headSha}`,
        })
      }
      tx.patch('attempts', id, { headSha: status.headSha, diffstat })
    })
  }

  async #try(id: string): Promise<void> {
    if (this.#busy.has(id)) return
    this.#busy.add(id)
    try {
      await this.refresh(id)
    } catch (error) {
      if (!isFailure(error)) throw error
      // The worktree was deleted under the agent, or is locked for a moment: the first is said once, on the card.
      if (error.code === 'worktree_missing' || error.code === 'worktree_tampered')
        this.#complain(id, error.message)
    } finally {
      this.#busy.delete(id)
    }
  }

  #complain(id: string, detail: string): void {
    const { ledger, clock } = this.#deps
    const attempt = ledger.require('attempts', id)
    if (attempt.attention?.kind === 'tamper') return
    ledger.commit((tx) => {
      const attention = { kind: 'tamper' as const, since: clock.now(), detail }
      tx.patch('attempts', id, { attention })
      tx.fact({
        kind: 'attempt.attention',
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: id,
        body: { ...attention },
      })
    })
  }
}
