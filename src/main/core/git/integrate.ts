import { Failure, isFailure } from '../../../shared/domain/failure.ts'
import { readRef } from './branches.ts'
import { identityEnvironment } from './commit.ts'
import { treeOf } from './compare-changes.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { mergeIn } from './merge.ts'
import { verifiedPlace, type WorktreeAt, type WorktreePlace } from './place.ts'
import { finishUpdate, requireUpdatable, updateCheckout } from './update-checkout.ts'
import { headOf } from './worktrees.ts'

export interface IntegrateBase extends WorktreeAt, CallOptions {
  /** The worktree's branch, where the merge goes. */
  branch: string
  /** Where the branch must be. */
  headSha: string
  baseSha: string
  /** Message of the merge commit. */
  message: string
}

export type Integration =
  /** The branch contains the base already. */
  | { state: 'current'; headSha: string }
  | { state: 'merged'; headSha: string }
  /** Nothing was touched. */
  | { state: 'conflict'; files: string[] }

/**
 * Merges the base into a worktree's branch: what was reviewed stays as it is, a merge commit comes on top. The merge is made
 * in the object database, so that the worktree never stands half merged. Repeating it after a crash ends the same way.
 * Throws `stale_head` (data.now) when the branch is not at `headSha`, `base_dirty` when uncommitted work is in the way,
 * `worktree_missing`, `worktree_tampered`.
 */
export async function integrateBase(ctx: GitContext, request: IntegrateBase): Promise<Integration> {
  const place = await verifiedPlace(request)
  const head = await headOf(ctx, place, request)
  if (head.branch !== request.branch) {
    throw new Failure(
      'worktree_tampered',
      `${request.path} is not on its branch ${request.branch} any more.`,
      { path: request.path, branch: head.branch },
    )
  }
  const { headSha, baseSha } = request
  if (head.sha !== headSha) {
    const integrated = await finishEarlier(ctx, place, request, head.sha ?? '')
    // The base may have moved on since.
    if (integrated !== baseSha) return integrateBase(ctx, { ...request, headSha: head.sha ?? '' })
    return { state: 'merged', headSha: head.sha ?? '' }
  }
  const common = await ctx.runner.run(place, {
    operation: 'Comparing histories',
    kind: 'local',
    args: ['merge-base', '--is-ancestor', baseSha, headSha],
    success: [0, 1],
    ...callOptions(request),
  })
  if (common.code === 0) return { state: 'current', headSha }
  const merged = await mergeIn(ctx, place, headSha, baseSha, request)
  if (!merged.clean) return { state: 'conflict', files: merged.files }
  await requireUpdatable(ctx, place, headSha, merged.tree, request)
  const sha = await ctx.runner.text(place, {
    operation: 'Writing the merge',
    kind: 'local',
    writes: true,
    args: ['commit-tree', '--no-gpg-sign', merged.tree, '-p', headSha, '-p', baseSha],
    input: `${request.message.trimEnd()}\n`,
    env: await identityEnvironment(ctx, place, undefined, request),
    ...callOptions(request),
  })
  try {
    await moveRef(ctx, place, request, sha, headSha)
  } catch (error) {
    if (!isFailure(error, 'stale_head')) throw error
    // Perhaps by ourselves: a git of a core that was killed may have ended only now.
    return integrateBase(ctx, request)
  }
  try {
    // From here on the work must end whole: an abort would leave the files behind their branch.
    await updateCheckout(ctx, place, headSha, sha, {})
  } catch (error) {
    await moveRef(ctx, place, { ...request, signal: undefined }, headSha, sha)
    throw error
  }
  return { state: 'merged', headSha: sha }
}

/**
 * Ends what an earlier call was cut off in: the branch has moved to its merge `now`, the files may not have followed. Gives
 * the base that it merged in. Throws `stale_head` when `now` is anything but the plain merge of a base into `headSha`.
 */
async function finishEarlier(
  ctx: GitContext,
  place: WorktreePlace,
  request: IntegrateBase,
  now: string,
): Promise<string> {
  const [first, base, more] = await parentsOf(ctx, place, now, request)
  if (first !== request.headSha || !base || more) throw moved(request, now)
  const merged = await mergeIn(ctx, place, request.headSha, base, request)
  if (!merged.clean || merged.tree !== (await treeOf(ctx, place, now, request))) throw moved(request, now)
  if ((await finishUpdate(ctx, place, request.headSha, now, request)) === 'behind')
    throw new Failure('base_dirty', `Uncommitted work in ${request.path} is in the way.`, {
      path: request.path,
      files: [],
    })
  return base
}

async function moveRef(
  ctx: GitContext,
  place: WorktreePlace,
  request: IntegrateBase,
  to: string,
  from: string,
): Promise<void> {
  const ref = `refs/heads/${request.branch}`
  const output = await ctx.runner.run(place, {
    operation: `Moving branch ${request.branch}`,
    kind: 'local',
    writes: true,
    args: ['update-ref', '--no-deref', '-m', 'quartet: integrate the base', ref, to, from],
    expected: ['ref_moved', 'ref_missing'],
    ...callOptions(request),
  })
  if (output.problem) throw moved(request, await readRef(ctx, place, ref))
}

const moved = (request: IntegrateBase, now: string | null) =>
  new Failure('stale_head', `Branch “${request.branch}” has moved on since it was looked at.`, {
    branch: request.branch,
    expected: request.headSha,
    now,
  })

async function parentsOf(
  ctx: GitContext,
  place: WorktreePlace,
  sha: string,
  options: CallOptions,
): Promise<string[]> {
  const line = await ctx.runner.text(place, {
    operation: 'Reading a commit',
    kind: 'probe',
    args: ['rev-list', '--parents', '--max-count=1', '--end-of-options', sha],
    ...callOptions(options),
  })
  return line.split(' ').slice(1)
}
