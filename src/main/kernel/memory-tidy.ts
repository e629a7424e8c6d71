import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** So long after the last output it is looked whether there is something to give back. */
const CALM_MS = 2_000
/** Less output than this since the last look counts as calm: a clock or a spinner, not work. */
const CALM_BYTES = 64 * 1024
/** Less than this is not worth a collection. */
const WORTH_BYTES = 2 * 1024 * 1024

/**
 * Gives back what a flood or an ended terminal left behind. V8 collects when somebody allocates, so a process that comes to
 * rest keeps its garbage for hours: tens of megabytes after sixteen terminals of 10,000 lines. Nothing runs while nothing
 * happens.
 */
export class MemoryTidy {
  readonly #written: () => number
  readonly #collect: () => void
  /** Bytes at the last look, and at the last collection. */
  #looked = 0
  #collected = 0
  #ended = false
  #timer: NodeJS.Timeout | undefined

  /** `written` gives how many bytes all terminals wrote so far. */
  constructor(written: () => number, collect: () => void = collector()) {
    this.#written = written
    this.#collect = collect
  }

  /** Something was written, or a terminal has ended. */
  touch(ended = false): void {
    this.#ended ||= ended
    this.#timer ??= setTimeout(() => this.#look(), CALM_MS).unref()
  }

  dispose(): void {
    clearTimeout(this.#timer)
  }

  #look(): void {
    this.#timer = undefined
    const written = this.#written()
    const isCalm = written - this.#looked < CALM_BYTES
    this.#looked = written
    if (!isCalm) {
      this.touch()
      return
    }
    if (!this.#ended && written - this.#collected < WORTH_BYTES) return
    this.#ended = false
    this.#collected = written
    this.#collect()
  }
}

/** V8's own collection, without a flag on the command line that an Electron binary may refuse. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  return () => {
    if (typeof gc === 'function') gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  }
}
