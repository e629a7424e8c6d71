import { z } from 'zod'
import { ForgeKind } from './repository.ts'

/**
 * Can the forge merge it? `unknown` is a value of its own: the forge has not said yet, or could not be asked. `behind`
 * and `blocked` are clean merges that the forge's rules do not let through as they are.
 */
export const Mergeability = z.enum(['clean', 'behind', 'conflict', 'blocked', 'draft', 'unknown'])
export type Mergeability = z.infer<typeof Mergeability>

/** What the reviewers decided all in all; `none` when nobody is asked, `unknown` when that could not be read. */
export const ReviewDecision = z.enum(['approved', 'changes_requested', 'review_required', 'none', 'unknown'])
export type ReviewDecision = z.infer<typeof ReviewDecision>

export const PullReview = z.object({
  author: z.string(),
  state: z.enum(['approved', 'changes_requested', 'commented', 'dismissed', 'pending']),
  /** The commit that was reviewed: another head makes it old. */
  headSha: z.string().nullable(),
  at: z.number().int().nullable(),
})
export type PullReview = z.infer<typeof PullReview>

/** What all checks of the head say together. `none`: the forge runs nothing for it; `unknown`: not all could be read. */
export const ChecksVerdict = z.enum(['green', 'red', 'running', 'none', 'unknown'])
export type ChecksVerdict = z.infer<typeof ChecksVerdict>

/** A pull request as it was last observed. The local forge's are records of ours with the same fields. */
export const Pull = z.object({
  id: z.string(),
  repoId: z.string(),
  taskId: z.string(),
  attemptId: z.string(),
  forge: ForgeKind,
  number: z.number().int(),
  /** Where it can be looked at; null on the local forge. */
  url: z.string().nullable(),
  title: z.string(),
  state: z.enum(['open', 'merged', 'closed']),
  draft: z.boolean(),
  author: z.string(),
  headBranch: z.string(),
  headSha: z.string(),
  baseBranch: z.string(),
  labels: z.array(z.string()),
  mergeability: Mergeability,
  /** Commits that the base has and the head has not, and the other way round; null when not known. */
  behind: z.number().int().nullable(),
  ahead: z.number().int().nullable(),
  decision: ReviewDecision,
  reviews: z.array(PullReview),
  checks: ChecksVerdict,
  /** Threads that wait for an answer of ours; null when they could not be read. */
  unresolved: z.number().int().nullable(),
  /** Place in the forge's own merge queue, from 1; null when it is not queued. */
  queuePosition: z.number().int().nullable(),
  /** The commit on the base that holds the change, once merged. */
  mergedSha: z.string().nullable(),
  /** When the forge last answered; what is shown is as of then. */
  observedAt: z.number().int().nullable(),
  /** Since when it could not be observed any more, and why; null while it can. */
  staleSince: z.number().int().nullable(),
  problem: z.string().nullable(),
  rev: z.number().int(),
  createdAt: z.number().int(),
})
export type Pull = z.infer<typeof Pull>

/** How a check of the forge ended. Only `success`, `neutral` and `skipped` let a change pass. */
export const CheckConclusion = z.enum([
  'success',
  'neutral',
  'skipped',
  'failure',
  'timed_out',
  'cancelled',
  'action_required',
  'stale',
])
export type CheckConclusion = z.infer<typeof CheckConclusion>

/** One check of a pull request, of exactly one commit. */
export const PullCheck = z.object({
  id: z.string(),
  pullId: z.string(),
  headSha: z.string(),
  /** The forge's own id; names what can be run again. */
  externalId: z.string(),
  name: z.string(),
  kind: z.enum(['run', 'status', 'gate']),
  status: z.enum(['queued', 'running', 'completed']),
  conclusion: CheckConclusion.nullable(),
  required: z.boolean(),
  url: z.string().nullable(),
  /** What a person or an agent needs of a red check's log, few lines; null when no log could be read. */
  excerpt: z.string().nullable(),
  startedAt: z.number().int().nullable(),
  completedAt: z.number().int().nullable(),
  /** When it was told to the agent; told once per commit. */
  sentAt: z.number().int().nullable(),
  /** It was run again as a likely flake. */
  retried: z.boolean(),
  rev: z.number().int(),
})
export type PullCheck = z.infer<typeof PullCheck>

export const ThreadComment = z.object({
  externalId: z.string(),
  author: z.string(),
  bot: z.boolean(),
  /** Written by Quartet (it carries our mark). */
  own: z.boolean(),
  /** Markdown of somebody else: shown inert. */
  body: z.string(),
  at: z.number().int(),
})
export type ThreadComment = z.infer<typeof ThreadComment>

/** The author's answer to a thread: as in the ledger of findings. */
export const ThreadAnswer = z.object({
  kind: z.enum(['accept', 'clarify', 'push_back']),
  text: z.string(),
  /** The commit that carried it, or `engineer`. */
  by: z.string(),
  /** When the forge had it; null until then. */
  postedAt: z.number().int().nullable(),
})
export type ThreadAnswer = z.infer<typeof ThreadAnswer>

/** One conversation on a pull request: at a line, or on the whole. */
export const ReviewThread = z.object({
  id: z.string(),
  pullId: z.string(),
  /** Short name under which the agent answers: `t1`, `t2`, … */
  name: z.string(),
  externalId: z.string(),
  kind: z.enum(['line', 'review', 'comment']),
  path: z.string().nullable(),
  line: z.number().int().nullable(),
  headSha: z.string().nullable(),
  /** Null when the forge does not say. */
  resolved: z.boolean().nullable(),
  comments: z.array(ThreadComment),
  /** The ledger's finding that stands for it; null for bots. */
  findingId: z.string().nullable(),
  /** The newest comment that was sent to the agent: a later one makes the thread new again. */
  sentThrough: z.string().nullable(),
  answer: ThreadAnswer.nullable(),
  rev: z.number().int(),
  updatedAt: z.number().int(),
})
export type ReviewThread = z.infer<typeof ReviewThread>

/** True while somebody else had the last word and it was neither resolved nor answered. */
export function isOpenThread(thread: Pick<ReviewThread, 'resolved' | 'comments' | 'answer'>): boolean {
  if (thread.resolved === true || thread.comments.length === 0) return false
  if (thread.comments.at(-1)?.own) return false
  return thread.answer === null
}
