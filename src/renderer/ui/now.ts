import { useCallback, useSyncExternalStore } from 'react'
import { TextClock, type Timed } from './text-clock.ts'
import { countdown, MINUTE_MS, MINUTE_SLACK_MS } from './time-text.ts'

const clock = new TextClock({
  now: () => Date.now(),
  later: (run, ms) => {
    // Rounded up, or it would come a part of a millisecond early and find nothing changed.
    const timer = setTimeout(run, Math.ceil(ms))
    return () => clearTimeout(timer)
  },
})
let listens = false

function watch(text: (now: number) => Timed, changed: () => void): () => void {
  if (!listens) {
    listens = true
    const look = () => clock.setSeen(document.visibilityState === 'visible')
    document.addEventListener('visibilitychange', look)
    look()
  }
  return clock.watch(text, changed)
}

/** A text that is made of the time and of `from`. Use it in leaves: they are drawn anew when it becomes another. */
export function useTimeText(text: (now: number, from: number) => Timed, from: number): string {
  const subscribe = useCallback(
    (changed: () => void) => watch((now) => text(now, from), changed),
    [text, from],
  )
  return useSyncExternalStore(subscribe, () => text(Date.now(), from).text)
}

/** Ms until `end`, in steps of a quarter of a second; nothing wakes up any more once it is 0. */
export const useCountdown = (end: number): number => Number(useTimeText(countdown, end))

const minute = (now: number): Timed => {
  const at = Math.floor(now / MINUTE_MS) * MINUTE_MS
  return { text: String(at), until: at + MINUTE_MS, slackMs: MINUTE_SLACK_MS }
}
const never = (): Timed => ({ text: '0', until: Number.POSITIVE_INFINITY, slackMs: 0 })

/** The minute that it is, in ms, while it matters; else 0. */
export const useMinute = (matters: boolean): number => Number(useTimeText(matters ? minute : never, 0))
