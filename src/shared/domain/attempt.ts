import { z } from 'zod'
import { Slot } from './task.ts'

export const AttemptStatus = z.enum([
  'pending',
  'preparing',
  'starting',
  'running',
  'waiting',
  'finished',
  'verifying',
  'reviewing',
  'ready',
  'mergeable',
  'landing',
  'landed',
  'trashed',
  'failed',
  'stalled',
  'lost',
  'cancelled',
])
export type AttemptStatus = z.infer<typeof AttemptStatus>

/** Why a thing waits for the engineer, and since when. */
export const Attention = z.object({
  kind: z.enum([
    'crash',
    'question',
    'verdict',
    'conflict',
    'base_dirty',
    'ci_stuck',
    'stalled',
    'auth',
    'limit',
    'trust',
    'not_delivered',
    'tamper',
    'rework',
  ]),
  since: z.number().int(),
  /** One sentence, or the agent's question itself. */
  detail: z.string(),
  /** Answers that the agent offers; it may be told something else, too. */
  options: z.array(z.string()).optional(),
})
export type Attention = z.infer<typeof Attention>

/** Where a status comes from; with `statusAt` the reader can judge it. */
export const StatusSource = z.enum(['core', 'process', 'hook', 'output', 'screen', 'engineer'])
export type StatusSource = z.infer<typeof StatusSource>

export const VerdictKind = z.enum(['mergeable', 'trash'])
export type VerdictKind = z.infer<typeof VerdictKind>

/** Tags that say why an attempt was trashed: data for statistics, so the set is closed and `other` has the note. */
export const TrashReason = z.enum([
  'wrong approach',
  'misread the brief',
  'incomplete',
  'breaks things',
  'checks red',
  'too large',
  'poor quality',
  'no tests',
  'lost to sibling',
  'other',
])
export type TrashReason = z.infer<typeof TrashReason>

export const Verdict = z.object({
  kind: VerdictKind,
  /** The commit that was judged. */
  headSha: z.string().nullable(),
  reasons: z.array(TrashReason),
  note: z.string(),
  at: z.number().int(),
  /** Until when it can be undone; its effects (siblings, landing, removal) begin after that. */
  undoUntil: z.number().int(),
  /** The status that it was given in: what an undo goes back to. */
  from: AttemptStatus,
  /** A fix round while landing may change the diff; without it a changed diff is judged again. */
  allowFixes: z.boolean().optional(),
  /** Checks that were red and were overridden with a reason: they do not hold the landing up. */
  acceptedChecks: z.array(z.string()).optional(),
})
export type Verdict = z.infer<typeof Verdict>

export const Diffstat = z.object({
  files: z.number().int(),
  added: z.number().int(),
  removed: z.number().int(),
  /** Work that is not committed is part of the figures. */
  uncommitted: z.boolean(),
})
export type Diffstat = z.infer<typeof Diffstat>

/** Tokens and money of one attempt as far as they are known; cost is null when a price is unknown. */
export const Usage = z.object({
  inputTokens: z.number(),
  cachedTokens: z.number(),
  outputTokens: z.number(),
  /** US dollars. */
  cost: z.number().nullable(),
  turns: z.number().int(),
  toolCalls: z.number().int(),
  toolFailures: z.number().int(),
  compactions: z.number().int(),
})
export type Usage = z.infer<typeof Usage>

/** Steps of `preparing`, in order; each is idempotent. */
export const PrepareStep = z.enum(['worktree', 'checkout', 'files', 'hook', 'agent'])
export type PrepareStep = z.infer<typeof PrepareStep>

/** How an attempt came to its end. */
export const EndReason = z.enum([
  'exited',
  'exited_with_error',
  'agent_missing',
  'prepare_failed',
  'stopped',
  'lost_to_sibling',
  'terminal_lost',
  'worktree_missing',
])
export type EndReason = z.infer<typeof EndReason>

/** Size of the block of ports of an attempt: enough for a web server, its database, a debugger and what else a build opens. */
export const PORTS_PER_ATTEMPT = 10

/** One agent, one worktree, one branch, one terminal. Path and branch never change during its life. */
export const Attempt = z.object({
  id: z.string(),
  taskId: z.string(),
  repoId: z.string(),
  roundId: z.string(),
  round: z.number().int(),
  n: z.number().int(),
  agent: z.string(),
  slot: Slot,
  status: AttemptStatus,
  statusAt: z.number().int(),
  statusSource: StatusSource,
  /** Details of the status as one sentence (why it failed, who it lost to). */
  reason: z.string().nullable(),
  step: PrepareStep.nullable(),
  endReason: EndReason.nullable(),
  attention: Attention.nullable(),
  worktree: z.string(),
  branch: z.string(),
  baseSha: z.string(),
  headSha: z.string().nullable(),
  diffstat: Diffstat.nullable(),
  terminalId: z.string().nullable(),
  /** The agent's own id of its conversation, for resuming. */
  sessionRef: z.string().nullable(),
  usage: Usage.nullable(),
  verdict: Verdict.nullable(),
  /** `refs/quartet/trash/…` that keeps the full state once the worktree is gone. */
  trashRef: z.string().nullable(),
  /** First of the block of ports that its programs may listen on; null before it started and once it is over. */
  portBase: z.number().int().nullable(),
  /** Names and size of ignored files that the kept state does not hold. */
  ignoredFiles: z.number().int().nullable(),
  rev: z.number().int(),
  createdAt: z.number().int(),
  startedAt: z.number().int().nullable(),
  readyAt: z.number().int().nullable(),
  endedAt: z.number().int().nullable(),
})
export type Attempt = z.infer<typeof Attempt>

/** A command that the app runs itself, the same for every attempt. */
export const Check = z.object({
  id: z.string(),
  attemptId: z.string(),
  name: z.string(),
  command: z.string(),
  required: z.boolean(),
  status: z.enum(['queued', 'running', 'passed', 'failed', 'timed_out', 'cancelled']),
  exitCode: z.number().int().nullable(),
  /** The commit that was checked: another head makes this stale. */
  headSha: z.string(),
  durationMs: z.number().nullable(),
  /** What a person or an agent needs to act on, few lines; empty when it passed. */
  summary: z.string(),
  rev: z.number().int(),
  startedAt: z.number().int().nullable(),
})
export type Check = z.infer<typeof Check>

/** One remark of a reviewer. */
export const Finding = z.object({
  id: z.string(),
  attemptId: z.string(),
  headSha: z.string(),
  reviewer: z.string(),
  priority: z.enum(['P0', 'P1', 'P2', 'P3']),
  confidence: z.number().min(0).max(1),
  file: z.string().nullable(),
  line: z.number().int().nullable(),
  title: z.string(),
  body: z.string(),
  status: z.enum(['open', 'accepted', 'clarified', 'pushed_back', 'deferred', 'resolved']),
  answer: z.string().nullable(),
  /** Whose word the status is: an author's own pushing back does not lift a P0. */
  answeredBy: z.enum(['author', 'engineer', 'reviewer']).nullable(),
  rev: z.number().int(),
  createdAt: z.number().int(),
})
export type Finding = z.infer<typeof Finding>
