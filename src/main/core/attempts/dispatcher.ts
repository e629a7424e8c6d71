import { occupiesSlot } from '../../../shared/machines/attempt-machine.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Ledger } from '../db/ledger.ts'
import type { SettingsStore } from '../settings.ts'
import type { AttemptRunner } from './attempt-runner.ts'

export interface DispatcherDeps {
  ledger: Ledger
  settings: SettingsStore
  runner: AttemptRunner
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
  }

  /** Begins to start attempts; before that, boot brings what was interrupted into order. */
  begin(): void {
    this.#live = true
    this.dispatch()
  }

  dispatch(): void {
    if (!this.#live || this.#deps.scope.disposed) return
    const { ledger, settings } = this.#deps
    const open = ledger.select(
      'attempts',
      "status IN ('pending', 'preparing', 'starting', 'running', 'waiting', 'stalled') ORDER BY createdAt, n",
    )
    let free =
      settings.value.slots -
      open.filter((attempt) => occupiesSlot(attempt.status) || this.#starting.has(attempt.id)).length
    for (const attempt of open) {
      if (free <= 0) return
      if (attempt.status !== 'pending' || this.#starting.has(attempt.id)) continue
      this.#begin(attempt.id)
      free--
    }
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
