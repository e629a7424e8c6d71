import type { AttemptStatus } from '../../shared/domain/attempt.ts'
import type { TaskStatus } from '../../shared/domain/task.ts'
import type { Tone } from './Badge.tsx'

/** Shapes that can be told apart without colour. */
export type StatusShape =
  | 'dashed'
  | 'ring'
  /** Turns: only for what is over in seconds. Each turning sign makes the window draw sixty frames a second. */
  | 'spinner'
  | 'running'
  | 'question'
  | 'check'
  | 'cross'
  | 'pause'
  | 'clock'
  | 'eye'
  | 'flask'
  | 'merge'
  | 'trash'
  | 'stop'
  | 'unplugged'
  | 'rework'
  | 'draft'
  | 'scale'

export interface StatusLook {
  shape: StatusShape
  tone: Tone
  text: string
}

/** How each status of an attempt looks and reads. */
export const ATTEMPT_LOOK: Record<AttemptStatus, StatusLook> = {
  pending: { shape: 'dashed', tone: 'quiet', text: 'waiting for a slot' },
  preparing: { shape: 'spinner', tone: 'run', text: 'preparing' },
  starting: { shape: 'spinner', tone: 'run', text: 'starting' },
  running: { shape: 'running', tone: 'run', text: 'running' },
  waiting: { shape: 'question', tone: 'warn', text: 'asks you' },
  finished: { shape: 'ring', tone: 'run', text: 'finished' },
  verifying: { shape: 'flask', tone: 'run', text: 'verifying' },
  reviewing: { shape: 'eye', tone: 'run', text: 'in review' },
  ready: { shape: 'check', tone: 'ok', text: 'ready' },
  mergeable: { shape: 'merge', tone: 'accent', text: 'mergeable' },
  landing: { shape: 'merge', tone: 'accent', text: 'landing' },
  landed: { shape: 'merge', tone: 'ok', text: 'landed' },
  trashed: { shape: 'trash', tone: 'quiet', text: 'trashed' },
  failed: { shape: 'cross', tone: 'bad', text: 'failed' },
  stalled: { shape: 'pause', tone: 'warn', text: 'stalled' },
  lost: { shape: 'unplugged', tone: 'bad', text: 'lost' },
  cancelled: { shape: 'stop', tone: 'quiet', text: 'stopped' },
}

/** How each status of a task looks and reads. */
export const TASK_LOOK: Record<TaskStatus, StatusLook> = {
  draft: { shape: 'draft', tone: 'quiet', text: 'draft' },
  queued: { shape: 'clock', tone: 'quiet', text: 'queued' },
  working: { shape: 'running', tone: 'run', text: 'working' },
  deciding: { shape: 'scale', tone: 'warn', text: 'deciding' },
  landing: { shape: 'merge', tone: 'accent', text: 'landing' },
  landed: { shape: 'check', tone: 'ok', text: 'landed' },
  rework: { shape: 'rework', tone: 'warn', text: 'rework' },
  abandoned: { shape: 'stop', tone: 'quiet', text: 'abandoned' },
}
