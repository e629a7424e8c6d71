import type { MessagePort } from 'node:worker_threads'

/** How often the window paints: as soon as it can (figures end at “parsed”), or sixty times a second like a screen. */
export type Frames = 'at once' | '60 Hz'

export interface WindowStart {
  wire: MessagePort
  frames: Frames
}

export type WindowRequest = { re: number } & (
  | { ask: 'open'; terminalId: string; focused: boolean; visible: boolean; cols: number; rows: number }
  | { ask: 'close'; view: number }
  /** Types, and starts the clock of `seen`. */
  | { ask: 'type'; view: number; text: string }
  /** Ms since `type` until this text was parsed. */
  | { ask: 'seen'; view: number; text: string }
  | { ask: 'echo'; view: number; count: number; everyMs: number }
  /** Stops reading for good. */
  | { ask: 'freeze'; view: number }
  | { ask: 'screen'; view: number }
  | { ask: 'parsed'; view: number }
)

/** Without `re`, of every kind. */
export type WindowAsk = WindowRequest extends infer R
  ? R extends WindowRequest
    ? Omit<R, 're'>
    : never
  : never

export interface WindowReply {
  re: number
  value: number | string | number[]
}
