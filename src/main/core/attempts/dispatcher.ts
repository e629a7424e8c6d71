import type { Attempt } from '../../../shared/domain/attempt.ts'
import { occupiesSlot } from '../../../shared/machines/attempt-machine.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Ledger } from '../db/ledger.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { SettingsStore } from '../settings.ts'
import type { AttemptRunner } from './attempt-runner.ts'

export interface DispatcherDeps {
  ledger: Ledger
  settings: SettingsStore
  runner: AttemptRunner
  workflows: WorkflowStore
  scope: Scope
}

/** Hands free slots to pending attempts, oldest first. The only one that starts them. */
export class Dispatcher {
  readonly #deps: DispatcherDeps
  readonly #starting = new Map<string, AbortController>()
  #live = false

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
    deps.scope.own(deps.ledger.committed.on(() => this.dispatch()))
    deps.scope.own(deps.settings.changed.on(() => this.dispatch()))
    deps.scope.own(deps.workflows.changed.on(() => this.dispatch()))
  }

  /** Begins to start attempts; before that, boot brings what was interrupted into order. */
  begin(): void {
    this.#live = true
    this.dispatch()
  }

  dispatch(): void {
    if (!this.#live || this.#deps.scope.disposed) return
    const { ledger, settings, workflows } = this.#deps
    const open = ledger.select(
      'attempts',
      "status IN ('pending', 'preparing', 'starting', 'running', 'waiting', 'stalled') ORDER BY createdAt, n",
    )
    const busy = open.filter((attempt) => occupiesSlot(attempt.status) || this.#starting.has(attempt.id))
    const busyIn = new Map<string, number>()
    for (const { repoId } of busy) busyIn.set(repoId, (busyIn.get(repoId) ?? 0) + 1)
    let free = settings.value.slots - busy.length
    for (const attempt of open) {
      if (free <= 0) return
      if (attempt.status !== 'pending' || this.#starting.has(attempt.id)) continue
      if (this.#held(attempt)) continue
      const inRepository = busyIn.get(attempt.repoId) ?? 0
      if (inRepository >= (workflows.inForce(attempt.repoId).agent.maxConcurrent ?? Number.POSITIVE_INFINITY))
        continue
      busyIn.set(attempt.repoId, inRepository + 1)
      this.#begin(attempt.id)
      free--
    }
  }

  /** True while the repository's workflow file is broken; the card says so. */
  #held(attempt: Attempt): boolean {
    const problem = this.#deps.workflows.problemOf(attempt.repoId)
    const reason = problem && `Waits until this is mended: ${problem}`
    if (reason && attempt.reason !== reason)
      this.#deps.ledger.commit((tx) => tx.patch('attempts', attempt.id, { reason }))
    return reason !== null
  }

  /** Starts again what a crash interrupted in the middle of its preparation. */
  restart(id: string): void {
    if (!this.#starting.has(id)) this.#begin(id)
  }

  /** Gives up the preparation of an attempt. */
  cancel(id: string): void {
    this.#starting.get(id)?.abort()
  }

  #begin(id: string): void {
    const abort = new AbortController()
    this.#starting.set(id, abort)
    const signal = AbortSignal.any([abort.signal, this.#deps.scope.signal])
    this.#deps.scope.run(`starting ${id}`, async () => {
      try {
        await this.#deps.runner.start(id, signal)
      } finally {
        this.#starting.delete(id)
        this.dispatch()
      }
    })
  }
}
