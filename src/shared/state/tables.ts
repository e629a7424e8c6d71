import { z } from 'zod'
import { Attempt, Check, Finding } from '../domain/attempt.ts'
import { Fact } from '../domain/fact.ts'
import { LandRun } from '../domain/landing.ts'
import { Pull, PullCheck, ReviewThread } from '../domain/pull.ts'
import { Repository } from '../domain/repository.ts'
import { Evidence, Review } from '../domain/review.ts'
import { Lesson, Round, Task } from '../domain/task.ts'
import { Terminal } from '../domain/terminal.ts'
import { WorkflowState } from '../domain/workflow.ts'

/** The rows that clients mirror, by table. Every row has `id` and `rev`. */
export const ROW_SCHEMAS = {
  repositories: Repository,
  tasks: Task,
  rounds: Round,
  attempts: Attempt,
  checks: Check,
  findings: Finding,
  lessons: Lesson,
  terminals: Terminal,
  landRuns: LandRun,
  pulls: Pull,
  pullChecks: PullCheck,
  reviewThreads: ReviewThread,
  evidence: Evidence,
  reviews: Review,
  workflows: WorkflowState,
} as const

export type TableName = keyof typeof ROW_SCHEMAS
export type Row<T extends TableName> = z.infer<(typeof ROW_SCHEMAS)[T]>
export const TABLE_NAMES = Object.keys(ROW_SCHEMAS) as TableName[]

/** Current rows of any of the tables. */
export const Rows = z.object({
  repositories: z.array(Repository).optional(),
  tasks: z.array(Task).optional(),
  rounds: z.array(Round).optional(),
  attempts: z.array(Attempt).optional(),
  checks: z.array(Check).optional(),
  findings: z.array(Finding).optional(),
  lessons: z.array(Lesson).optional(),
  terminals: z.array(Terminal).optional(),
  landRuns: z.array(LandRun).optional(),
  pulls: z.array(Pull).optional(),
  pullChecks: z.array(PullCheck).optional(),
  reviewThreads: z.array(ReviewThread).optional(),
  evidence: z.array(Evidence).optional(),
  reviews: z.array(Review).optional(),
  workflows: z.array(WorkflowState).optional(),
})
export type Rows = z.infer<typeof Rows>

/** What changes too often to be worth a fact: lost signals are simply overtaken by later ones. */
export const Signal = z.object({
  attemptId: z.string(),
  /** When its terminal last printed something. */
  outputAt: z.number().optional(),
  /** Progress of the current preparing step, 0 to 1. */
  progress: z.number().optional(),
  /** Title that the agent gave its terminal: hostile text, already cut and cleaned. */
  title: z.string().optional(),
  /** The checks at work; null when they are through. */
  verify: z
    .object({
      done: z.number().int(),
      total: z.number().int(),
      /** Names of the checks that run now. */
      running: z.array(z.string()),
      /** Last line that one of them printed: already cleaned and redacted. */
      line: z.string(),
    })
    .nullable()
    .optional(),
})
export type Signal = z.infer<typeof Signal>

/**
 * What a subscriber gets. First a `snapshot` (or a `delta` when it knew a recent `seq` of this `epoch`), then `delta`s
 * whose `from` is the `to` of the one before; another `from` is a gap: subscribe again. `epoch` names one life of the
 * core's database; `seq`, `from` and `to` count its commits.
 */
export const StatePush = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('snapshot'),
    epoch: z.string(),
    to: z.number(),
    rows: Rows,
    facts: z.array(Fact),
  }),
  z.object({
    type: z.literal('delta'),
    epoch: z.string(),
    from: z.number(),
    to: z.number(),
    rows: Rows,
    removed: z.array(z.object({ table: z.string(), id: z.string() })),
    facts: z.array(Fact),
  }),
  z.object({ type: z.literal('signals'), signals: z.array(Signal) }),
])
export type StatePush = z.infer<typeof StatePush>
