import { Failure } from '../../../shared/domain/failure.ts'
import { Gate } from '../../kernel/gate.ts'
import type { Logger } from '../../kernel/logger.ts'

/** Calls of one connection that run at once. */
export const MAX_RUNNING = 64
/** Calls of one connection that wait for their turn; beyond it they are refused with `limit`. */
export const MAX_WAITING = 256
/** Open event streams of one connection; a window needs one. */
export const MAX_STREAMS = 16

export const DEFAULT_DEADLINE_MS = 30_000

/** Calls that touch whole working trees or run checks in their course. */
const SLOW_DEADLINE_MS = 300_000
const SLOW_CALLS: ReadonlySet<string> = new Set([
  'repositories.add',
  'repositories.trySample',
  'tasks.fire',
  'tasks.fireRound',
  'tasks.land',
  'tasks.abandon',
  'attempts.verdict',
  'attempts.undo',
  'attempts.restore',
  'attempts.stop',
  'attempts.resume',
  'attempts.patch',
  'system.doctor',
  'system.agents',
])

/** How long a call may take before its client gets `timeout`, in ms. */
export function deadlineOf(path: readonly string[]): number {
  return SLOW_CALLS.has(path.join('.')) ? SLOW_DEADLINE_MS : DEFAULT_DEADLINE_MS
}

/** What one connection has under way. */
export class ConnectionLimits {
  readonly #gate = new Gate(MAX_RUNNING)
  #calls = 0
  #streams = 0

  /** Runs one call in its turn. Throws `limit` when too many wait already. */
  async admit<T>(work: () => Promise<T>): Promise<T> {
    if (this.#calls >= MAX_RUNNING + MAX_WAITING) {
      throw new Failure('limit', 'Too many calls at once over one connection; try again in a moment.')
    }
    this.#calls++
    try {
      return await this.#gate.run(0, work)
    } finally {
      this.#calls--
    }
  }

  /** Takes the place of a stream; the result gives it back (once). Throws `limit` when there is none. */
  openStream(): () => void {
    if (this.#streams >= MAX_STREAMS) {
      throw new Failure('limit', 'Too many subscriptions over one connection.')
    }
    this.#streams++
    let open = true
    return () => {
      if (open) this.#streams--
      open = false
    }
  }

  /** Calls and streams that have not ended, for tests and the doctor. */
  get underWay(): { calls: number; streams: number } {
    return { calls: this.#calls, streams: this.#streams }
  }
}

/**
 * Runs `work` with a signal that aborts with `outer` or after `ms`; then throws `cancelled` or `timeout` at once, whether
 * or not the work heeds the signal. A late failure of abandoned work goes to the log.
 */
export async function withDeadline<T>(
  ms: number,
  outer: AbortSignal | undefined,
  log: Logger,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const signal = outer ? AbortSignal.any([outer, controller.signal]) : controller.signal
  const { promise: stopped, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const failure = new Failure(
      'timeout',
      `This took longer than ${Math.round(ms / 1000)} seconds; it may still be under way.`,
    )
    reject(failure)
    controller.abort(failure)
  }, ms)
  const onAbort = () => reject(new Failure('cancelled', 'The call was cancelled.'))
  if (outer?.aborted) onAbort()
  outer?.addEventListener('abort', onAbort, { once: true })
  const working = work(signal)
  let abandoned = false
  working.catch((error: unknown) => {
    if (abandoned) log.warn('an abandoned call failed later', { error })
  })
  try {
    return await Promise.race([working, stopped])
  } catch (error) {
    abandoned = signal.aborted
    throw error
  } finally {
    clearTimeout(timer)
    outer?.removeEventListener('abort', onAbort)
  }
}
