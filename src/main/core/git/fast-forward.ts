import { isFailure } from '../../../shared/domain/failure.ts'
import { readRef, requireBranchName } from './branches.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { repositoryPlace, type WorktreePlace } from './place.ts'
import { findCheckout, finishUpdate, requireUpdatable, updateCheckout } from './update-checkout.ts'

/**
 * `moved`, or why not: `current` (it is there already), `diverged` (it has commits of its own), `dirty` (its checkout holds
 * changes that are in the way), `missing`. `behind`: an earlier call was cut off after the branch had moved, and the user
 * has changed something since that keeps its checkout from following.
 */
export type FastForward = 'moved' | 'current' | 'diverged' | 'dirty' | 'missing' | 'behind'

/** What we write into the branch's reflog: by it a call that was cut off is known again. */
const FOLLOWED = 'quartet: follow the remote'

/**
 * Lets a local branch follow the remote's, and the checkout that has it, if nothing of the user's is lost by that. Work
 * fired next then starts from what has landed. Never throws for what the user has there: it says so.
 */
export async function fastForward(
  ctx: GitContext,
  request: { repo: string; branch: string; to: string } & CallOptions,
): Promise<FastForward> {
  const { repo, branch, to } = request
  await requireBranchName(ctx, repo, branch, request)
  const place = await repositoryPlace(repo)
  const ref = `refs/heads/${branch}`
  const follow = async (): Promise<FastForward> => {
    const from = await readRef(ctx, place, ref, request)
    if (from === null) return 'missing'
    if (from === to) return (await finishEarlier(ctx, place, request)) === 'behind' ? 'behind' : 'current'
    const ancestor = await ctx.runner.run(place, {
      operation: 'Comparing histories',
      kind: 'local',
      args: ['merge-base', '--is-ancestor', from, to],
      success: [0, 1],
      ...callOptions(request),
    })
    if (ancestor.code !== 0) return 'diverged'
    const checkout = await findCheckout(ctx, repo, branch, request)
    try {
      if (checkout) await requireUpdatable(ctx, checkout, from, to, request)
    } catch (error) {
      if (!isFailure(error, 'base_dirty')) throw error
      // A late git of a killed core may have moved the branch just now: its checkout looks changed, and must follow.
      return (await readRef(ctx, place, ref, request)) === from ? 'dirty' : follow()
    }
    const move = (target: string, expected: string) =>
      ctx.runner.run(place, {
        operation: `Moving branch ${branch}`,
        kind: 'local',
        writes: true,
        args: ['update-ref', '--no-deref', '-m', FOLLOWED, ref, target, expected],
        expected: ['ref_moved', 'ref_missing'],
      })
    if ((await move(to, from)).problem) return follow()
    if (!checkout) return 'moved'
    try {
      await updateCheckout(ctx, checkout, from, to, {})
      return 'moved'
    } catch (error) {
      await move(from, to)
      if (isFailure(error, 'git_failed')) return 'dirty'
      throw error
    }
  }
  return ctx.mutex.run(`land:${place.commonDir}`, follow)
}

/**
 * The branch is where it shall be. Was it we who moved it, and were we cut off before its checkout followed, the user would
 * see what has landed undone as "staged": that is ended now.
 */
async function finishEarlier(
  ctx: GitContext,
  place: WorktreePlace,
  request: { repo: string; branch: string; to: string } & CallOptions,
): Promise<'updated' | 'behind'> {
  const newest = await ctx.runner.text(place, {
    operation: 'Looking for an unfinished update',
    kind: 'probe',
    args: [
      'log',
      '--walk-reflogs',
      '--max-count=2',
      '--no-show-signature',
      '--format=tformat:%H %gs',
      `refs/heads/${request.branch}`,
      '--',
    ],
    ...callOptions(request),
  })
  const [last = '', before = ''] = newest.split('\n')
  const from = before.split(' ')[0] ?? ''
  if (last !== `${request.to} ${FOLLOWED}` || from === '') return 'updated'
  const checkout = await findCheckout(ctx, request.repo, request.branch, request)
  return checkout ? finishUpdate(ctx, checkout, from, request.to, request) : 'updated'
}
