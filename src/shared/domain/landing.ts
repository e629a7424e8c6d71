import { z } from 'zod'
import { Verdict } from './attempt.ts'

/** Phases of one landing, in order. Each reads first what is already done, so that it can be entered again after any crash. */
export const LandPhase = z.enum([
  'queued',
  'gate',
  'integrate',
  'verify',
  'push',
  'pull',
  'checks',
  'merge',
  'confirm',
  'cleanup',
  'done',
])
export type LandPhase = z.infer<typeof LandPhase>

export const LandMethod = z.enum(['squash', 'merge', 'rebase'])
export type LandMethod = z.infer<typeof LandMethod>

/** The landing of one attempt in the lane of its repository and base branch. */
export const LandRun = z.object({
  id: z.string(),
  repoId: z.string(),
  taskId: z.string(),
  attemptId: z.string(),
  baseBranch: z.string(),
  phase: LandPhase,
  /**
   * `active` holds its lane (also while checks run); `waiting` (for a person, a clean base, a forge that answers) and
   * `fixing` (its agent is at it again) let the next one pass and come back to their place.
   */
  status: z.enum(['active', 'waiting', 'fixing', 'paused', 'landed', 'failed', 'removed']),
  /** Why it waits or failed, as one sentence. */
  reason: z.string().nullable(),
  method: LandMethod,
  allowFixes: z.boolean(),
  /** Order within the lane; lower goes first. */
  rank: z.number(),
  fixes: z.number().int(),
  /** The verdict that lets it land; kept here while a fix round clears it from the attempt. */
  verdict: Verdict.nullable(),
  /** The commit that was judged, or that has the very same change. */
  reviewedSha: z.string().nullable(),
  /** The commit that lands: the judged one with the base merged in, and fixes. */
  headSha: z.string().nullable(),
  /** What we last put on the remote branch: anything else there is somebody else's. */
  pushedSha: z.string().nullable(),
  pullId: z.string().nullable(),
  /** When a wait is over, wall clock in ms; null when only an event ends it. */
  waitUntil: z.number().int().nullable(),
  /** What the next fix round is told, until the agent has got it. */
  fixMessage: z.string().nullable(),
  expectedBaseSha: z.string().nullable(),
  landedSha: z.string().nullable(),
  rev: z.number().int(),
  startedAt: z.number().int(),
  endedAt: z.number().int().nullable(),
})
export type LandRun = z.infer<typeof LandRun>
