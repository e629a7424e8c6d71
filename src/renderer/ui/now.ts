import { useSyncExternalStore } from 'react'

/**
 * One timer per period for all ages on screen: thirty leaves that each own an interval would wake the process thirty
 * times a second. It stops while nobody listens or the window is hidden.
 */
function ticker(periodMs: number) {
  const listeners = new Set<() => void>()
  let now = Date.now()
  let timer: ReturnType<typeof setInterval> | null = null
  const tick = () => {
    now = Date.now()
    for (const listener of listeners) listener()
  }
  const adjust = () => {
    const wanted = listeners.size > 0 && document.visibilityState === 'visible'
    if (wanted && timer === null) {
      tick()
      timer = setInterval(tick, periodMs)
    } else if (!wanted && timer !== null) {
      clearInterval(timer)
      timer = null
    }
  }
  return {
    subscribe(listener: () => void) {
      if (listeners.size === 0) {
        now = Date.now()
        document.addEventListener('visibilitychange', adjust)
      }
      listeners.add(listener)
      adjust()
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) document.removeEventListener('visibilitychange', adjust)
        adjust()
      }
    },
    get: () => now,
  }
}

const second = ticker(1000)
const quarter = ticker(250)

/** A text that is made of the time; draws anew only in the seconds in which it is another. */
export const useTimeText = (text: (now: number) => string): string =>
  useSyncExternalStore(second.subscribe, () => text(second.get()))
/** The time, anew each second. Use it in leaves only. */
export const useNow = (): number => useSyncExternalStore(second.subscribe, second.get)
/** The time, four times a second: for countdowns. */
export const useFineNow = (): number => useSyncExternalStore(quarter.subscribe, quarter.get)
