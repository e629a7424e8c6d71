import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'

/** One message of the hook program, after its token was checked. */
export interface HookMessage {
  attemptId: string
  /** ms since the epoch, by our clock. */
  at: number
  /** What the agent handed to its hook, as it came. */
  payload: unknown
}

export interface HookListenerOptions {
  /** Folder for the socket; created 0700. */
  dir: string
  log: Logger
  clock: Clock
  redactor: Redactor
  onMessage: (message: HookMessage) => void
}

/** One attempt's right to report. */
export interface HookDoor {
  /** Descriptor file that QUARTET_HOOK_FILE names. */
  file: string
  /** Takes the right away and removes the file. */
  close(): Promise<void>
}

/** Receives what agents report, each attempt by a token of its own. */
export interface HookListener {
  /**
   * Lets `attemptId` report: writes `<runDir>/hook.json` (0600). A token that the file already holds is kept, so that an
   * agent which outlived the core goes on reporting.
   */
  open(attemptId: string, runDir: string): Promise<HookDoor>
  close(): Promise<void>
}

/** Starts to listen. Throws when the socket cannot be made. */
export declare function listenForHooks(options: HookListenerOptions): Promise<HookListener>
