import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { mergeIn } from './merge.ts'
import { repositoryPlace, type WorktreePlace } from './place.ts'

/** A diff beyond this is not compared by its text: it counts as changed. */
const MAX_DIFF_BYTES = 64 * 1024 * 1024

/**
 * True when `after` brings the same change onto `base` as `before` does (full SHAs): it is `before` with the base merged in,
 * or its diff has the same patch id (line numbers and blanks do not count). Merging a base never makes it another change;
 * a fix of the agent does.
 */
export async function sameChange(
  ctx: GitContext,
  request: { repo: string; base: string; before: string; after: string } & CallOptions,
): Promise<boolean> {
  const { base, before, after } = request
  if (before === after) return true
  const place = await repositoryPlace(request.repo)
  const merged = await mergeIn(ctx, place, before, base, request)
  if (merged.clean && merged.tree === (await treeOf(ctx, place, after, request))) return true
  const ids = await Promise.all([
    patchId(ctx, place, base, before, request),
    patchId(ctx, place, base, after, request),
  ])
  return ids[0] !== null && ids[0] === ids[1]
}

/** The tree of a commit (full SHA). */
export async function treeOf(
  ctx: GitContext,
  place: WorktreePlace,
  commit: string,
  options: CallOptions,
): Promise<string> {
  return ctx.runner.text(place, {
    operation: 'Reading a commit',
    kind: 'probe',
    args: ['rev-parse', '--verify', '--quiet', '--end-of-options', `${commit}^{tree}`],
    ...callOptions(options),
  })
}

/** True when a merge of `head` would leave `base` as it is. */
export async function bringsNothing(
  ctx: GitContext,
  request: { repo: string; base: string; head: string } & CallOptions,
): Promise<boolean> {
  const place = await repositoryPlace(request.repo)
  const merged = await mergeIn(ctx, place, request.base, request.head, request)
  return merged.clean && merged.tree === (await treeOf(ctx, place, request.base, request))
}

/** Commits that each side has and the other has not. */
export async function aheadBehind(
  ctx: GitContext,
  request: { repo: string; base: string; head: string } & CallOptions,
): Promise<{ ahead: number; behind: number }> {
  const text = await ctx.runner.text(await repositoryPlace(request.repo), {
    operation: 'Counting commits',
    kind: 'local',
    args: ['rev-list', '--left-right', '--count', '--end-of-options', `${request.base}...${request.head}`],
    ...callOptions(request),
  })
  const [behind = 0, ahead = 0] = text.split(/\s+/).map(Number)
  return { ahead, behind }
}

async function patchId(
  ctx: GitContext,
  place: WorktreePlace,
  base: string,
  head: string,
  options: CallOptions,
): Promise<string | null> {
  const diff = await ctx.runner.run(place, {
    operation: 'Reading the change',
    kind: 'local',
    args: [
      'diff',
      '--no-ext-diff',
      '--no-textconv',
      '--no-color',
      '--no-renames',
      '--full-index',
      '--binary',
      '--diff-algorithm=histogram',
      '--submodule=short',
      '-O/dev/null',
      '--end-of-options',
      `${base}...${head}`,
      '--',
    ],
    maxBytes: MAX_DIFF_BYTES,
    ...callOptions(options),
  })
  if (diff.truncated) return null
  if (diff.stdout.length === 0) return 'empty'
  const line = await ctx.runner.text(place, {
    operation: 'Comparing changes',
    kind: 'local',
    args: ['patch-id', '--stable'],
    input: diff.stdout,
    ...callOptions(options),
  })
  return line.split(' ')[0] || null
}
