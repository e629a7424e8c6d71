import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, isFailure } from '../../../shared/domain/failure.ts'
import { readRef, requireBranchName } from './branches.ts'
import type { Identity } from './commit.ts'
import { composeLanding, findLanding, type LandMethod } from './compose-landing.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { repositoryPlace, type WorktreePlace } from './place.ts'
import {
  findCheckout,
  finishUpdate,
  refreshIndex,
  requireUpdatable,
  updateCheckout,
} from './update-checkout.ts'
import { listWorktrees } from './worktrees.ts'

export interface LandLocal extends CallOptions {
  repo: string
  baseBranch: string
  /** Where the base must be; when it moved, the change must be verified on the new base first. */
  expectedBaseSha: string
  /** The reviewed commit, as a full SHA. */
  headSha: string
  method: LandMethod
  message: string
  author?: Identity | undefined
  /** Written as the trailer `Quartet-Attempt: <id>`, by which a repeated call finds what it did. */
  attemptId: string
}

export interface Landing {
  /** The commit that the base points to now. */
  sha: string
  tree: string
  /** Where the base was before. */
  before: string
  /** An earlier call had landed it. */
  already: boolean
  /** The checkout that has the base branch and was brought up to date; null when none has it. */
  checkout: string | null
  /** True when that checkout could not follow, because its user changed files between a crash and this call. */
  checkoutBehind: boolean
}

/**
 * Lands a commit on a local branch: builds the result in the object database, moves the branch by compare-and-swap, then
 * brings the checkout that has the branch up to date. Nothing is changed when it throws: `merge_conflict` (files),
 * `base_moved` (now), `base_missing`, `base_dirty` (files, path), `nothing_to_land`, `git_locked`. May be repeated after a
 * crash at any point.
 */
export async function landLocal(ctx: GitContext, request: LandLocal): Promise<Landing> {
  const place = await repositoryPlace(request.repo)
  await requireBranchName(ctx, request.repo, request.baseBranch, request)
  return ctx.mutex.run(`land:${place.commonDir}`, () => land(ctx, place, request))
}

async function land(ctx: GitContext, place: WorktreePlace, request: LandLocal): Promise<Landing> {
  const { repo, baseBranch, expectedBaseSha } = request
  const ref = `refs/heads/${baseBranch}`
  const baseSha = await readRef(ctx, place, ref, request)
  if (!baseSha)
    throw new Failure('base_missing', `There is no branch “${baseBranch}” in ${repo}.`, {
      repo,
      branch: baseBranch,
    })
  const checkout = await findCheckout(ctx, repo, baseBranch, request)

  const earlier = await finishEarlier(ctx, place, request, baseSha, checkout)
  if (earlier) return earlier

  if (baseSha !== expectedBaseSha) throw moved(request, baseSha)
  await requireNotRebasing(ctx, repo, ref, request)
  const result = await composeLanding(ctx, { ...request, place, baseSha }, request)
  if (checkout) {
    await requireUpdatable(ctx, checkout, baseSha, result.tree, request)
    await refreshIndex(ctx, checkout, request)
  }
  try {
    await moveBranch(ctx, place, request, result.sha, baseSha)
  } catch (error) {
    if (!isFailure(error, 'base_moved')) throw error
    // Perhaps by ourselves: a git of a core that was killed may have ended only now.
    return land(ctx, place, request)
  }
  if (checkout) {
    try {
      // From here on the work must end whole: an abort would leave the checkout behind its branch.
      await updateCheckout(ctx, checkout, baseSha, result.sha, {})
    } catch (error) {
      // Something was written into the checkout since it was found clean: take the move back, nothing has landed.
      await moveBranch(ctx, place, { ...request, signal: undefined }, baseSha, result.sha)
      if (error instanceof Failure && error.code === 'git_failed') {
        throw new Failure(
          'base_dirty',
          `${checkout.workTree} changed while the change was landing; it was left as it is.`,
          { path: checkout.workTree, files: [] },
          { cause: error },
        )
      }
      throw error
    }
  }
  return {
    ...result,
    before: baseSha,
    already: false,
    checkout: checkout?.workTree ?? null,
    checkoutBehind: false,
  }
}

/** What an earlier call has landed, with the checkout brought up to it; null when there is nothing of that attempt. */
async function finishEarlier(
  ctx: GitContext,
  place: WorktreePlace,
  request: LandLocal,
  baseSha: string,
  checkout: WorktreePlace | null,
): Promise<Landing | null> {
  const landed = await findLanding(ctx, place, { baseSha, attemptId: request.attemptId }, request)
  if (!landed) return null
  // It may have been cut off after the branch moved, before the checkout followed.
  const state =
    checkout && landed.sha === baseSha
      ? await finishUpdate(ctx, checkout, landed.before, landed.sha, request)
      : 'updated'
  return {
    ...landed,
    already: true,
    checkout: checkout?.workTree ?? null,
    checkoutBehind: state === 'behind',
  }
}

const moved = (request: LandLocal, now: string | null) =>
  new Failure('base_moved', `Branch “${request.baseBranch}” has moved since this change was checked.`, {
    branch: request.baseBranch,
    expected: request.expectedBaseSha,
    now,
  })

async function moveBranch(
  ctx: GitContext,
  place: WorktreePlace,
  request: LandLocal,
  to: string,
  from: string,
): Promise<void> {
  const output = await ctx.runner.run(place, {
    operation: `Moving branch ${request.baseBranch}`,
    kind: 'local',
    writes: true,
    args: [
      'update-ref',
      '--no-deref',
      '-m',
      `quartet: land ${request.attemptId}`,
      `refs/heads/${request.baseBranch}`,
      to,
      from,
    ],
    expected: ['ref_moved', 'ref_missing'],
    ...callOptions(request),
  })
  if (output.problem) throw moved(request, await readRef(ctx, place, `refs/heads/${request.baseBranch}`))
}

/** While a rebase of the branch runs, HEAD is detached and no worktree seems to have it; its end would undo ours. */
async function requireNotRebasing(
  ctx: GitContext,
  repo: string,
  ref: string,
  options: CallOptions,
): Promise<void> {
  const { commonDir } = await repositoryPlace(repo)
  const linked = (await listWorktrees(ctx, repo, options)).length > 1
  const gitDirs = [commonDir, ...(linked ? await adminDirs(commonDir) : [])]
  for (const gitDir of gitDirs) {
    for (const name of ['rebase-merge/head-name', 'rebase-apply/head-name']) {
      const rebased = await readFile(join(gitDir, name), 'utf8').catch(() => '')
      if (rebased.trim() === ref) {
        throw new Failure(
          'base_dirty',
          `A rebase of ${ref.replace('refs/heads/', '')} is under way. Finish it, then land again.`,
          { operation: 'rebase', files: [], gitDir },
        )
      }
    }
  }
}

async function adminDirs(commonDir: string): Promise<string[]> {
  return (await readdir(join(commonDir, 'worktrees'))).map((name) => join(commonDir, 'worktrees', name))
}
