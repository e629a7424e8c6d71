import { clockTime, dayOf, duration, NOW } from './format.ts'
import { useTimeText } from './now.ts'
import { ageText, stintText, stopwatchText } from './time-text.ts'

/** The exact moment, for tooltips: what is on screen says minutes, so that it changes once a minute. */
export const momentOf = (at: number): string => `${dayOf(at)}, ${clockTime(at)}`

/** Time since `since` in minutes, or exactly between `since` and `until` when it is over. */
export function Elapsed({ since, until }: { since: number; until?: number | null }) {
  return until ? duration(until - since) : <Running since={since} />
}

function Running({ since }: { since: number }) {
  return useTimeText(stintText, since)
}

/** Time since `since`, in seconds at first: only for what is waited for, since it makes the window draw each second. */
export function Stopwatch({ since }: { since: number }) {
  return useTimeText(stopwatchText, since)
}

/** How long ago, coarse: `now`, `4 min`. */
export function Age({ since }: { since: number }) {
  return useTimeText(ageText, since)
}

/** The same in a sentence: `just now`, `4 min ago`. */
export function Ago({ since }: { since: number }) {
  const text = useTimeText(ageText, since)
  return text === NOW ? 'just now' : `${text} ago`
}
