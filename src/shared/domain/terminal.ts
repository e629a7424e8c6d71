import { z } from 'zod'

/** A terminal as a row: never its bytes, which have a channel and files of their own. */
export const Terminal = z.object({
  id: z.string(),
  attemptId: z.string().nullable(),
  /** Grows with every start under the same id: offsets of two epochs cannot be compared. */
  epoch: z.number().int(),
  state: z.enum(['live', 'exited', 'lost']),
  pid: z.number().int().nullable(),
  pidStartedAt: z.string().nullable(),
  exitCode: z.number().int().nullable(),
  /** Durable intent: finished at the next start when we died in between. */
  killRequestedAt: z.number().int().nullable(),
  logPath: z.string(),
  rev: z.number().int(),
  createdAt: z.number().int(),
})
export type Terminal = z.infer<typeof Terminal>
