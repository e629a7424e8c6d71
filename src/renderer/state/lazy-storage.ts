import type { StateStorage } from 'zustand/middleware'

const WRITE_DELAY_MS = 250

/** Writes at most every 250 ms (a draft changes with every key) and at once when the window goes away. */
export function lazyStorage(storage: Storage): StateStorage {
  const waiting = new Map<string, string>()
  let timer: ReturnType<typeof setTimeout> | null = null
  const flush = () => {
    if (timer) clearTimeout(timer)
    timer = null
    for (const [name, value] of waiting) {
      try {
        storage.setItem(name, value)
      } catch {
        // A full or forbidden storage costs the remembered layout, never the work: nothing to do about it here.
      }
    }
    waiting.clear()
  }
  window.addEventListener('pagehide', flush)
  return {
    getItem: (name) => waiting.get(name) ?? storage.getItem(name),
    setItem: (name, value) => {
      waiting.set(name, value)
      timer ??= setTimeout(flush, WRITE_DELAY_MS)
    },
    removeItem: (name) => {
      waiting.delete(name)
      storage.removeItem(name)
    },
  }
}
