import type { ExitReason, ResumePoint, ScreenMode } from '../../shared/contract/terminal-frames.ts'
import type { Disposable } from '../kernel/disposable.ts'

/** What core asks for. `id` is unique per terminal, `epoch` (whole, from 1) per life of it: a rerun has a higher one. */
export interface PtySpec {
  id: string
  epoch: number
  /** Program name (looked up on the PATH of `env`) or path. */
  file: string
  args: readonly string[]
  cwd: string
  /** The complete environment of the process; the host adds TERM, PWD and QUARTET_SESSION, nothing of its own. */
  env: Readonly<Record<string, string>>
  cols: number
  rows: number
  /** First log segment; later ones are `<logPath>.<first offset>`, the index of marks is `<logPath>.idx`. */
  logPath: string
  /** Bytes per log segment (default 16 MiB) and how many are kept (default 16): their product bounds the disk. */
  logSegmentBytes?: number | undefined
  logSegments?: number | undefined
}

/** How a terminal ended. `offset` is the number of bytes it ever wrote: exit comes after the last of them. */
export interface PtyExit {
  code: number | null
  signal: number | null
  reason: ExitReason
  offset: number
  at: number
}

export interface PtyInfo {
  id: string
  epoch: number
  state: 'live' | 'exited'
  pid: number
  /** Opaque mark of `kernel/process-table.ts`; with the pid it names the process for ever. */
  pidStartedAt: string
  startedAt: number
  /** Bytes written so far. */
  offset: number
  cols: number
  rows: number
  title: string
  lastOutputAt: number
  logging: boolean
  logPath: string
  exit: PtyExit | null
  /** The session lives in a host of another protocol version: it can be listed and killed, not attached. */
  draining?: boolean | undefined
}

/** Events name the life (`id` and `epoch`) they belong to. Times are wall ms. */
export type PtyEvent = { id: string; epoch: number } & (
  | { type: 'activity'; offset: number; at: number }
  | { type: 'title'; title: string }
  | { type: 'bell'; at: number }
  /** OSC 9 or OSC 777: plain text that the program wants to be seen. */
  | { type: 'notice'; text: string; at: number }
  | { type: 'resized'; cols: number; rows: number }
  /** The log stopped (disk full, unwritable) or goes on; `lost` bytes are missing before `offset`. */
  | { type: 'log'; logging: boolean; offset: number; lost: number; message: string }
  | { type: 'exit'; exit: PtyExit }
)

/** What a screen starts from: a serialised screen, or nothing but the place to go on. */
export interface PtyScreen {
  mode: ScreenMode
  epoch: number
  offset: number
  cols: number
  rows: number
  /** Write it to a reset terminal of `cols`×`rows`; empty for `resume`. */
  data: Uint8Array
}

/** What an attachment hears, in the order of the stream. */
export interface PtySink {
  /** First of all, and again whenever the attachment lagged too far: everything before is void. */
  screen(screen: PtyScreen): void
  output(offset: number, bytes: Uint8Array): void
  resized(cols: number, rows: number): void
  exited(exit: PtyExit): void
  /** The attachment is over without an exit: unknown terminal, lost host. */
  failed(error: Error): void
}

/**
 * One reader of one terminal. It gets at most as many bytes as were granted (a snapshot may overdraw once); what it is
 * late for, it is shown by a new snapshot, so that it never slows the process nor fills a buffer.
 */
export interface PtyAttachment {
  grant(bytes: number): void
  close(): void
}

export interface PtyInput {
  /** Who types; with `seq` (from 1, rising) an input counts exactly once, however often it is sent. */
  writer: string
  seq: number
  bytes: Uint8Array
}

export interface KillReport {
  /** Processes that were signalled, and those (normally none) that still live. */
  signalled: number
  survivors: number[]
}

/** Which part of which log to draw on a screen of its own. */
export interface ReplayRequest {
  logPath: string
  cols: number
  rows: number
  /** Draw up to this offset; all there is by default. */
  until?: number | undefined
  /** Lines above the screen to keep. */
  scrollback: number
  want: 'screen' | 'text'
}

export interface ReplayResult {
  offset: number
  cols: number
  rows: number
  data: Uint8Array
}

/**
 * Owner of pseudoterminals. Two implementations pass one conformance suite: in this process (tests) and behind a socket
 * (product). Failures: `agent_missing` (no such program), `worktree_missing` (no such working directory), `pty_failed`,
 * `terminal_missing`, `limit` (input queue full: send again later).
 */
export interface PtyHost extends Disposable {
  list(): Promise<PtyInfo[]>
  create(spec: PtySpec): Promise<PtyInfo>
  /** Nothing is sent before the first grant. Errors come by `sink.failed`. */
  attach(id: string, from: ResumePoint | null, sink: PtySink): PtyAttachment
  /** Resolves when the host has the input in its bounded queue, for good. */
  write(id: string, input: PtyInput): Promise<void>
  /** Text for a prompt: control characters removed, bracketed when the program asked for it; Enter follows separately. */
  paste(id: string, text: string, options: { submit: boolean; writer: string; seq: number }): Promise<void>
  resize(id: string, cols: number, rows: number): Promise<void>
  /** Ends the whole process tree: HUP, TERM, KILL. Idempotent; also sweeps what outlived an exited program. */
  kill(id: string, reason: string): Promise<KillReport>
  /** Drops an exited session from the host's memory; its log stays. */
  forget(id: string): Promise<void>
  replay(request: ReplayRequest): Promise<ReplayResult>
  onEvent(listener: (event: PtyEvent) => void): Disposable
  /** The host is gone for good: every session it held is lost. */
  onDown(listener: () => void): Disposable
}
