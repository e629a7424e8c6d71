import type { AttemptStatus } from '../domain/attempt.ts'
import { Failure } from '../domain/failure.ts'

/** What can happen to an attempt. */
export type AttemptEvent =
  | 'queue'
  | 'prepare'
  | 'start'
  | 'run'
  | 'ask'
  | 'finish'
  | 'verify'
  | 'review'
  | 'ready'
  | 'approve'
  | 'land'
  | 'landed'
  | 'trash'
  | 'fail'
  | 'stall'
  | 'lose'
  | 'cancel'
  | 'undo'

const LIVE_ENDS = { fail: 'failed', lose: 'lost', cancel: 'cancelled', trash: 'trashed' } as const

/** The only way from one status to another (DESIGN §1). `undo` takes a verdict back to where the attempt can be judged again. */
const TRANSITIONS: Record<AttemptStatus, Partial<Record<AttemptEvent, AttemptStatus>>> = {
  pending: { prepare: 'preparing', fail: 'failed', cancel: 'cancelled', trash: 'trashed' },
  preparing: { start: 'starting', ...LIVE_ENDS },
  starting: { run: 'running', ask: 'waiting', finish: 'finished', stall: 'stalled', ...LIVE_ENDS },
  running: { ask: 'waiting', finish: 'finished', stall: 'stalled', ...LIVE_ENDS },
  waiting: { run: 'running', finish: 'finished', ...LIVE_ENDS },
  stalled: { run: 'running', ask: 'waiting', finish: 'finished', ...LIVE_ENDS },
  finished: { verify: 'verifying', review: 'reviewing', ready: 'ready', run: 'running', ...LIVE_ENDS },
  verifying: { review: 'reviewing', ready: 'ready', run: 'running', ...LIVE_ENDS },
  // `start`: the agent had ended and is started again with the findings.
  reviewing: { ready: 'ready', run: 'running', start: 'starting', ...LIVE_ENDS },
  // A ready attempt may be told to go on (`run`, `start` when its agent has ended), checked or reviewed again.
  ready: {
    approve: 'mergeable',
    trash: 'trashed',
    run: 'running',
    start: 'starting',
    verify: 'verifying',
    review: 'reviewing',
    cancel: 'cancelled',
  },
  mergeable: {
    land: 'landing',
    undo: 'ready',
    trash: 'trashed',
    fail: 'failed',
    lose: 'lost',
    cancel: 'cancelled',
  },
  // A landing that needs the engineer goes back to be judged again; one that needs a fix goes back to its agent.
  landing: { landed: 'landed', undo: 'ready', trash: 'trashed', start: 'starting', run: 'running' },
  landed: {},
  // An undone verdict goes back to what the attempt was, or to what it became while the verdict stood.
  trashed: {
    undo: 'ready',
    run: 'running',
    finish: 'finished',
    fail: 'failed',
    lose: 'lost',
    cancel: 'cancelled',
  },
  // `queue`: its agent never ran, so it is prepared from the beginning when a slot is free.
  failed: { trash: 'trashed', queue: 'pending', run: 'running', start: 'starting', approve: 'mergeable' },
  lost: {
    queue: 'pending',
    trash: 'trashed',
    run: 'running',
    start: 'starting',
    verify: 'verifying',
    finish: 'finished',
    approve: 'mergeable',
  },
  cancelled: { trash: 'trashed', queue: 'pending', undo: 'ready', start: 'starting', approve: 'mergeable' },
}

/** The status after `event`; throws `illegal_state` when that cannot happen in this status. */
export function nextAttemptStatus(status: AttemptStatus, event: AttemptEvent): AttemptStatus {
  const next = TRANSITIONS[status][event]
  if (!next)
    throw new Failure('illegal_state', `An attempt that is ${status} cannot ${event}.`, { status, event })
  return next
}

/** True when `event` can happen in this status. */
export function canAttempt(status: AttemptStatus, event: AttemptEvent): boolean {
  return TRANSITIONS[status][event] !== undefined
}

const OCCUPYING: ReadonlySet<AttemptStatus> = new Set([
  'preparing',
  'starting',
  'running',
  'waiting',
  'stalled',
])
const OVER: ReadonlySet<AttemptStatus> = new Set(['landed', 'trashed'])
const DECIDABLE: ReadonlySet<AttemptStatus> = new Set(['ready', 'failed', 'lost', 'cancelled'])
const UNFINISHED: ReadonlySet<AttemptStatus> = new Set([
  'pending',
  'preparing',
  'starting',
  'running',
  'waiting',
  'stalled',
  'finished',
  'verifying',
  'reviewing',
])

/** Has a process at work, or is about to: takes one of the slots. */
export const occupiesSlot = (status: AttemptStatus): boolean => OCCUPYING.has(status)
/** Nothing will happen to it any more unless it is restored. */
export const isOver = (status: AttemptStatus): boolean => OVER.has(status)
/** Waits for a verdict. */
export const isDecidable = (status: AttemptStatus): boolean => DECIDABLE.has(status)
/** Still on its way to a verdict without the engineer. */
export const isUnfinished = (status: AttemptStatus): boolean => UNFINISHED.has(status)
