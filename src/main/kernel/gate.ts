/** Admits at most `limit` at once; of those waiting, the lowest priority number goes first, then the earliest. */
export class Gate {
  #active = 0
  #ticket = 0
  readonly #waiting: { priority: number; ticket: number; go: () => void }[] = []

  readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  async run<T>(priority: number, work: () => Promise<T>): Promise<T> {
    if (this.#active >= this.limit) {
      await new Promise<void>((go) => {
        this.#waiting.push({ priority, ticket: this.#ticket++, go })
        this.#waiting.sort((a, b) => a.priority - b.priority || a.ticket - b.ticket)
      })
    } else {
      this.#active++
    }
    try {
      return await work()
    } finally {
      // A waiter inherits the place, so nobody can slip in between.
      const next = this.#waiting.shift()
      if (next) next.go()
      else this.#active--
    }
  }
}
