import { z } from 'zod'
import { Attempt, Finding } from '../domain/attempt.ts'
import { Overlap } from '../domain/review.ts'
import { procedure } from './errors.ts'

const Pair = z.object({ a: z.string(), b: z.string() })
const ComparedFile = z.object({
  path: z.string(),
  /** null for binary files. */
  added: z.number().int().nullable(),
  removed: z.number().int().nullable(),
})

/** What helps to judge: reviewers and their findings, attempts beside each other, who will conflict with whom. */
export const review = {
  /** Checks and reviews a ready attempt again at its head, whatever was reviewed before. */
  run: procedure.input(z.object({ id: z.string() })).output(Attempt),
  /** The engineer's word on a finding; all but `open`, `accepted` and `resolved` need a reason. `deferred` makes a draft task. */
  answer: procedure
    .input(
      z.object({
        findingId: z.string(),
        status: Finding.shape.status,
        answer: z.string().max(4_000).default(''),
      }),
    )
    .output(Finding),
  /** Sends the attempt's open findings to its author as one message; fails with `illegal_state` when there are none. */
  ask: procedure.input(z.object({ id: z.string() })).output(z.object({ delivered: z.boolean() })),
  /** One screenshot of an evidence row, by its `name`. */
  picture: procedure
    .input(z.object({ evidenceId: z.string(), name: z.string().max(100) }))
    .output(z.object({ mime: z.string(), base64: z.string() })),
  /** Which live attempts of different tasks of a repository conflict with each other or with the base (`b: null`), as git merges them. */
  overlaps: procedure.input(z.object({ repoId: z.string() })).output(
    z.object({
      at: z.number(),
      attempts: z.array(z.string()),
      overlaps: z.array(Overlap),
      clean: z.number().int(),
      /** Pairs of which nothing is known (yet): ask again. */
      unchecked: z.number().int(),
      /** Attempts with work that is not committed, which no merge can see. */
      uncommitted: z.array(z.string()),
    }),
  ),
  /** Two attempts of one repository beside each other; committed work only. */
  compare: procedure.input(Pair).output(
    z.object({
      a: z.object({ attemptId: z.string(), sha: z.string() }),
      b: z.object({ attemptId: z.string(), sha: z.string() }),
      /** Lines against each one's own base. */
      onlyA: z.array(ComparedFile),
      onlyB: z.array(ComparedFile),
      same: z.array(ComparedFile),
      /** Lines from A to B. */
      differing: z.array(ComparedFile),
    }),
  ),
  /** Unified diff from A to B, cut at 4 MiB. */
  patch: procedure
    .input(Pair.extend({ paths: z.array(z.string()).optional() }))
    .output(z.object({ patch: z.string(), truncated: z.boolean() })),
  /**
   * One side of a changed picture (PNG, JPEG, GIF, WebP by content, up to 4 MiB): the attempt's own, or that of its base or
   * of the attempt `against`. Fails with `not_found`, `limit`, or `invalid_input` for what is no picture.
   */
  blob: procedure
    .input(
      z.object({
        id: z.string(),
        path: z.string().min(1).max(4_096),
        side: z.enum(['old', 'new']),
        against: z.string().nullable().default(null),
      }),
    )
    .output(
      z.object({
        mime: z.string(),
        /** px */
        width: z.number().int(),
        height: z.number().int(),
        bytes: z.number().int(),
        base64: z.string(),
      }),
    ),
  /** How long the engineer took from ready to verdict. */
  decisionTimes: procedure.input(z.object({ repoId: z.string().optional() })).output(
    z.object({
      count: z.number().int(),
      medianMs: z.number().nullable(),
      p90Ms: z.number().nullable(),
      recent: z.array(
        z.object({
          attemptId: z.string().nullable(),
          taskId: z.string().nullable(),
          kind: z.string(),
          at: z.number(),
          ms: z.number(),
        }),
      ),
    }),
  ),
  /** Goes on without the analysis that is under way: the lesson keeps what the facts teach. */
  stopAnalysis: procedure.input(z.object({ taskId: z.string() })).output(z.object({ ok: z.literal(true) })),
}
