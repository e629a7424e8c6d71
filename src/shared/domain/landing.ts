import { z } from 'zod'

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
  status: z.enum(['active', 'waiting', 'paused', 'landed', 'failed', 'removed']),
  /** Why it waits or failed, as one sentence. */
  reason: z.string().nullable(),
  method: LandMethod,
  allowFixes: z.boolean(),
  /** Order within the lane; lower goes first. */
  rank: z.number(),
  fixes: z.number().int(),
  expectedBaseSha: z.string().nullable(),
  landedSha: z.string().nullable(),
  rev: z.number().int(),
  startedAt: z.number().int(),
  endedAt: z.number().int().nullable(),
})
export type LandRun = z.infer<typeof LandRun>
