import { Failure } from '../../../shared/domain/failure.ts'
import { type Identity, identityEnvironment } from './commit.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { mergeIn } from './merge.ts'
import type { WorktreePlace } from './place.ts'

// Builds the commits of a landing in the object database; moving the branch is somebody else's job.

export type LandMethod = 'squash' | 'merge' | 'rebase'

export interface Composition {
  place: WorktreePlace
  baseSha: string
  headSha: string
  method: LandMethod
  /** Subject and body; the trailer is added. For `rebase` the commits keep their own. */
  message: string
  /** Author of a squash; otherwise the author of the attempt's last commit. */
  author?: Identity | undefined
  attemptId: string
}

const TRAILER = 'Quartet-Attempt'

interface Original {
  tree: string
  parents: string[]
  author: Record<string, string>
  message: string
}

/** The commit to move the base to, and its tree. Throws `merge_conflict` with the files, `nothing_to_land`. */
export async function composeLanding(
  ctx: GitContext,
  work: Composition,
  options: CallOptions,
): Promise<{ sha: string; tree: string }> {
  const merged = await mergeIn(ctx, work.place, work.baseSha, work.headSha, options)
  if (!merged.clean) throw conflict(merged.files, work)
  const baseTree = await treeOf(ctx, work.place, work.baseSha, options)
  if (merged.tree === baseTree) {
    throw new Failure(
      'nothing_to_land',
      'The base branch already contains everything that this attempt changes.',
      {
        baseSha: work.baseSha,
        headSha: work.headSha,
      },
    )
  }
  const tip = await readCommit(ctx, work.place, work.headSha, options)
  const committer = await identityEnvironment(ctx, work.place, undefined, options)
  const author = work.author
    ? { ...tip.author, GIT_AUTHOR_NAME: work.author.name, GIT_AUTHOR_EMAIL: work.author.email }
    : tip.author
  const message = withTrailer(work.message, work.attemptId)
  switch (work.method) {
    case 'squash':
      return {
        tree: merged.tree,
        sha: await commitTree(
          ctx,
          work.place,
          merged.tree,
          [work.baseSha],
          message,
          { ...committer, ...author },
          options,
        ),
      }
    case 'merge':
      return {
        tree: merged.tree,
        sha: await commitTree(
          ctx,
          work.place,
          merged.tree,
          [work.baseSha, work.headSha],
          message,
          committer,
          options,
        ),
      }
    case 'rebase':
      return replay(ctx, work, merged.tree, committer, options)
  }
}

const conflict = (files: readonly string[], work: Composition) =>
  new Failure(
    'merge_conflict',
    `The attempt and the base branch both changed ${files.length === 1 ? files[0] : `${files.length} files`}.`,
    {
      files,
      baseSha: work.baseSha,
      headSha: work.headSha,
    },
  )

/** Picks the attempt's commits one by one onto the base. The end must be the very tree that merging gives. */
async function replay(
  ctx: GitContext,
  work: Composition,
  expectedTree: string,
  committer: Record<string, string>,
  options: CallOptions,
): Promise<{ sha: string; tree: string }> {
  const { place } = work
  const list = await ctx.runner.text(place, {
    operation: 'Listing the commits to land',
    kind: 'local',
    args: ['rev-list', '--reverse', '--topo-order', '--no-merges', work.headSha, `^${work.baseSha}`],
    ...callOptions(options),
  })
  let tip = work.baseSha
  let tree = await treeOf(ctx, place, tip, options)
  for (const sha of list.split('\n').filter(Boolean)) {
    const original = await readCommit(ctx, place, sha, options)
    const picked = await pick(ctx, work, original, tree, options)
    // Its change is on the base already.
    if (picked === tree) continue
    tree = picked
    tip = await commitTree(
      ctx,
      place,
      tree,
      [tip],
      withTrailer(original.message, work.attemptId),
      { ...committer, ...original.author },
      options,
    )
  }
  if (tree !== expectedTree) {
    throw new Failure(
      'merge_conflict',
      'Replaying the commits one by one gives another result than merging them: squash or merge instead.',
      {
        files: [],
        baseSha: work.baseSha,
        headSha: work.headSha,
      },
    )
  }
  return { sha: tip, tree }
}

/**
 * The tree after one commit's change was applied to `onto`. merge-tree takes a merge base by name only since git 2.40, so
 * three throw-away commits give it the right one: the parent's tree below both sides.
 */
