/** Counts crashes: more than `limit` within `windowMs` is a loop that restarting only feeds. */
export class CrashBudget {
  readonly #limit: number
  readonly #windowMs: number
  #crashes: number[] = []

  constructor(limit: number, windowMs: number) {
    this.#limit = limit
    this.#windowMs = windowMs
  }

  /** Records a crash at `now` (monotonic ms); gives how many there were lately, or null when the budget is spent. */
  record(now: number): number | null {
    this.#crashes = [...this.#crashes.filter((at) => now - at < this.#windowMs), now]
    return this.#crashes.length < this.#limit ? this.#crashes.length : null
  }

  reset(): void {
    this.#crashes = []
  }
}
