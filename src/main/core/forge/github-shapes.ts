import { z } from 'zod'
import type { CheckConclusion, Mergeability, PullReview } from '../../../shared/domain/pull.ts'
import { type ForgeCheck, type ForgeComment, type ForgePull, splitMark } from './forge.ts'

// What we read of GitHub's answers, and how it maps to our words. Everything else in an answer is ignored.

const User = z.object({ login: z.string(), type: z.string().optional() }).nullish()
const when = (text: string | null | undefined) => {
  const at = text ? Date.parse(text) : Number.NaN
  return Number.isFinite(at) ? at : null
}

export const PullShape = z.object({
  number: z.number().int(),
  html_url: z.string(),
  node_id: z.string().optional(),
  title: z.string(),
  body: z.string().nullish(),
  state: z.enum(['open', 'closed']),
  draft: z.boolean().nullish(),
  merged_at: z.string().nullish(),
  merged: z.boolean().nullish(),
  merge_commit_sha: z.string().nullish(),
  mergeable: z.boolean().nullish(),
  mergeable_state: z.string().nullish(),
  user: User,
  head: z.object({ ref: z.string(), sha: z.string(), label: z.string().nullish() }),
  base: z.object({ ref: z.string(), sha: z.string() }),
  labels: z.array(z.object({ name: z.string() })).nullish(),
})
export type PullShape = z.infer<typeof PullShape>

export function pullOf(shape: PullShape): ForgePull {
  const merged = shape.merged === true || Boolean(shape.merged_at)
  return {
    number: shape.number,
    url: shape.html_url,
    title: shape.title,
    body: shape.body ?? '',
    state: merged ? 'merged' : shape.state,
    draft: shape.draft === true,
    author: shape.user?.login ?? 'unknown',
    headBranch: shape.head.ref,
    headSha: shape.head.sha,
    baseBranch: shape.base.ref,
    labels: (shape.labels ?? []).map((label) => label.name),
    mergeability: merged || shape.state === 'closed' ? 'unknown' : mergeabilityOf(shape),
    // Of an open pull request it is a trial merge, which is on no branch.
    mergedSha: merged ? (shape.merge_commit_sha ?? null) : null,
  }
}

function mergeabilityOf(shape: PullShape): Mergeability {
  if (shape.draft === true) return 'draft'
  if (shape.mergeable === false || shape.mergeable_state === 'dirty') return 'conflict'
  // GitHub computes it in the background: until then it says null.
  if (shape.mergeable === null || shape.mergeable === undefined) return 'unknown'
  switch (shape.mergeable_state) {
    case 'behind':
      return 'behind'
    case 'blocked':
      return 'blocked'
    case 'unknown':
      return 'unknown'
    default:
      return 'clean'
  }
}

export const CheckRunShape = z.object({
  id: z.number(),
  name: z.string(),
  head_sha: z.string(),
  status: z.string(),
  conclusion: z.string().nullish(),
  html_url: z.string().nullish(),
  details_url: z.string().nullish(),
  started_at: z.string().nullish(),
  completed_at: z.string().nullish(),
  check_suite: z.object({ id: z.number() }).nullish(),
  output: z
    .object({ title: z.string().nullish(), summary: z.string().nullish(), text: z.string().nullish() })
    .nullish(),
})

const CONCLUSIONS: Readonly<Record<string, CheckConclusion>> = {
  success: 'success',
  neutral: 'neutral',
  skipped: 'skipped',
  failure: 'failure',
  startup_failure: 'failure',
  timed_out: 'timed_out',
  cancelled: 'cancelled',
  action_required: 'action_required',
  stale: 'stale',
}

/** A conclusion that we do not know is no success. */
const conclusionOf = (text: string | null | undefined): CheckConclusion =>
  CONCLUSIONS[text ?? ''] ?? 'failure'

export function checkOfRun(shape: z.infer<typeof CheckRunShape>): ForgeCheck {
  const completed = shape.status === 'completed'
  const summary = [shape.output?.title, shape.output?.summary, shape.output?.text].filter(Boolean).join('\n')
  return {
    externalId: String(shape.id),
    name: shape.name,
    context: shape.name,
    kind: 'run',
    status: completed ? 'completed' : shape.status === 'in_progress' ? 'running' : 'queued',
    conclusion: completed ? conclusionOf(shape.conclusion) : null,
    url: shape.html_url ?? shape.details_url ?? null,
    startedAt: when(shape.started_at),
    completedAt: when(shape.completed_at),
    summary: summary || null,
  }
}

export const StatusesShape = z.object({
  sha: z.string(),
  statuses: z.array(
    z.object({
      id: z.number(),
      context: z.string(),
      state: z.string(),
      description: z.string().nullish(),
      target_url: z.string().nullish(),
      created_at: z.string().nullish(),
      updated_at: z.string().nullish(),
    }),
  ),
})

export function checkOfStatus(status: z.infer<typeof StatusesShape>['statuses'][number]): ForgeCheck {
  const pending = status.state === 'pending'
  return {
    externalId: String(status.id),
    name: status.context,
    context: status.context,
    kind: 'status',
    status: pending ? 'running' : 'completed',
    conclusion: pending ? null : status.state === 'success' ? 'success' : 'failure',
    url: status.target_url ?? null,
    startedAt: when(status.created_at),
    completedAt: pending ? null : when(status.updated_at),
    summary: status.description ?? null,
  }
}

export const ReviewShape = z.object({
  id: z.number(),
  user: User,
  body: z.string().nullish(),
  state: z.string(),
  commit_id: z.string().nullish(),
  submitted_at: z.string().nullish(),
})

const REVIEW_STATES: Readonly<Record<string, PullReview['state']>> = {
  APPROVED: 'approved',
  CHANGES_REQUESTED: 'changes_requested',
  COMMENTED: 'commented',
  DISMISSED: 'dismissed',
  PENDING: 'pending',
}

export function reviewOf(shape: z.infer<typeof ReviewShape>): PullReview {
  return {
    author: shape.user?.login ?? 'unknown',
    state: REVIEW_STATES[shape.state.toUpperCase()] ?? 'commented',
    headSha: shape.commit_id ?? null,
    at: when(shape.submitted_at),
  }
}

export const CommentShape = z.object({
  id: z.number(),
  user: User,
  body: z.string().nullish(),
  created_at: z.string(),
  path: z.string().nullish(),
  line: z.number().nullish(),
  original_line: z.number().nullish(),
  commit_id: z.string().nullish(),
  in_reply_to_id: z.number().nullish(),
})

export function commentOf(shape: {
  id: number
  user?: z.infer<typeof User>
  body?: string | null | undefined
  created_at: string
}): ForgeComment {
  const { body, mark } = splitMark(shape.body ?? '')
  return {
    externalId: String(shape.id),
    author: shape.user?.login ?? 'unknown',
    bot: shape.user?.type === 'Bot',
    body,
    mark,
    at: when(shape.created_at) ?? 0,
  }
}
