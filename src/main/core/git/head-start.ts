/**
 * So long that a tree of some ten thousand files is written in it, and so short that a round of large trees, which takes many
 * seconds, does not notice: on two cores it loses half of this at most.
 */
const HEAD_START_MS = 400

interface Race {
  /** Waiting or running, the first one included. */
  members: number
  running: number
  /** Resolves when the head start of the first one is over. */
  over: Promise<void>
  isOver: boolean
}

/**
 * Lets the first of several checkouts of one repository have at least half of the machine's cores to itself, until it is done
 * or its head start is over: the first agent's start is what the engineer waits for. Later ones run at once.
 */
export class HeadStart {
  readonly #races = new Map<string, Race>()
  readonly #together: number
  readonly #ms: number

  constructor(cores: number, ms: number = HEAD_START_MS) {
    this.#ms = ms
    this.#together = Math.max(1, Math.floor(cores / 2))
  }

  /** Runs `work` in its turn; an abort ends the waiting, and `work` is then to say so. */
  async run<T>(key: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.#races.get(key)
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const race = before ?? { members: 0, running: 0, over, isOver: false }
    const end = () => {
      race.isOver = true
      resolve()
    }
    this.#races.set(key, race)
    race.members++
    const timer = before ? undefined : setTimeout(end, this.#ms)
    try {
      if (!race.isOver && race.running >= this.#together) await overOrAborted(race.over, signal)
      race.running++
      try {
        return await work()
      } finally {
        race.running--
      }
    } finally {
      if (!before) {
        clearTimeout(timer)
        end()
      }
      race.members--
      if (race.members === 0) this.#races.delete(key)
    }
  }
}

async function overOrAborted(over: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = () => resolve()
  signal?.addEventListener('abort', stop, { once: true })
  await Promise.race([over, promise])
  signal?.removeEventListener('abort', stop)
}
