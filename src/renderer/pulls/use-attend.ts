import { useEffect } from 'react'
import { outcomeOf, useApp } from '../connection/app-context.ts'

/** Tells the core whether anybody looks at this window: what only waits for people is watched less often while nobody does. */
export function useAttend(): void {
  const { connection, core } = useApp()
  useEffect(() => {
    let told: boolean | null = null
    const tell = () => {
      if (connection.get().phase !== 'ready') {
        // A core that comes back has forgotten it.
        told = null
        return
      }
      const focused = document.visibilityState === 'visible' && document.hasFocus()
      if (focused === told) return
      told = focused
      // Not worth a toast: the next change of focus tells it again.
      void outcomeOf(() => core().pulls.attend({ focused }))
    }
    tell()
    const unsubscribe = connection.subscribe(tell)
    window.addEventListener('focus', tell)
    window.addEventListener('blur', tell)
    document.addEventListener('visibilitychange', tell)
    return () => {
      unsubscribe()
      window.removeEventListener('focus', tell)
      window.removeEventListener('blur', tell)
      document.removeEventListener('visibilitychange', tell)
    }
  }, [connection, core])
}
