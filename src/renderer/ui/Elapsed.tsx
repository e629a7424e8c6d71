import { age, duration } from './format.ts'
import { useTimeText } from './now.ts'

/** Time since `since`, or between `since` and `until` when it is over. */
export function Elapsed({ since, until }: { since: number; until?: number | null }) {
  return until ? duration(until - since) : <Running since={since} />
}

function Running({ since }: { since: number }) {
  return useTimeText((now) => duration(now - since))
}

/** How long ago, coarse. */
export function Age({ since }: { since: number }) {
  return useTimeText((now) => age(now - since))
}
