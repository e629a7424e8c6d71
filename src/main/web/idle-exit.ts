import type { Clock } from '../kernel/clock.ts'
import type { Scope } from '../kernel/disposable.ts'

export interface IdleOptions {
  /** Nobody is connected and nothing is at work. */
  idle: () => boolean
  /** For how long, in ms, before `onIdle`. */
  idleMs: number
  pollMs?: number
  clock: Clock
  onIdle: () => void
}

/** A core that was started on demand ends by itself when it was idle for a while. Calls `onIdle` once. */
export function watchIdle(scope: Scope, options: IdleOptions): void {
  let since = options.clock.monotonic()
  let told = false
  scope.every('idle watch', options.pollMs ?? 1_000, () => {
    const now = options.clock.monotonic()
    if (!options.idle()) since = now
    else if (!told && now - since >= options.idleMs) {
      told = true
      options.onIdle()
    }
  })
}
