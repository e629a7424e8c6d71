import { z } from 'zod'
import { Attempt, Check, TrashReason, VerdictKind } from '../domain/attempt.ts'
import { procedure } from './errors.ts'

const ById = z.object({ id: z.string() })

export const FileChange = z.object({
  path: z.string(),
  /** Where it was before a rename. */
  oldPath: z.string().nullable(),
  status: z.enum(['added', 'modified', 'deleted', 'renamed', 'copied', 'typechange', 'untracked']),
  /** null for binary files. */
  added: z.number().int().nullable(),
  removed: z.number().int().nullable(),
})
export type FileChange = z.infer<typeof FileChange>

/** A line of a recording's index: the output from `offset` on was written at `at`. Sizes stand where they changed. */
export const ReplayMark = z.object({
  kind: z.enum(['open', 'size', 'time', 'gap', 'cut', 'exit']),
  /** Place in the stream of bytes. */
  offset: z.number().int(),
  /** Wall clock in ms. */
  at: z.number(),
  cols: z.number().int().optional(),
  rows: z.number().int().optional(),
})
export type ReplayMark = z.infer<typeof ReplayMark>

/** Which of an attempt's runs: its agent may have been started again. The newest by default; fails with `not_found`. */
const Run = z.number().int().min(1).optional()

export const attempts = {
  list: procedure
    .input(z.object({ taskId: z.string().optional(), all: z.boolean().optional() }))
    .output(z.array(Attempt)),
  get: procedure.input(ById).output(Attempt),
  /** The engineer's judgement of exactly `headSha` (when given): fails with `stale_head` if the head moved. */
  verdict: procedure
    .input(
      z.object({
        id: z.string(),
        kind: VerdictKind,
        headSha: z.string().optional(),
        reasons: z.array(TrashReason).default([]),
        note: z.string().max(10_000).default(''),
        /** Required to call an attempt with an open P0 or a red required check mergeable. */
        overrideReason: z.string().max(2_000).optional(),
        /** A fix round while landing may change the diff; without it a changed diff is judged again. */
        allowFixes: z.boolean().optional(),
      }),
    )
    .output(Attempt),
  /** Takes a verdict back within ten seconds, siblings included. */
  undo: procedure.input(ById).output(Attempt),
  /** Brings a kept attempt back into a worktree at its old path and branch. */
  restore: procedure.input(ById).output(Attempt),
  /** Ends the agent; the worktree stays. */
  stop: procedure.input(ById).output(Attempt),
  /** Sends text to the agent as one message and says whether it was delivered. */
  answer: procedure
    .input(z.object({ id: z.string(), text: z.string().min(1).max(200_000) }))
    .output(z.object({ delivered: z.boolean() })),
  /** Continues the same attempt: the agent is started again in the same worktree. */
  resume: procedure.input(ById).output(Attempt),
  /** Goes on with the same attempt as a new turn: typed into its open agent, else its agent is started again with the message. */
  continue: procedure
    .input(
      z.object({
        id: z.string(),
        message: z.string().max(200_000).default(''),
        /** Remarks on lines of the diff, sent with the message. */
        comments: z
          .array(
            z.object({
              path: z.string().min(1).max(4_096),
              line: z.number().int().min(1).nullable().default(null),
              text: z.string().min(1).max(20_000),
            }),
          )
          .max(500)
          .default([]),
      }),
    )
    .output(z.object({ delivered: z.boolean(), way: z.enum(['typed', 'resumed', 'afresh']) })),
  /** Runs the checks of a ready attempt again at the head that it has now; what is new is reviewed as well. */
  verify: procedure.input(ById).output(Attempt),
  /** Stops the checks that run; the attempt becomes ready without them. Fails with `illegal_state` when none run. */
  cancelVerify: procedure.input(ById).output(Attempt),
  /** Changed files against the base, work that is not committed included. */
  changes: procedure
    .input(ById)
    .output(z.object({ baseSha: z.string(), headSha: z.string().nullable(), files: z.array(FileChange) })),
  /** Unified diff against the base, cut at 4 MiB. */
  patch: procedure
    .input(z.object({ id: z.string(), paths: z.array(z.string()).optional() }))
    .output(z.object({ patch: z.string(), truncated: z.boolean() })),
  checkLog: procedure
    .input(z.object({ checkId: z.string() }))
    .output(z.object({ check: Check, text: z.string() })),
  /**
   * Plain text of the terminal from a byte offset on, as it was written; `next` is where to go on. `run` is the run that it is
   * of (0 before the first), `runs` how many there are.
   */
  log: procedure
    .input(
      z.object({
        id: z.string(),
        from: z.number().int().min(0).default(0),
        maxBytes: z.number().int().min(1).max(1_048_576).default(262_144),
        raw: z.boolean().default(false),
        run: Run,
      }),
    )
    .output(
      z.object({
        text: z.string(),
        next: z.number().int(),
        end: z.boolean(),
        live: z.boolean(),
        run: z.number().int(),
        runs: z.number().int(),
      }),
    ),
  /**
   * When what was written in the attempt's terminal: `bytes` is where the recording ends now, `runs` the number of runs
   * that there are. At most 10,000 times.
   */
  marks: procedure.input(ById.extend({ run: Run })).output(
    z.object({
      marks: z.array(ReplayMark),
      bytes: z.number().int(),
      live: z.boolean(),
      runs: z.number().int(),
    }),
  ),
  /** The screen as it was at `offset`, as output that draws it on a reset terminal of that size. */
  screenAt: procedure.input(ById.extend({ offset: z.number().int().min(0), run: Run })).output(
    z.object({
      offset: z.number().int(),
      cols: z.number().int(),
      rows: z.number().int(),
      text: z.string(),
    }),
  ),
}
