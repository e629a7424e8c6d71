const FIRST_MS = 300
/** A core that restarts is back within seconds; beyond this a person waits for the timer, not for the core. */
const LAST_MS = 8_000

/**
 * How long to wait before the try with this number (0 is the first), doubled each time and spread by `random` (0 to 1)
 * over its upper half, so that many windows do not come back in the same instant.
 */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(attempt, 16))
  return Math.round(full / 2 + (full / 2) * random)
}
