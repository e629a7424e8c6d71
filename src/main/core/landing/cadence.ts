import type { ForgeRate } from '../forge/forge.ts'

/** How much a change of a pull request matters now. */
export type Heat = 'landing' | 'review' | 'idle'

const BASE_MS: Readonly<Record<Heat, number>> = { landing: 15_000, review: 60_000, idle: 300_000 }
/** Nobody looks: what waits for a person may be noticed later. A landing goes on by itself, so it is not slowed. */
const UNFOCUSED = 3
const MAX_MS = 30 * 60_000
/** Below this part of its budget the forge is left to the landing, which has somebody waiting for it. */
const RATE_FLOOR = 0.2
/** Below this part it is left alone altogether until the budget is filled again. */
const RATE_STOP = 0.02

export interface Cadence {
  heat: Heat
  focused: boolean
  /** Failed observations in a row. */
  failures: number
  rate: ForgeRate | null
  /** Wall clock, ms. */
  now: number
  /** 0 to 1, for the jitter. */
  chance: number
}

/** Ms until the next look at the pull requests of a repository. Pure. */
export function nextLook(cadence: Cadence): number {
  const { heat, rate, now } = cadence
  const slow = !cadence.focused && heat !== 'landing' ? UNFOCUSED : 1
  const doubled = BASE_MS[heat] * slow * 2 ** Math.min(cadence.failures, 12)
  // Several repositories would otherwise ask in step for ever.
  let wait = Math.min(doubled, MAX_MS) * (0.9 + 0.2 * cadence.chance)
  if (rate && rate.resetsAt > now) {
    const left = rate.remaining / rate.limit
    if (left < RATE_STOP || (left < RATE_FLOOR && heat !== 'landing'))
      wait = Math.max(wait, Math.min(rate.resetsAt - now, 60 * 60_000))
  }
  return Math.round(wait)
}
