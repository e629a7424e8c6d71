/** Passes the first of many calls at once and the last of them `ms` later: never more than one per `ms`, none for ever late. */
export class Throttle {
  readonly #ms: number
  readonly #work: () => void
  #timer: NodeJS.Timeout | undefined
  #again = false

  constructor(ms: number, work: () => void) {
    this.#ms = ms
    this.#work = work
  }

  touch(): void {
    if (this.#timer) {
      this.#again = true
      return
    }
    this.#work()
    // No timer runs while nothing happens: an idle terminal wakes nobody.
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#again) {
        this.#again = false
        this.touch()
      }
    }, this.#ms)
    this.#timer.unref()
  }

  /** Does now what waits. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#again) this.#work()
    this.#again = false
  }
}
