import type {
  CheckConclusion,
  Mergeability,
  PullReview,
  ReviewDecision,
} from '../../../shared/domain/pull.ts'

// What a landing needs of a forge. An adapter knows no peer: it answers what it is asked, throws `Failure`s with the codes
// `forge_*`, and gives "unknown" where the forge did not say. It keeps no state but caches.

export interface ForgePull {
  number: number
  /** Where a person looks at it; null where there is no such place. */
  url: string | null
  title: string
  body: string
  state: 'open' | 'merged' | 'closed'
  draft: boolean
  author: string
  headBranch: string
  headSha: string
  baseBranch: string
  labels: string[]
  mergeability: Mergeability
  /** The commit on the base that holds the change, once merged. */
  mergedSha: string | null
}

export interface ForgeCheck {
  externalId: string
  /** One of its kind per commit: two workflows with a job of the same name are `test` and `test (2)`. */
  name: string
  /** The name by which rules require it. */
  context: string
  /** A check run, a commit status, or (local forge) a command of the verify gate. */
  kind: 'run' | 'status' | 'gate'
  status: 'queued' | 'running' | 'completed'
  /** Null until it is completed. */
  conclusion: CheckConclusion | null
  url: string | null
  startedAt: number | null
  completedAt: number | null
  /** What the check itself says about its result; null when it says nothing here. */
  summary: string | null
}

export interface ForgeChecks {
  /** The newest run of each check, of exactly the commit that was asked for. */
  checks: ForgeCheck[]
  /** Sources that this token may not read, in words: what they hold is not known. */
  unreadable: string[]
}

export interface ForgeThread {
  externalId: string
  /** `line` at a place in the diff, `review` the text of a review, `comment` on the whole pull request. */
  kind: 'line' | 'review' | 'comment'
  path: string | null
  line: number | null
  headSha: string | null
  /** Null when the forge does not say. */
  resolved: boolean | null
  /** Oldest first. */
  comments: ForgeComment[]
}

export interface ForgeComment {
  externalId: string
  author: string
  bot: boolean
  /** Without our mark. */
  body: string
  /** The mark that Quartet left in it (`reply:…`); null for what others wrote. */
  mark: string | null
  at: number
}

/** What people (and bots) say of a pull request. */
export interface ForgeReviewState {
  reviews: PullReview[]
  decision: ReviewDecision
  threads: ForgeThread[]
  /** Place in the merge queue, from 1; null when it is not queued. */
  queuePosition: number | null
}

/** Rules of a branch; null means that the forge would not say. */
export interface ForgeProtection {
  protected: boolean
  requiredChecks: string[] | null
  requiredApprovals: number | null
  /** Merges go through the forge's own queue. */
  mergeQueue: boolean
}

export interface OpenPull {
  headBranch: string
  headSha: string
  baseBranch: string
  title: string
  body: string
  draft: boolean
}

export interface MergePull {
  number: number
  /** The head that was verified: the forge refuses any other. */
  expectedHead: string
  /** The base that it was verified on; only the local forge can refuse another one. */
  expectedBase: string
  method: 'squash' | 'merge' | 'rebase'
  title: string
  message: string
}

export type MergeOutcome = { state: 'merged'; sha: string } | { state: 'queued' }

/** How much of the forge's budget of requests is left. */
export interface ForgeRate {
  limit: number
  remaining: number
  /** Our wall clock in ms. */
  resetsAt: number
}

/**
 * One repository on one forge. Every call may fail with `forge_unauthorized` (the token is wrong or was revoked),
 * `forge_forbidden`, `forge_not_found`, `forge_conflict` (409; also a merge that the rules refuse), `forge_rejected` (422),
 * `forge_rate_limited` (data: resetsAt in ms, secondary), `forge_unavailable` (5xx, time-out, network, an answer that broke
 * off or makes no sense), `cancelled`.
 */
export interface Forge {
  readonly kind: 'github' | 'local'
  /** Commits reach it through a git remote; without one nothing is pushed nor fetched. */
  readonly hasRemote: boolean

  /** The pull request of a head branch: an open one first, else the newest; null when there never was one. */
  findPull(headBranch: string): Promise<ForgePull | null>
  /** Opens a pull request, or gives the open one that the branch has already: safe to repeat after any failure. */
  openPull(request: OpenPull): Promise<ForgePull>
  updatePull(number: number, change: { title?: string; body?: string }): Promise<ForgePull>
  readPull(number: number): Promise<ForgePull>
  closePull(number: number): Promise<void>
  /** Merges exactly `expectedHead`. `forge_conflict` when the head is another one or the forge's rules refuse. */
  mergePull(request: MergePull): Promise<MergeOutcome>

  checksOf(sha: string): Promise<ForgeChecks>
  /** The end of a check's log as text; null when there is none that can be read. */
  readCheckLog(check: Pick<ForgeCheck, 'externalId' | 'kind' | 'summary'>): Promise<string | null>
  /** Runs one check again; false when the forge has no way to or refuses. */
  rerunCheck(check: Pick<ForgeCheck, 'externalId' | 'kind'>): Promise<boolean>

  readReviews(number: number): Promise<ForgeReviewState>
  /** Answers a thread, once per `mark`: a repeated call finds the comment that is there. */
  reply(
    number: number,
    thread: Pick<ForgeThread, 'externalId' | 'kind'>,
    body: string,
    mark: string,
  ): Promise<ForgeComment>
  /** Comments on the pull request, once per `mark`. */
  comment(number: number, body: string, mark: string): Promise<ForgeComment>

  protectionOf(branch: string): Promise<ForgeProtection>
  /** What is left of the budget, as the last answer said; null before any. */
  rate(): ForgeRate | null
}

const MARK = /\s*<!-- quartet:([\w:.-]+) -->\s*$/

/** A comment's text with our mark, invisible to readers: by it we know our own comments again. */
export function withMark(body: string, mark: string): string {
  return `${body.trimEnd()}\n\n<!-- quartet:${mark} -->`
}

/** Splits a comment into its text and our mark. */
export function splitMark(body: string): { body: string; mark: string | null } {
  const match = MARK.exec(body)
  return match ? { body: body.slice(0, match.index), mark: match[1] ?? null } : { body, mark: null }
}
