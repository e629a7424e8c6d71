/** Random numbers that a seed repeats, for tests that try what nobody thought of. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 to `below` - 1. */
  upTo(below: number): number {
    // mulberry32: 32 bits of state are enough for a schedule.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }

  between(least: number, most: number): number {
    return least + this.upTo(most - least + 1)
  }

  pick<T>(from: readonly T[]): T {
    const found = from[this.upTo(from.length)]
    if (found === undefined) throw new Error('nothing to pick from')
    return found
  }
}

/** The seed of a run: the one that is asked for by QUARTET_SEED, else a new one; whoever uses it says it when it fails. */
export function seedOfRun(): number {
  const asked = Number(process.env.QUARTET_SEED)
  return Number.isSafeInteger(asked) && asked > 0 ? asked : Math.floor(Math.random() * 0xffffffff) + 1
}