async function pick(
  ctx: GitContext,
  work: Composition,
  original: Original,
  onto: string,
  options: CallOptions,
): Promise<string> {
  const { place } = work
  const env = {
    GIT_AUTHOR_NAME: 'Quartet',
    GIT_AUTHOR_EMAIL: 'quartet@localhost',
    GIT_COMMITTER_NAME: 'Quartet',
    GIT_COMMITTER_EMAIL: 'quartet@localhost',
  }
  const make = (tree: string, parents: readonly string[]) =>
    commitTree(ctx, place, tree, parents, 'quartet: scratch', env, options)
  const [parent] = original.parents
  if (parent === undefined) throw conflict([], work)
  const below = await make(await treeOf(ctx, place, parent, options), [])
  const result = await mergeIn(
    ctx,
    place,
    await make(onto, [below]),
    await make(original.tree, [below]),
    options,
  )
  if (!result.clean) throw conflict(result.files, work)
  return result.tree
}

/** The message with our trailer; trailers of the same name that an agent wrote are taken out: they would claim a landing. */
function withTrailer(message: string, attemptId: string): string {
  const own = message.replace(new RegExp(`^[ \\t]*${TRAILER}[ \\t]*:.*(?:\\r?\\n|$)`, 'gim'), '').trimEnd()
  const paragraphs = own.split(/\n[ \t]*\n/)
  const last = paragraphs.length > 1 ? (paragraphs.at(-1) ?? '') : ''
  // Git takes a paragraph for trailers only when all its lines are: one that is mixed must not swallow ours.
  const continues = last !== '' && last.split('\n').every((line) => /^[A-Za-z][A-Za-z0-9-]*: \S/.test(line))
  return `${own || 'Land an attempt'}${continues ? '\n' : '\n\n'}${TRAILER}: ${attemptId}\n`
}

async function treeOf(
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

async function readCommit(
  ctx: GitContext,
  place: WorktreePlace,
  sha: string,
  options: CallOptions,
): Promise<Original> {
  const output = await ctx.runner.text(place, {
    operation: 'Reading a commit',
    kind: 'probe',
    args: [
      'log',
      '-z',
      '--max-count=1',
      '--no-show-signature',
      '--no-mailmap',
      '--encoding=UTF-8',
      '--date=raw',
      '--format=tformat:%T%x00%P%x00%an%x00%ae%x00%ad%x00%B',
      sha,
      '--',
    ],
    ...callOptions(options),
  })
  const [tree = '', parents = '', name = '', email = '', date = '', message = ''] = output.split('\0')
  return {
    tree,
    parents: parents.split(' ').filter(Boolean),
    author: { GIT_AUTHOR_NAME: name || 'unknown', GIT_AUTHOR_EMAIL: email, GIT_AUTHOR_DATE: `@${date}` },
    message,
  }
}

function commitTree(
  ctx: GitContext,
  place: WorktreePlace,
  tree: string,
  parents: readonly string[],
  message: string,
  env: Record<string, string>,
  options: CallOptions,
): Promise<string> {
  return ctx.runner.text(place, {
    operation: 'Writing the landing commit',
    kind: 'local',
    writes: true,
    args: ['commit-tree', '--no-gpg-sign', tree, ...parents.flatMap((parent) => ['-p', parent])],
    input: message,
    env,
    ...callOptions(options),
  })
}

/**
 * The landing commit of an attempt on the base, and the commit that the base was at before; null when it did not land.
 * Only commits of the base's own line count: a merged-in commit of an agent may carry any trailer.
 */
export async function findLanding(
  ctx: GitContext,
  place: WorktreePlace,
  request: { baseSha: string; attemptId: string; limit?: number },
  options: CallOptions,
): Promise<{ sha: string; tree: string; before: string } | null> {
  const output = await ctx.runner.text(place, {
    operation: 'Looking for an earlier landing',
    kind: 'local',
    args: [
      'log',
      '-z',
      '--first-parent',
      `--max-count=${request.limit ?? 2_000}`,
      '--no-show-signature',
      `--format=tformat:%H%x00%T%x00%P%x00%(trailers:key=${TRAILER},valueonly,separator=%x2C)`,
      request.baseSha,
      '--',
    ],
    ...callOptions(options),
  })
  const parts = output.split('\0')
  const commits: { sha: string; tree: string; parent: string; ours: boolean }[] = []
  for (let i = 0; i + 3 < parts.length; i += 4) {
    const ours = (parts[i + 3] ?? '').split(',').some((id) => id.trim() === request.attemptId)
    commits.push({
      sha: parts[i] ?? '',
      tree: parts[i + 1] ?? '',
      parent: (parts[i + 2] ?? '').split(' ')[0] ?? '',
      ours,
    })
  }
  const last = commits.findIndex((commit) => commit.ours)
  if (last < 0) return null
  // A rebase lands several commits in a row: what was before is below the oldest of them.
  let first = last
  while (commits[first + 1]?.ours) first++
  const landed = commits[last]
  const before = commits[first]?.parent
  return landed && before ? { sha: landed.sha, tree: landed.tree, before } : null
}
