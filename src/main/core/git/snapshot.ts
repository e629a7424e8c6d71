import { resolve } from 'node:path'
import { Failure } from '../../../shared/domain/failure.ts'
import { readRef, requireBranchName } from './branches.ts'
import { type Captured, capture } from './capture.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { countIgnored, type IgnoredFiles } from './ignored.ts'
import { registeredPlace, repositoryPlace, type WorktreeAt, type WorktreePlace } from './place.ts'
import { operationUnderWay, readMerge, type SnapshotState, writeStateTree } from './snapshot-state.ts'
import { headOf } from './worktrees.ts'

export interface Snapshot {
  ref: string
  /** The snapshot commit: its tree is the folder as it was; parents are HEAD, the index, the state. */
  sha: string
  tree: string
  headSha: string | null
  ignored: IgnoredFiles
  /** Repositories inside the worktree, whose content is not kept. */
  nested: string[]
  operation: SnapshotState['operation']
}

const REFS = 'refs/quartet/trash/'
/** The author of commits that are no one's work. */
export const OURSELVES = {
  GIT_AUTHOR_NAME: 'Quartet',
  GIT_AUTHOR_EMAIL: 'quartet@localhost',
  GIT_COMMITTER_NAME: 'Quartet',
  GIT_COMMITTER_EMAIL: 'quartet@localhost',
} as const

/** The ref that keeps an attempt. Throws `invalid_input` for an id that would not be one part of a ref. */
export function snapshotRef(attemptId: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/.test(attemptId))
    throw new Failure('invalid_input', 'This attempt id cannot name a snapshot.', { attemptId })
  return `${REFS}${attemptId}`
}

/**
 * Keeps the full state of a worktree (index, tracked and untracked files; ignored ones are counted) as a commit under
 * `refs/quartet/trash/<attempt>`. Touches neither its index nor its files; works beside a left-behind `index.lock`, in the
 * middle of a merge and when the worktree's `.git` file was tampered with. An earlier snapshot of the attempt stays
 * reachable from the new one. Throws `worktree_missing`.
 */
export async function snapshot(
  ctx: GitContext,
  request: WorktreeAt & { attemptId: string; branch: string } & CallOptions,
): Promise<Snapshot> {
  const ref = snapshotRef(request.attemptId)
  await requireBranchName(ctx, request.repo, request.branch, request)
  const place = await registeredPlace(request)
  const captured = await capture(ctx, place, request)
  const head = await headOf(ctx, place, request)
  const state: SnapshotState = {
    version: 1,
    attemptId: request.attemptId,
    branch: request.branch,
    branchSha: await readRef(ctx, place, `refs/heads/${request.branch}`, request),
    headSha: head.sha,
    headBranch: head.branch,
    operation: await operationUnderWay(place.gitDir),
    ...(await readMerge(ctx, place, request)),
    unmerged: captured.unmerged,
  }
  const before = await readRef(ctx, place, ref, request)
  const kept = before === null ? null : await sameAs(ctx, place, before, state, captured, request)
  const sha = kept ?? (await commitSnapshot(ctx, place, state, captured, before, request))
  if (kept === null) {
    await ctx.runner.run(place, {
      operation: 'Keeping the attempt',
      kind: 'local',
      writes: true,
      args: [
        'update-ref',
        '--no-deref',
        '--create-reflog',
        '-m',
        'quartet: snapshot',
        ref,
        sha,
        before ?? '0'.repeat(40),
      ],
      ...callOptions(request),
    })
  }
  return {
    ref,
    sha,
    tree: captured.workTree,
    headSha: head.sha,
    ignored: await countIgnored(ctx, place, request),
    nested: captured.nested,
    operation: state.operation,
  }
}

/** The tree of all that lies in a worktree now (tracked, changed and untracked), for diffs; nothing is touched. */
export async function captureTree(ctx: GitContext, request: WorktreeAt & CallOptions): Promise<string> {
  return (await capture(ctx, await registeredPlace(request), request)).workTree
}

