import type { AnyRouter } from '@orpc/server'
import type { HostCapabilities } from '../../shared/domain/host.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Disposable } from '../kernel/disposable.ts'
import type { Logger } from '../kernel/logger.ts'
import type { Redactor } from '../kernel/redact.ts'
import type { SecretStore } from '../kernel/secret-store.ts'

/** Everything that the core takes from its host; nothing is read from globals below this line. */
export interface CoreOptions {
  /** Exclusive to one core at a time (a lock file guards it). */
  dataDir: string
  host: 'electron' | 'web'
  capabilities: HostCapabilities
  version: string
  /** Folder of shipped files: hook program, rehearsal, migrations. */
  resourcesDir: string
  /** Script of the detached pty-host, and the Node (or Electron run as Node) that runs it and our other programs. */
  ptyHostEntry: string
  nodePath: string
  /** The host's own environment; what agents get of it is decided by allowlist. */
  env: Readonly<Record<string, string | undefined>>
  log: Logger
  redactor: Redactor
  clock: Clock
  /** The host's keychain, where it has one (Electron's safeStorage): tokens of forges are kept there. */
  secrets?: SecretStore | undefined
  /** Tests shorten the undo window and other waits. */
  undoMs?: number
}

/**
 * One direction-neutral pipe of binary messages: a WebSocket or a MessagePort. Frames are those of
 * shared/contract/terminal-frames.ts.
 */
export interface BinaryChannel {
  send(bytes: Uint8Array): void
  onMessage(listener: (bytes: Uint8Array) => void): Disposable
  onClose(listener: () => void): Disposable
  close(): void
}

/** The running core, as its hosts see it. */
export interface Core {
  /** Implements shared/contract/contract.ts; served by core/api/serve.ts over WebSocket or MessagePort. */
  readonly router: AnyRouter
  /** Connects one viewer of terminal bytes until its channel closes. */
  connectTerminals(channel: BinaryChannel): void
  /** Called when a client asked for the end of the core; the host then calls `close`. */
  onShutdown(listener: (request: { stopAgents: boolean }) => void): Disposable
  /** Something is at work: hosts started on demand stay until this is false. */
  busy(): boolean
  /** Stops everything; agents go on in their pty-host unless `stopAgents`. */
  close(options: { stopAgents: boolean }): Promise<void>
}
