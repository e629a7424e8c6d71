/** Time, injected so that tests need no sleeps. */
export interface Clock {
  /** Wall clock in ms since the epoch: for what a person reads, never for durations. */
  now(): number
  /** Monotonic ms: for durations and time-outs; a laptop's sleep or a changed clock does not disturb it. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
