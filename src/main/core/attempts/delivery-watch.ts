import type { Scope } from '../../kernel/disposable.ts'

/** An agent that took a message says so through its hook well within this. */
const CONFIRM_MS = 8_000

/** Waits for the agent's own sign that a message reached it. */
export class DeliveryWatch {
  readonly #scope: Scope
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(scope: Scope) {
    this.#scope = scope
  }

  /** True once the agent confirms a prompt, false after eight seconds of silence. Call before typing. */
  expect(attemptId: string): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(attemptId) ?? new Set()
      this.#waiting.set(attemptId, waiting)
      const done = (delivered: boolean) => {
        waiting.delete(confirm)
        if (waiting.size === 0) this.#waiting.delete(attemptId)
        timer.dispose()
        resolve(delivered)
      }
      const confirm = () => done(true)
      const timer = this.#scope.after(CONFIRM_MS, () => done(false))
      waiting.add(confirm)
    })
  }

  /** The agent said that it works on a prompt. */
  confirm(attemptId: string): void {
    for (const confirm of [...(this.#waiting.get(attemptId) ?? [])]) confirm()
  }
}
