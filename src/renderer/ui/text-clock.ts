/** A text that is made of the time. */
export interface Timed {
  text: string
  /** When it becomes another one; Infinity for never. */
  until: number
  /** So many ms later is still early enough to show that. */
  slackMs: number
}

/** Where time and timers come from; a window in the app. */
export interface Timers {
  now(): number
  /** Gives what takes it back. */
  later(run: () => void, ms: number): () => void
}

/** Longer ones than this overflow; the clock looks and sleeps on. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

interface Watched {
  text: (now: number) => Timed
  changed: () => void
  until: number
  slackMs: number
}

/**
 * One timer for all clocks and ages of a window. Without a GPU each frame costs, so it fires only when a text becomes
 * another one, as late as the most impatient of them allows, and then brings all that are due up to date in one frame. It
 * has no timer while nothing will change or nobody looks.
 */
export class TextClock {
  readonly #timers: Timers
  readonly #watched = new Set<Watched>()
  #cancel: (() => void) | null = null
  #at = Number.POSITIVE_INFINITY
  #seen = true

  constructor(timers: Timers) {
    this.#timers = timers
  }

  watch(text: (now: number) => Timed, changed: () => void): () => void {
    const { until, slackMs } = text(this.#timers.now())
    const watched: Watched = { text, changed, until, slackMs }
    this.#watched.add(watched)
    this.#arm()
    return () => {
      this.#watched.delete(watched)
      this.#arm()
    }
  }

  /** Whether anybody can see the texts. */
  setSeen(seen: boolean): void {
    if (this.#seen === seen) return
    this.#seen = seen
    if (seen) this.#tick()
    else this.#arm()
  }

  #tick(): void {
    const now = this.#timers.now()
    for (const watched of [...this.#watched]) {
      if (watched.until > now) continue
      const { until, slackMs } = watched.text(now)
      watched.until = until
      watched.slackMs = slackMs
      watched.changed()
    }
    this.#arm()
  }

  #arm(): void {
    let at = Number.POSITIVE_INFINITY
    if (this.#seen) for (const { until, slackMs } of this.#watched) at = Math.min(at, until + slackMs)
    if (at === this.#at) return
    this.#at = at
    this.#cancel?.()
    this.#cancel = null
    if (at === Number.POSITIVE_INFINITY) return
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(0, at - this.#timers.now()))
    this.#cancel = this.#timers.later(() => {
      this.#at = Number.POSITIVE_INFINITY
      this.#cancel = null
      this.#tick()
    }, wait)
  }
}
