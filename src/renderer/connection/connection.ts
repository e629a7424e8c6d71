import type { CoreClient } from '../../shared/contract/client.ts'

/** Binary messages both ways; each is one frame of `shared/contract/terminal-frames.ts`. */
export interface BinaryChannel {
  send(bytes: Uint8Array): void
  onMessage(listener: (bytes: Uint8Array) => void): void
  onClose(listener: () => void): void
  close(): void
}

/** One life of the wire to a core. */
export interface CoreSession {
  rpc: CoreClient
  terminals: BinaryChannel
  close(): void
}

export type ConnectionState =
  | { phase: 'connecting' }
  | { phase: 'ready'; session: CoreSession }
  /** The wire broke; the next try is at `retryAt`. What is on screen may be old. */
  | { phase: 'reconnecting'; tries: number; retryAt: number }
  /** The core does not know us: a token is needed. */
  | { phase: 'unauthorized'; message: string | null }

/** The way to a core, over and over again until `close`. */
export interface Connection {
  get(): ConnectionState
  subscribe(listener: () => void): () => void
  /** Tries at once instead of at `retryAt`. */
  retry(): void
  /** Trades a token for a session; fails silently into `unauthorized` with a message. */
  authorize(token: string): Promise<void>
  close(): void
}

/** Holds the state of a connection for its makers. */
export class ConnectionStore {
  #state: ConnectionState = { phase: 'connecting' }
  readonly #listeners = new Set<() => void>()

  readonly get = (): ConnectionState => this.#state

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  set(state: ConnectionState): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}
