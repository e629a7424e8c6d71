import { z } from 'zod'
import type { PullReview, ReviewDecision } from '../../../shared/domain/pull.ts'
import { type ForgeComment, type ForgeReviewState, type ForgeThread, withMark } from './forge.ts'
import type { GitHubClient } from './github-client.ts'
import { CommentShape, commentOf, ReviewShape, reviewOf } from './github-shapes.ts'

/** What REST does not tell: the overall decision, the place in the merge queue, which threads are resolved. */
const MORE = `query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    reviewDecision
    mergeQueueEntry { position }
    reviewThreads(first: 100) { nodes { isResolved comments(first: 1) { nodes { databaseId } } } }
  } }
}`

const MoreShape = z.object({
  repository: z.object({
    pullRequest: z.object({
      reviewDecision: z.enum(['APPROVED', 'CHANGES_REQUESTED', 'REVIEW_REQUIRED']).nullable(),
      mergeQueueEntry: z.object({ position: z.number() }).nullable(),
      reviewThreads: z.object({
        nodes: z.array(
          z.object({
            isResolved: z.boolean(),
            comments: z.object({ nodes: z.array(z.object({ databaseId: z.number() })) }),
          }),
        ),
      }),
    }),
  }),
})

type More = z.infer<typeof MoreShape>['repository']['pullRequest']

const DECISIONS = {
  APPROVED: 'approved',
  CHANGES_REQUESTED: 'changes_requested',
  REVIEW_REQUIRED: 'review_required',
} as const

type Where = { owner: string; repo: string }

/** Reviews and conversations of a repository's pull requests. */
export class GitHubReviews {
  readonly #client: GitHubClient
  readonly #where: Where

  constructor(client: GitHubClient, where: Where) {
    this.#client = client
    this.#where = where
  }

  async read(number: number): Promise<ForgeReviewState> {
    const list = await this.#client.all({
      doing: `Reading the reviews of #${number}`,
      route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews',
      params: { ...this.#where, pull_number: number },
      schema: ReviewShape,
    })
    const more = await this.#more(number)
    const reviews = list.map(reviewOf).filter((review) => review.state !== 'pending')
    return {
      reviews,
      decision: more?.reviewDecision ? DECISIONS[more.reviewDecision] : decisionOf(reviews),
      queuePosition: more?.mergeQueueEntry?.position ?? null,
      threads: await this.#threads(number, list, more),
    }
  }

  async #threads(
    number: number,
    reviews: z.infer<typeof ReviewShape>[],
    more: More | null,
  ): Promise<ForgeThread[]> {
    const lines = await this.#client.all({
      doing: `Reading the review comments of #${number}`,
      route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/comments',
      params: { ...this.#where, pull_number: number },
      schema: CommentShape,
    })
    const talk = await this.#conversation(number)
    const resolved = new Map(
      more?.reviewThreads.nodes.flatMap((node) => {
        const id = node.comments.nodes[0]?.databaseId
        return id === undefined ? [] : [[id, node.isResolved] as const]
      }) ?? [],
    )
    const threads = new Map<number, ForgeThread>()
    for (const comment of [...lines].sort((a, b) => a.id - b.id)) {
      const root = threads.get(comment.in_reply_to_id ?? comment.id)
      if (root) {
        root.comments.push(commentOf(comment))
        continue
      }
      // A reply whose first comment was deleted stands for the thread itself.
      threads.set(comment.in_reply_to_id ?? comment.id, {
        externalId: String(comment.in_reply_to_id ?? comment.id),
        kind: 'line',
        path: comment.path || null,
        line: comment.line ?? comment.original_line ?? null,
        headSha: comment.commit_id || null,
        resolved: resolved.get(comment.in_reply_to_id ?? comment.id) ?? null,
        comments: [commentOf(comment)],
      })
    }
    const whole = (
      kind: 'review' | 'comment',
      id: number,
      headSha: string | null,
      comment: ForgeComment,
    ): ForgeThread => {
      const mark = `reply:${kind}-${id}:`
      return {
        externalId: String(id),
        kind,
        path: null,
        line: null,
        headSha,
        resolved: null,
        // There are no threads here: our answers are comments whose mark names what they answer.
        comments: [comment, ...talk.filter((each) => each.mark?.startsWith(mark))],
      }
    }
    return [
      ...threads.values(),
      ...reviews
        .filter((review) => review.body?.trim() && review.state !== 'PENDING')
        .map((review) =>
          whole(
            'review',
            review.id,
            review.commit_id ?? null,
            commentOf({ ...review, created_at: review.submitted_at ?? '' }),
          ),
        ),
      ...talk
        .filter((comment) => comment.mark === null)
        .map((comment) => whole('comment', Number(comment.externalId), null, comment)),
    ]
  }

  /** Answers once per `mark`: what an interrupted call of before had posted is found and given back. */
  async reply(
    number: number,
    thread: Pick<ForgeThread, 'externalId' | 'kind'>,
    body: string,
    mark: string,
  ): Promise<ForgeComment> {
    const own = `reply:${thread.kind}-${thread.externalId}:${mark}`
    if (thread.kind !== 'line') return this.comment(number, body, own)
    const doing = `Answering a comment of #${number}`
    const params = { ...this.#where, pull_number: number }
    const find = async () =>
      (
        await this.#client.all({
          doing,
          route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/comments',
          params,
          schema: CommentShape,
        })
      )
        .map(commentOf)
        .find((comment) => comment.mark === own)
    return (
      (await find()) ??
      commentOf(
        await this.#client.call({
          doing,
          route: 'POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies',
          params: { ...params, comment_id: Number(thread.externalId), body: withMark(body, own) },
          schema: CommentShape,
        }),
      )
    )
  }

  /** Comments on the whole pull request, once per `mark`. */
  async comment(number: number, body: string, mark: string): Promise<ForgeComment> {
    const known = (await this.#conversation(number)).find((comment) => comment.mark === mark)
    if (known) return known
    return commentOf(
      await this.#client.call({
        doing: `Commenting on #${number}`,
        route: 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
        params: { ...this.#where, issue_number: number, body: withMark(body, mark) },
        schema: CommentShape,
      }),
    )
  }

  async #conversation(number: number): Promise<ForgeComment[]> {
    const comments = await this.#client.all({
      doing: `Reading the conversation of #${number}`,
      route: 'GET /repos/{owner}/{repo}/issues/{issue_number}/comments',
      params: { ...this.#where, issue_number: number },
      schema: CommentShape,
    })
    return comments.map(commentOf)
  }

  async #more(number: number): Promise<More | null> {
    const answer = await this.#client.graphql(
      `Reading the review state of #${number}`,
      MORE,
      { owner: this.#where.owner, name: this.#where.repo, number },
      MoreShape,
    )
    return answer?.repository.pullRequest ?? null
  }
}

/** The decision as far as the reviews themselves tell: the last word of each reviewer counts. */
export function decisionOf(reviews: readonly PullReview[]): ReviewDecision {
  const last = new Map<string, PullReview['state']>()
  for (const review of reviews) {
    if (review.state === 'approved' || review.state === 'changes_requested' || review.state === 'dismissed')
      last.set(review.author, review.state)
  }
  const words = [...last.values()]
  if (words.includes('changes_requested')) return 'changes_requested'
  return words.includes('approved') ? 'approved' : 'none'
}
