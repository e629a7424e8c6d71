import { age, stint } from './format.ts'
import type { Timed } from './text-clock.ts'

const SECOND_MS = 1_000
export const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Minutes may be shown so much late: the ages of a task's attempts then change in one frame instead of eight. */
export const MINUTE_SLACK_MS = 15_000
/** Clocks that run beside each other may wait so long for each other. */
const SECOND_SLACK_MS = 300
const COUNTDOWN_STEP_MS = 250

/** When a text changes that changes each `step` ms after `from`. */
const nextStep = (from: number, now: number, step: number): number =>
  from + (Math.max(0, Math.floor((now - from) / step)) + 1) * step

/** How long ago `from` was. */
export function ageText(now: number, from: number): Timed {
  const ms = now - from
  const step = ms < HOUR_MS ? MINUTE_MS : ms < 2 * DAY_MS ? HOUR_MS : DAY_MS
  return { text: age(ms), until: nextStep(from, now, step), slackMs: MINUTE_SLACK_MS }
}

/** How long something takes that has no end yet and that nobody times. */
export function stintText(now: number, from: number): Timed {
  const ms = now - from
  const step = ms < DAY_MS ? MINUTE_MS : DAY_MS
  return { text: stint(ms), until: nextStep(from, now, step), slackMs: MINUTE_SLACK_MS }
}

/** How long something takes that is waited for: seconds while it may be over in seconds, later minutes. */
export function stopwatchText(now: number, from: number): Timed {
  const ms = Math.max(0, now - from)
  if (ms >= MINUTE_MS) return stintText(now, from)
  const text = `${Math.floor(ms / SECOND_MS)} s`
  return { text, until: nextStep(from, now, SECOND_MS), slackMs: SECOND_SLACK_MS }
}

/** Ms until `end`, as a number. */
export function countdown(now: number, end: number): Timed {
  const left = Math.max(0, Math.ceil((end - now) / COUNTDOWN_STEP_MS) * COUNTDOWN_STEP_MS)
  return {
    text: String(left),
    until: left === 0 ? Number.POSITIVE_INFINITY : end - left + COUNTDOWN_STEP_MS,
    slackMs: 0,
  }
}
