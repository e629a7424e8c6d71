import { createContext, use } from 'react'
import { type CoreClient, toFailure } from '../../shared/contract/client.ts'
import { Failure, type FailureCode, isFailure } from '../../shared/domain/failure.ts'
import { toast } from '../state/toasts.ts'
import type { TerminalPool } from '../terminal/terminal-pool.ts'
import type { Connection } from './connection.ts'

/** What the composition root gives to every component. */
export interface App {
  connection: Connection
  terminals: TerminalPool
  /** The core, or a failure that says that it is away. */
  core(): CoreClient
}

export const AppContext = createContext<App | null>(null)

export function useApp(): App {
  const app = use(AppContext)
  if (!app) throw new Error('AppContext is missing above this component.')
  return app
}

/** The current client of a connection; throws while there is none. */
export function coreOf(connection: Connection): CoreClient {
  const state = connection.get()
  if (state.phase !== 'ready')
    throw new Failure(
      'cancelled',
      'Quartet is not connected to its core right now. It tries again by itself.',
    )
  return state.session.rpc
}

export type Outcome<T> = { ok: true; value: T } | { ok: false; code: FailureCode | null; message: string }

/** Runs a call and gives its outcome as a value; an expected failure keeps its code and sentence. */
export async function outcomeOf<T>(call: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await call() }
  } catch (thrown) {
    const error = toFailure(thrown)
    if (isFailure(error)) return { ok: false, code: error.code, message: error.message }
    const text = error instanceof Error ? error.message : String(error)
    const id = (error as { data?: { errorId?: unknown } } | null)?.data?.errorId
    return {
      ok: false,
      code: null,
      message:
        typeof id === 'string'
          ? `Something went wrong inside Quartet. Its log has the details under ${id}.`
          : `Something went wrong: ${text}`,
    }
  }
}

/** Runs a call; a failure becomes a toast with its sentence and gives null. */
export async function callOrToast<T>(call: () => Promise<T>): Promise<T | null> {
  const outcome = await outcomeOf(call)
  if (outcome.ok) return outcome.value
  toast('bad', outcome.message)
  return null
}
