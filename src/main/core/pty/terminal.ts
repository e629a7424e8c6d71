import type { ResumePoint } from '../../../shared/contract/terminal-frames.ts'
import type { Disposable } from '../../kernel/disposable.ts'
import type { LogMark } from '../../pty-protocol/log-files.ts'
import type { KillReport, PtyAttachment, PtyExit, PtySink, PtySpec } from '../../pty-protocol/pty-host.ts'

/** `lost`: its host died or nobody knows how it ended; log and last screen remain, nothing is restarted. */
export type TerminalState = 'live' | 'exited' | 'lost'

/** What core knows about one terminal. */
export interface Terminal {
  id: string
  epoch: number
  state: TerminalState
  pid: number | null
  pidStartedAt: string | null
  /** Bytes written so far; the final count once exited. */
  offset: number
  cols: number
  rows: number
  title: string
  /** Wall ms; 0 when it never wrote. */
  lastOutputAt: number
  logging: boolean
  logPath: string
  exit: PtyExit | null
}

export type TerminalEvent = {
  id: string
  epoch: number
} /** Coalesced by the host to about four a second: it wrote `bytes` since the last one. */ & (
  | { type: 'activity'; offset: number; bytes: number; at: number }
  | { type: 'title'; title: string }
  | { type: 'bell'; at: number }
  | { type: 'notice'; text: string; at: number }
  | { type: 'resized'; cols: number; rows: number }
  | { type: 'log'; logging: boolean; offset: number; lost: number; message: string }
  /** `exited` or `lost`, once per life; `exit.reason` says which. */
  | { type: 'ended'; exit: PtyExit }
)

/** A terminal that core remembers from an earlier run; enough to adopt it or to declare it ended. */
export interface KnownTerminal {
  id: string
  epoch: number
  pid: number | null
  pidStartedAt: string | null
  cols: number
  rows: number
  logPath: string
}

export interface AdoptReport {
  /** Still running, or exited while we were away with the host remembering it. */
  adopted: Terminal[]
  /** Ended while nobody looked: the exit was read from the log's index. */
  ended: Terminal[]
  lost: Terminal[]
  /** Of which nothing ever ran: the core ended between its note and the host. They are not registered. */
  unstarted: KnownTerminal[]
  /** In the host, but not among the known ones: the caller decides to kill or to keep them. They are registered. */
  unknown: Terminal[]
}

export interface LogSlice {
  /** Place of the first byte given: later than asked when the log was rotated or has a gap there. */
  offset: number
  bytes: Uint8Array
  /** Place after the last byte that the log holds now. */
  end: number
}

/** The registry of terminals for core's services. Failures as in `PtyHost`. */
export interface TerminalRegistry extends Disposable {
  /** Finds running hosts, matches what they hold with `known`, and goes on; call once at boot. Starts no host. */
  adopt(known: readonly KnownTerminal[]): Promise<AdoptReport>
  /** Starts a program in a new terminal (starting the host when none runs). */
  open(spec: PtySpec): Promise<Terminal>
  get(id: string): Terminal | null
  list(): Terminal[]
  /** One reader, also of an exited or lost terminal (its last screen, then its end). */
  attach(id: string, from: ResumePoint | null, sink: PtySink): PtyAttachment
  write(id: string, input: { writer: string; seq: number; bytes: Uint8Array }): Promise<void>
  /**
   * Types a prompt or an answer: control characters are removed, bracketed when the program asked for it, Enter as a
   * separate write when `submit` (default). Exactly once. Resolves when queued; whether the agent took it, only its own signals tell.
   */
  sendText(id: string, text: string, options?: { submit?: boolean }): Promise<void>
  resize(id: string, cols: number, rows: number): Promise<void>
  /** Ends the whole tree within five seconds, also after a crash of the host. Idempotent. */
  kill(id: string, reason: string): Promise<KillReport>
  /** Drops an ended terminal from memory; the log files stay. */
  forget(id: string): Promise<void>
  /** Of its newest life, or of the one of `epoch`: nothing when that has no log. */
  readLog(id: string, fromOffset: number, maxBytes: number, epoch?: number): Promise<LogSlice>
  /** The index of the log: when what was written, and the sizes it had. Throws `terminal_missing`. */
  readMarks(id: string, epoch?: number): Promise<LogMark[]>
  /** Draws the log up to `until` as a person saw it: `text` in lines, or `screen` as bytes for a reset terminal of that size. */
  replay(
    id: string,
    request: { want: 'screen' | 'text'; scrollback: number; until?: number; epoch?: number },
  ): Promise<{ offset: number; cols: number; rows: number; data: Uint8Array }>
  onEvent(listener: (event: TerminalEvent) => void): Disposable
}
