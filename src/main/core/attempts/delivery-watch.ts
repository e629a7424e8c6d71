import type { Scope } from '../../kernel/disposable.ts'

/** `prompt`: only that it accepted a message counts; `any`: whatever it reports shows that it goes on. */
export type Confirmation = 'prompt' | 'any'

/** Waits for the agent's own sign that a message reached it. */
export class DeliveryWatch {
  readonly #scope: Scope
  readonly #waiting = new Map<string, Set<(sign: Confirmation) => void>>()

  constructor(scope: Scope) {
    this.#scope = scope
  }

  /**
   * Begins to listen; call before typing. `within(ms)` gives true once the agent confirmed, false after `ms` without it, and
   * can be asked again. Dispose it in the end.
   */
  expect(attemptId: string, wanted: Confirmation): { within(ms: number): Promise<boolean>; dispose(): void } {
    const waiting = this.#waiting.get(attemptId) ?? new Set()
    this.#waiting.set(attemptId, waiting)
    let confirmed = false
    let wake = () => {}
    const hear = (sign: Confirmation) => {
      if (wanted === 'prompt' && sign !== 'prompt') return
      confirmed = true
      wake()
    }
    waiting.add(hear)
    return {
      within: (ms) =>
        new Promise((resolve) => {
          if (confirmed) return resolve(true)
          const timer = this.#scope.after(ms, () => resolve(false))
          wake = () => {
            timer.dispose()
            resolve(true)
          }
        }),
      dispose: () => {
        waiting.delete(hear)
        if (waiting.size === 0) this.#waiting.delete(attemptId)
      },
    }
  }

  /** The agent reported something; `prompt` when it said that it works on a message. */
  confirm(attemptId: string, sign: Confirmation): void {
    for (const hear of [...(this.#waiting.get(attemptId) ?? [])]) hear(sign)
  }
}
