import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Failure } from '../../../shared/domain/failure.ts'
import { readRef } from './branches.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import type { WorktreePlace } from './place.ts'

const Sha = z.string().regex(/^[0-9a-f]{40,64}$/)

/** What trees cannot say about a worktree; kept as `state.json` beside them. */
export const SnapshotState = z.object({
  version: z.literal(1),
  attemptId: z.string(),
  /** The attempt's branch and where it pointed, if it existed. */
  branch: z.string(),
  branchSha: Sha.nullable(),
  /** Null before the first commit. */
  headSha: Sha.nullable(),
  /** The branch that was checked out; null when HEAD was detached. */
  headBranch: z.string().nullable(),
  /** An operation that was under way: only a merge is taken up again by a restore. */
  operation: z.enum(['merge', 'rebase', 'cherry-pick', 'revert', 'bisect']).nullable(),
  mergeHeads: z.array(Sha),
  mergeMessage: z.string().nullable(),
  unmerged: z.array(
    z.object({ mode: z.string().regex(/^\d{6}$/), sha: Sha, stage: z.number(), path: z.string() }),
  ),
})
export type SnapshotState = z.infer<typeof SnapshotState>

const MARKS: readonly [string, NonNullable<SnapshotState['operation']>][] = [
  ['rebase-merge', 'rebase'],
  ['rebase-apply', 'rebase'],
  ['MERGE_HEAD', 'merge'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  ['BISECT_LOG', 'bisect'],
]

const textAt = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null)
const isThere = async (path: string): Promise<boolean> => {
  try {
    await readFile(path)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EISDIR'
  }
}

/** The operation that was started in a worktree and not ended yet. */
export async function operationUnderWay(gitDir: string): Promise<SnapshotState['operation']> {
  for (const [name, operation] of MARKS) if (await isThere(join(gitDir, name))) return operation
  return null
}

/** Commits being merged that exist (a planted MERGE_HEAD may name anything), and the message prepared for the merge. */
export async function readMerge(
  ctx: GitContext,
  place: WorktreePlace,
  options: CallOptions,
): Promise<{ mergeHeads: string[]; mergeMessage: string | null }> {
  const lines = ((await textAt(join(place.gitDir, 'MERGE_HEAD'))) ?? '')
    .split('\n')
    .filter((line) => Sha.safeParse(line).success)
  const heads = await Promise.all(lines.slice(0, 16).map((sha) => readRef(ctx, place, sha, options)))
  return {
    mergeHeads: heads.filter((sha) => sha !== null),
    mergeMessage: lines.length > 0 ? await textAt(join(place.gitDir, 'MERGE_MSG')) : null,
  }
}

/** Stores the state as a tree (with the blobs of conflicts, so that they stay) and gives its SHA. */
export async function writeStateTree(
  ctx: GitContext,
  place: WorktreePlace,
  state: SnapshotState,
  options: CallOptions,
): Promise<string> {
  const git = (operation: string, args: string[], input: string) =>
    ctx.runner.text(place, { operation, kind: 'local', writes: true, args, input, ...callOptions(options) })
  const file = await git('Keeping the state', ['hash-object', '-w', '--stdin'], JSON.stringify(state))
  const stages = state.unmerged.filter((entry) => entry.mode !== '160000')
  const lines = [`100644 blob ${file}\tstate.json`]
  if (stages.length > 0) {
    const listing = stages.map((entry, i) => `100644 blob ${entry.sha}\t${i}\0`).join('')
    lines.push(
      `040000 tree ${await git('Keeping both sides of conflicts', ['mktree', '-z'], listing)}\tstages`,
    )
  }
  return git('Keeping the state', ['mktree', '-z'], lines.map((line) => `${line}\0`).join(''))
}

/** Reads back what `writeStateTree` stored in `commit`. Throws `not_found` when it is no snapshot of ours. */
export async function readState(
  ctx: GitContext,
  place: WorktreePlace,
  commit: string,
  options: CallOptions,
): Promise<SnapshotState> {
  const output = await ctx.runner.run(place, {
    operation: 'Reading the state',
    kind: 'local',
    args: ['cat-file', 'blob', `${commit}:state.json`],
    success: [0, 128],
    maxBytes: 64 * 1024 * 1024,
    ...callOptions(options),
  })
  try {
    return SnapshotState.parse(JSON.parse(output.stdout.toString('utf8')))
  } catch (error) {
    throw new Failure(
      'not_found',
      `${commit.slice(0, 10)} is not a snapshot that can be restored.`,
      { commit },
      { cause: error },
    )
  }
}
