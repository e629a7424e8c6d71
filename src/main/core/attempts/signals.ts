import type { Signal } from '../../../shared/state/tables.ts'
import { Emitter } from '../../kernel/emitter.ts'

/** What changes too often for the ledger. Only the newest value per attempt and field is kept: old ones are overtaken. */
export class Signals {
  readonly changed = new Emitter<string>()
  readonly #latest = new Map<string, Signal>()

  set(attemptId: string, change: Omit<Signal, 'attemptId'>): void {
    this.#latest.set(attemptId, { ...this.#latest.get(attemptId), ...change, attemptId })
    this.changed.emit(attemptId)
  }

  get(attemptId: string): Signal | undefined {
    return this.#latest.get(attemptId)
  }

  all(): Signal[] {
    return [...this.#latest.values()]
  }

  drop(attemptId: string): void {
    this.#latest.delete(attemptId)
  }
}
