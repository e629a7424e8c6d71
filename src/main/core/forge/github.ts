import { z } from 'zod'
import { Failure, isFailure } from '../../../shared/domain/failure.ts'
import type {
  Forge,
  ForgeCheck,
  ForgeChecks,
  ForgeComment,
  ForgeProtection,
  ForgePull,
  ForgeRate,
  ForgeReviewState,
  ForgeThread,
  MergeOutcome,
  MergePull,
  OpenPull,
} from './forge.ts'
import { GitHubClient, type GitHubClientOptions } from './github-client.ts'
import { GitHubReviews } from './github-reviews.ts'
import {
  CheckRunShape,
  checkOfRun,
  checkOfStatus,
  PullShape,
  pullOf,
  StatusesShape,
} from './github-shapes.ts'
import type { ForgeLocation } from './remote-url.ts'

export interface GitHubOptions extends Omit<GitHubClientOptions, 'apiBase'> {
  location: ForgeLocation
}

/** Log text kept of a red check: its end says why. */
const LOG_CHARS = 64 * 1024

const RuleShape = z.object({
  type: z.string(),
  parameters: z
    .object({
      required_status_checks: z.array(z.object({ context: z.string() })).optional(),
      required_approving_review_count: z.number().optional(),
    })
    .nullish(),
})

const BranchShape = z.object({
  name: z.string(),
  protected: z.boolean().optional(),
  protection: z
    .object({
      required_status_checks: z.object({ contexts: z.array(z.string()).nullish() }).nullish(),
    })
    .nullish(),
})

/** One repository on github.com or a GitHub Enterprise host. */
export class GitHubForge implements Forge {
  readonly kind = 'github'
  readonly hasRemote = true
  readonly #client: GitHubClient
  readonly #reviews: GitHubReviews
  readonly #where: { owner: string; repo: string }

  constructor(options: GitHubOptions) {
    this.#client = new GitHubClient({ ...options, apiBase: options.location.apiBase })
    this.#where = { owner: options.location.owner, repo: options.location.name }
    this.#reviews = new GitHubReviews(this.#client, this.#where)
  }

