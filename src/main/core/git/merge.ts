import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { repositoryPlace, type WorktreePlace } from './place.ts'

export type MergeResult = { clean: true; tree: string } | { clean: false; files: string[] }

/**
 * Merges two commits (full SHAs) in the object database alone: no checkout, no index, no ref is touched. Gives the tree,
 * or the paths in conflict. Throws `git_failed` for histories without a common commit.
 */
export async function mergeTree(
  ctx: GitContext,
  request: { repo: string; base: string; head: string } & CallOptions,
): Promise<MergeResult> {
  return mergeIn(ctx, await repositoryPlace(request.repo), request.base, request.head, request)
}

/** The same for a place that was checked already. */
export async function mergeIn(
  ctx: GitContext,
  place: WorktreePlace,
  ours: string,
  theirs: string,
  options: CallOptions = {},
): Promise<MergeResult> {
  const output = await ctx.runner.run(place, {
    operation: 'Merging',
    kind: 'local',
    writes: true,
    args: ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', ours, theirs],
    success: [0, 1],
    ...callOptions(options),
  })
  const [tree = '', ...files] = output.stdout
    .toString('utf8')
    .split('\0')
    .filter((part) => part !== '')
  if (output.code === 0) return { clean: true, tree: tree.trim() }
  return { clean: false, files: [...new Set(files)] }
}

/** The best common ancestor of two commits; null when they share none. */
export async function mergeBase(
  ctx: GitContext,
  request: { repo: string; a: string; b: string } & CallOptions,
): Promise<string | null> {
  const output = await ctx.runner.run(await repositoryPlace(request.repo), {
    operation: 'Looking for the common ancestor',
    kind: 'local',
    args: ['merge-base', request.a, request.b],
    success: [0, 1],
    ...callOptions(request),
  })
  return output.code === 0 ? output.stdout.toString('utf8').trim() : null
}

/** True when `ancestor` is contained in `descendant` (both full SHAs). */
export async function isAncestor(
  ctx: GitContext,
  request: { repo: string; ancestor: string; descendant: string } & CallOptions,
): Promise<boolean> {
  const output = await ctx.runner.run(await repositoryPlace(request.repo), {
    operation: 'Comparing histories',
    kind: 'local',
    args: ['merge-base', '--is-ancestor', request.ancestor, request.descendant],
    success: [0, 1],
    ...callOptions(request),
  })
  return output.code === 0
}