export interface KeptSnapshot {
  attemptId: string
  ref: string
  sha: string
  /** Unix time in seconds. */
  at: number
}

/** All attempts that are kept in a repository. */
export async function listSnapshots(
  ctx: GitContext,
  repo: string,
  options: CallOptions = {},
): Promise<KeptSnapshot[]> {
  const output = await ctx.runner.text(await repositoryPlace(repo), {
    operation: 'Listing kept attempts',
    kind: 'probe',
    args: ['for-each-ref', '--format=%(refname)%00%(objectname)%00%(committerdate:unix)', REFS],
    ...callOptions(options),
  })
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [ref = '', sha = '', at = '0'] = line.split('\0')
      return { attemptId: ref.slice(REFS.length), ref, sha, at: Number(at) }
    })
}

async function commitTree(
  ctx: GitContext,
  place: WorktreePlace,
  tree: string,
  parents: readonly string[],
  message: string,
  options: CallOptions,
): Promise<string> {
  return ctx.runner.text(place, {
    operation: 'Writing a snapshot',
    kind: 'local',
    writes: true,
    args: ['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent])],
    input: `${message}\n`,
    env: { ...OURSELVES },
    ...callOptions(options),
  })
}

async function commitSnapshot(
  ctx: GitContext,
  place: WorktreePlace,
  state: SnapshotState,
  captured: Captured,
  before: string | null,
  options: CallOptions,
): Promise<string> {
  const commit = (tree: string, parents: readonly string[], what: string) =>
    commitTree(ctx, place, tree, parents, `quartet: ${what} of ${state.attemptId}`, options)
  const stateTree = await writeStateTree(ctx, place, state, options)
  // Before the first commit an empty one stands for HEAD, so that the order of parents never changes.
  const head = state.headSha ?? (await commit(await emptyTree(ctx, place, options), [], 'no commit yet'))
  const index = await commit(captured.indexTree, [head], 'index')
  const others = [...new Set([...state.mergeHeads, state.branchSha ?? head])]
  const meta = await commit(stateTree, others, 'state')
  return commit(captured.workTree, [head, index, meta, ...(before === null ? [] : [before])], 'files')
}

const emptyTree = (ctx: GitContext, place: WorktreePlace, options: CallOptions): Promise<string> =>
  ctx.runner.text(place, {
    operation: 'Writing a snapshot',
    kind: 'local',
    writes: true,
    args: ['mktree'],
    input: '',
    ...callOptions(options),
  })

/** The commit `before` if it keeps exactly this state: a repeated call after a crash adds nothing. */
async function sameAs(
  ctx: GitContext,
  place: WorktreePlace,
  before: string,
  state: SnapshotState,
  captured: Captured,
  options: CallOptions,
): Promise<string | null> {
  const tree = async (revision: string) =>
    (
      await ctx.runner.run(place, {
        operation: 'Comparing with the last snapshot',
        kind: 'probe',
        args: ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{tree}`],
        success: [0, 1, 128],
        ...callOptions(options),
      })
    ).stdout
      .toString('utf8')
      .trim()
  const same =
    (await tree(`${before}^3`)) === (await writeStateTree(ctx, place, state, options)) &&
    (await tree(before)) === captured.workTree &&
    (await tree(`${before}^2`)) === captured.indexTree
  return same ? before : null
}

/** A snapshot's three commits, checked. Throws `not_found`. */
export async function openSnapshot(
  ctx: GitContext,
  repo: string,
  attemptId: string,
  options: CallOptions,
): Promise<{ sha: string; index: string; meta: string; head: string }> {
  const place = await repositoryPlace(resolve(repo))
  const ref = snapshotRef(attemptId)
  const [sha, head, index, meta] = await Promise.all(
    ['', '^1', '^2', '^3'].map((suffix) => readRef(ctx, place, `${ref}${suffix}`, options)),
  )
  if (!sha || !head || !index || !meta) {
    throw new Failure('not_found', `Nothing is kept of attempt ${attemptId} in ${repo}.`, {
      repo,
      attemptId,
      ref,
    })
  }
  return { sha, head, index, meta }
}
