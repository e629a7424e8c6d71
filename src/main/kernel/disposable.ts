import type { Logger } from './logger.ts'

/** Something that was started and can be stopped. */
export interface Disposable {
  dispose(): void
}

/**
 * Owns what a component starts: disposables, timers and promises that nobody awaits.
 * `dispose()` aborts `signal` first and then stops everything in reverse order.
 */
export class Scope implements Disposable {
  readonly #owned: Disposable[] = []
  readonly #running = new Set<Promise<void>>()
  readonly #abort = new AbortController()

  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get disposed(): boolean {
    return this.#abort.signal.aborted
  }

  own<T extends Disposable>(thing: T): T {
    if (this.disposed) thing.dispose()
    else this.#owned.push(thing)
    return thing
  }

  /** Runs work in the background: its failure is logged under `name`, and `settled()` waits for it. */
  run(name: string, work: () => Promise<void>): void {
    if (this.disposed) return
    const promise: Promise<void> = work()
      .catch((error: unknown) => {
        if (!this.disposed) this.#log.error(`${name} failed`, { error })
      })
      .finally(() => this.#running.delete(promise))
    this.#running.add(promise)
  }

  /** Calls `tick` every `ms`, never overlapping itself; the timer does not keep the process alive. */
  every(name: string, ms: number, tick: () => Promise<void> | void): void {
    let busy = false
    const timer = setInterval(() => {
      if (busy) return
      busy = true
      this.run(name, async () => {
        try {
          await tick()
        } finally {
          busy = false
        }
      })
    }, ms)
    timer.unref()
    this.own({ dispose: () => clearInterval(timer) })
  }

  /**
   * Calls `tick` every `ms` as long as it says that there is more to do, and not at all after that until the function that
   * is given back is called: an idle control room wakes nobody. A tick that throws is logged and tried again.
   */
  whileBusy(name: string, ms: number, tick: () => boolean): () => void {
    let timer: NodeJS.Timeout | null = null
    const wake = () => {
      if (timer !== null || this.disposed) return
      timer = setTimeout(() => {
        timer = null
        let more = true
        try {
          more = tick()
        } catch (error) {
          this.#log.error(`${name} failed`, { error })
        }
        if (more) wake()
      }, ms)
      timer.unref()
    }
    this.own({ dispose: () => timer !== null && clearTimeout(timer) })
    return wake
  }

  /** Calls `work` once after `ms` unless disposed first; gives what cancels it. */
  after(ms: number, work: () => void): Disposable {
    const forget = () => {
      const at = this.#owned.indexOf(once)
      if (at >= 0) this.#owned.splice(at, 1)
    }
    const timer = setTimeout(() => {
      forget()
      work()
    }, ms)
    const once = {
      dispose: () => {
        clearTimeout(timer)
        forget()
      },
    }
    return this.own(once)
  }

  /** Resolves when all background work has ended. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  dispose(): void {
    if (this.disposed) return
    this.#abort.abort()
    for (const thing of this.#owned.splice(0).reverse()) thing.dispose()
  }
}