  async findPull(headBranch: string): Promise<ForgePull | null> {
    const pulls = await this.#client.call({
      doing: `Looking for the pull request of ${headBranch}`,
      route: 'GET /repos/{owner}/{repo}/pulls',
      params: {
        ...this.#where,
        head: `${this.#where.owner}:${headBranch}`,
        state: 'all',
        sort: 'created',
        direction: 'desc',
        per_page: 20,
      },
      schema: z.array(PullShape),
    })
    // GitHub answers a filter that it does not understand with everything.
    const ours = pulls.filter((pull) => pull.head.ref === headBranch)
    const found = ours.find((pull) => pull.state === 'open') ?? ours[0]
    // The list says nothing of mergeability.
    return found ? this.readPull(found.number) : null
  }

  async openPull(request: OpenPull): Promise<ForgePull> {
    const open = async () => {
      const known = await this.findPull(request.headBranch)
      return known?.state === 'open' ? known : null
    }
    const known = await open()
    if (known) return known
    try {
      return pullOf(
        await this.#client.call({
          doing: `Opening a pull request for ${request.headBranch}`,
          route: 'POST /repos/{owner}/{repo}/pulls',
          params: {
            ...this.#where,
            head: request.headBranch,
            base: request.baseBranch,
            title: request.title,
            body: request.body,
            draft: request.draft,
          },
          schema: PullShape,
        }),
      )
    } catch (error) {
      // It may have been opened all the same: by the call whose answer was lost, or by somebody else in between.
      if (!isFailure(error, 'forge_unavailable') && !isFailure(error, 'forge_rejected')) throw error
      const there = await open().catch(() => null)
      if (there) return there
      throw error
    }
  }

  async updatePull(number: number, change: { title?: string; body?: string }): Promise<ForgePull> {
    return pullOf(
      await this.#client.call({
        doing: `Updating #${number}`,
        route: 'PATCH /repos/{owner}/{repo}/pulls/{pull_number}',
        params: { ...this.#where, pull_number: number, ...change },
        schema: PullShape,
      }),
    )
  }

  async readPull(number: number): Promise<ForgePull> {
    return pullOf(await this.#readShape(number))
  }

  async closePull(number: number): Promise<void> {
    await this.#client.call({
      doing: `Closing #${number}`,
      route: 'PATCH /repos/{owner}/{repo}/pulls/{pull_number}',
      params: { ...this.#where, pull_number: number, state: 'closed' },
      schema: PullShape,
    })
  }

  async mergePull(request: MergePull): Promise<MergeOutcome> {
    const { number, expectedHead, method } = request
    const doing = `Merging #${number}`
    const before = await this.#readShape(number)
    const pull = pullOf(before)
    if (pull.state === 'merged' && pull.mergedSha) return { state: 'merged', sha: pull.mergedSha }
    if (pull.headSha !== expectedHead) {
      throw new Failure('forge_conflict', `${doing}: its branch has moved to ${pull.headSha.slice(0, 7)}.`, {
        headSha: pull.headSha,
      })
    }
    if ((await this.protectionOf(pull.baseBranch)).mergeQueue) {
      await this.#enqueue(doing, before.node_id ?? '', expectedHead)
      return { state: 'queued' }
    }
    try {
      const merged = await this.#client.call({
        doing,
        route: 'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge',
        params: {
          ...this.#where,
          pull_number: number,
          sha: expectedHead,
          merge_method: method,
          commit_title: request.title,
          commit_message: request.message,
        },
        schema: z.object({ sha: z.string(), merged: z.boolean() }),
      })
      if (!merged.merged) throw new Failure('forge_conflict', `${doing}: the forge did not merge it.`)
      return { state: 'merged', sha: merged.sha }
    } catch (error) {
      if (!isFailure(error, 'forge_unavailable')) throw error
      const after = await this.readPull(number).catch(() => null)
      if (after?.state === 'merged' && after.mergedSha) return { state: 'merged', sha: after.mergedSha }
      throw error
    }
  }

  async checksOf(sha: string): Promise<ForgeChecks> {
    const unreadable: string[] = []
    /** A token may read one source and not the other: then not everything is known, which is not "none". */
    const unlessForbidden = async <T>(what: string, read: Promise<T>): Promise<T | null> => {
      try {
        return await read
      } catch (error) {
        if (!isFailure(error, 'forge_forbidden')) throw error
        unreadable.push(what)
        return null
      }
    }
    const params = { ...this.#where, ref: sha }
    const runs = await unlessForbidden(
      'check runs',
      this.#client.all({
        doing: `Reading the checks of ${sha.slice(0, 7)}`,
        route: 'GET /repos/{owner}/{repo}/commits/{ref}/check-runs',
        params: { ...params, filter: 'latest' },
        schema: CheckRunShape,
      }),
    )
    const statuses = await unlessForbidden(
      'commit statuses',
      this.#client.call({
        doing: `Reading the statuses of ${sha.slice(0, 7)}`,
        route: 'GET /repos/{owner}/{repo}/commits/{ref}/status',
        params: { ...params, per_page: 100 },
        schema: StatusesShape,
      }),
    )
    if (!runs && !statuses)
      throw new Failure('forge_forbidden', 'The token may read neither check runs nor commit statuses.', {
        unreadable,
      })
    const checks = [
      // A run of another commit would be no evidence, whatever was asked for.
      ...named(newest((runs ?? []).filter((run) => run.head_sha === sha)).map(checkOfRun)),
      ...(statuses?.sha === sha ? statuses.statuses.map(checkOfStatus) : []),
    ]
    return { checks, unreadable }
  }

  async readCheckLog(check: Pick<ForgeCheck, 'externalId' | 'kind' | 'summary'>): Promise<string | null> {
    if (check.kind !== 'run') return check.summary
    // A job of GitHub Actions has the same number as its check run; other apps have no log here.
    const log = await this.#client
      .call({
        doing: 'Reading the log of a check',
        route: 'GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs',
        params: { ...this.#where, job_id: Number(check.externalId) },
        schema: z.string(),
      })
      .catch((error: unknown) => {
        if (!isFailure(error) || error.code === 'cancelled') throw error
        return null
      })
    return log?.slice(-LOG_CHARS) ?? check.summary
  }

  async rerunCheck(check: Pick<ForgeCheck, 'externalId' | 'kind'>): Promise<boolean> {
    if (check.kind !== 'run') return false
    const id = Number(check.externalId)
    const routes = [
      ['POST /repos/{owner}/{repo}/actions/jobs/{job_id}/rerun', { job_id: id }],
      ['POST /repos/{owner}/{repo}/check-runs/{check_run_id}/rerequest', { check_run_id: id }],
    ] as const
    for (const [route, params] of routes) {
      try {
        await this.#client.call({
          doing: 'Running a check again',
          route,
          params: { ...this.#where, ...params },
          schema: z.unknown(),
        })
        return true
      } catch (error) {
        const refused =
          isFailure(error, 'forge_not_found') ||
          isFailure(error, 'forge_forbidden') ||
          isFailure(error, 'forge_rejected')
        if (!refused) throw error
      }
    }
    return false
  }

  readReviews(number: number): Promise<ForgeReviewState> {
    return this.#reviews.read(number)
  }

  reply(
    number: number,
    thread: Pick<ForgeThread, 'externalId' | 'kind'>,
    body: string,
    mark: string,
  ): Promise<ForgeComment> {
    return this.#reviews.reply(number, thread, body, mark)
  }

  comment(number: number, body: string, mark: string): Promise<ForgeComment> {
    return this.#reviews.comment(number, body, mark)
  }

  async protectionOf(branch: string): Promise<ForgeProtection> {
    const params = { ...this.#where, branch }
    const known = await this.#client.call({
      doing: `Reading branch ${branch}`,
      route: 'GET /repos/{owner}/{repo}/branches/{branch}',
      params,
      schema: BranchShape,
    })
    const rules = await this.#client
      .all({
        doing: `Reading the rules of ${branch}`,
        route: 'GET /repos/{owner}/{repo}/rules/branches/{branch}',
        params,
        schema: RuleShape,
      })
      .catch((error: unknown) => {
        // Enterprise hosts before 3.11 have no rulesets; a token may not see them.
        if (isFailure(error, 'forge_not_found') || isFailure(error, 'forge_forbidden')) return null
        throw error
      })
    const classic = known.protection?.required_status_checks?.contexts ?? null
    const fromRules = rules?.flatMap((rule) =>
      rule.type === 'required_status_checks'
        ? (rule.parameters?.required_status_checks ?? []).map((check) => check.context)
        : [],
    )
    const approvals = (rules ?? []).flatMap((rule) =>
      rule.type === 'pull_request' ? [rule.parameters?.required_approving_review_count ?? 0] : [],
    )
    const isProtected = known.protected === true || (rules?.length ?? 0) > 0
    return {
      protected: isProtected,
      requiredChecks:
        classic !== null || fromRules !== undefined
          ? [...new Set([...(classic ?? []), ...(fromRules ?? [])])]
          : isProtected
            ? null
            : [],
      requiredApprovals: approvals.length > 0 ? Math.max(...approvals) : isProtected ? null : 0,
      mergeQueue: (rules ?? []).some((rule) => rule.type === 'merge_queue'),
    }
  }

  rate(): ForgeRate | null {
    return this.#client.rate
  }

  #readShape(number: number): Promise<PullShape> {
    return this.#client.call({
      doing: `Reading #${number}`,
      route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}',
      params: { ...this.#where, pull_number: number },
      schema: PullShape,
    })
  }

  /** REST knows no merge queue. Being queued already counts as done. */
  async #enqueue(doing: string, pullId: string, expectedHead: string): Promise<void> {
    const answer = await this.#client
      .graphql(
        doing,
        'mutation($id: ID!, $head: GitObjectID!) { enqueuePullRequest(input: { pullRequestId: $id, expectedHeadOid: $head }) { clientMutationId } }',
        { id: pullId, head: expectedHead },
        z.unknown(),
      )
      .catch((error: unknown) => {
        if (error instanceof Error && /already (?:in|queued|enqueued)/i.test(error.message)) return true
        throw error
      })
    if (answer === null)
      throw new Failure(
        'forge_forbidden',
        `${doing}: this branch has a merge queue, and the token may not put a pull request into it.`,
      )
  }
}

/** The forge may list earlier runs of a check beside the one that counts: that of the highest number in its suite. */
function newest(runs: readonly z.infer<typeof CheckRunShape>[]): z.infer<typeof CheckRunShape>[] {
  const byName = new Map<string, z.infer<typeof CheckRunShape>>()
  for (const run of runs) {
    const key = JSON.stringify([run.check_suite?.id ?? null, run.name])
    const other = byName.get(key)
    if (!other || run.id > other.id) byName.set(key, run)
  }
  return [...byName.values()].sort((a, b) => a.id - b.id)
}

/** Checks of the same name (jobs of different workflows) get a number, so that each keeps a row of its own. */
function named(checks: readonly ForgeCheck[]): ForgeCheck[] {
  const seen = new Map<string, number>()
  return checks.map((check) => {
    const count = (seen.get(check.name) ?? 0) + 1
    seen.set(check.name, count)
    return count === 1 ? check : { ...check, name: `${check.name} (${count})` }
  })
}
