import { Failure } from '../../../shared/domain/failure.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { repositoryPlace, type WorktreePlace } from './place.ts'

export interface Branch {
  name: string
  sha: string
  /** Unix time of the tip's commit, in seconds. */
  committedAt: number
}

/** Longer names meet file system limits once `.lock` and the folders are added. */
const MAX_NAME_BYTES = 200
/** Controls, and the marks that make text read in another order than it is stored. */
const DECEPTIVE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/

/** Words, dashes and single slashes: a branch under every rule that any git ever had, without asking one. */
const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_-]*)*$/

/**
 * True when `name` can be a branch: git's own rules for the full ref, and none that reads as an option, as `HEAD`, or as
 * something else than it is (controls and bidirectional marks).
 */
export async function isValidBranchName(
  ctx: GitContext,
  repo: string,
  name: string,
  options: CallOptions = {},
): Promise<boolean> {
  if (name === '' || name === 'HEAD' || name === '@' || name.startsWith('-') || DECEPTIVE.test(name))
    return false
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return false
  // All names that we make are of this kind, and a round of sixteen would start sixteen processes to hear so.
  if (PLAIN.test(name)) return true
  const output = await ctx.runner.run(await repositoryPlace(repo), {
    operation: 'Checking a branch name',
    kind: 'probe',
    args: ['check-ref-format', `refs/heads/${name}`],
    success: [0, 1],
    ...callOptions(options),
  })
  return output.code === 0
}

/** Throws `invalid_input` unless `name` is a valid branch name. */
export async function requireBranchName(
  ctx: GitContext,
  repo: string,
  name: string,
  options: CallOptions = {},
): Promise<void> {
  if (!(await isValidBranchName(ctx, repo, name, options))) {
    throw new Failure('invalid_input', `“${printable(name)}” cannot be the name of a branch.`, { name })
  }
}

/** Text that is safe to show: controls and marks of direction become `?`. */
export function printable(text: string): string {
  return text.replace(new RegExp(DECEPTIVE, 'g'), '?').slice(0, 200)
}

/** The SHA that a full ref name points to, or null when there is no such ref. */
export async function readRef(
  ctx: GitContext,
  place: WorktreePlace,
  ref: string,
  options: CallOptions = {},
): Promise<string | null> {
  const output = await ctx.runner.run(place, {
    operation: `Reading ${ref}`,
    kind: 'probe',
    args: ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`],
    success: [0, 1, 128],
    ...callOptions(options),
  })
  const sha = output.stdout.toString('utf8').trim()
  return output.code === 0 && /^[0-9a-f]{40,64}$/.test(sha) ? sha : null
}

/** The full SHA of a local branch. Throws `base_missing` when there is none of that name. */
export async function resolveBase(
  ctx: GitContext,
  repo: string,
  branch: string,
  options: CallOptions = {},
): Promise<string> {
  await requireBranchName(ctx, repo, branch, options)
  const sha = await readRef(ctx, await repositoryPlace(repo), `refs/heads/${branch}`, options)
  if (!sha) throw new Failure('base_missing', `There is no branch “${branch}” in ${repo}.`, { repo, branch })
  return sha
}

/** The full SHA of any commit-ish (branch, tag, short SHA). Throws `not_found`. */
export async function resolveCommit(
  ctx: GitContext,
  repo: string,
  text: string,
  options: CallOptions = {},
): Promise<string> {
  const safe = text !== '' && !text.startsWith('-') && !DECEPTIVE.test(text)
  const sha = safe ? await readRef(ctx, await repositoryPlace(repo), text, options) : null
  if (!sha)
    throw new Failure('not_found', `There is no commit “${printable(text)}” in ${repo}.`, {
      repo,
      commit: text,
    })
  return sha
}

/** All local branches, the one with the latest commit first. */
export async function listBranches(
  ctx: GitContext,
  repo: string,
  options: CallOptions = {},
): Promise<Branch[]> {
  const output = await ctx.runner.text(await repositoryPlace(repo), {
    operation: 'Listing branches',
    kind: 'probe',
    args: [
      'for-each-ref',
      '--sort=-committerdate',
      '--format=%(refname)%00%(objectname)%00%(committerdate:unix)',
      'refs/heads/',
    ],
    ...callOptions(options),
  })
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [ref = '', sha = '', time = '0'] = line.split('\0')
      return { name: ref.slice('refs/heads/'.length), sha, committedAt: Number(time) }
    })
}

/**
 * Deletes a local branch if it still points to `expectedSha`; one that is gone already counts as deleted. Throws `in_use`
 * when a worktree has it checked out, `stale_head` when it points elsewhere.
 */
export async function deleteBranch(
  ctx: GitContext,
  request: { repo: string; branch: string; expectedSha: string } & CallOptions,
): Promise<void> {
  const { repo, branch, expectedSha } = request
  await requireBranchName(ctx, repo, branch, request)
  const place = await repositoryPlace(repo)
  const ref = `refs/heads/${branch}`
  const users = await ctx.runner.text(place, {
    operation: 'Looking for users of a branch',
    kind: 'probe',
    args: ['worktree', 'list', '--porcelain', '-z'],
    ...callOptions(request),
  })
  if (users.split('\0').includes(`branch ${ref}`)) {
    throw new Failure('in_use', `Branch “${branch}” is checked out in a worktree.`, { repo, branch })
  }
  const output = await ctx.runner.run(place, {
    operation: `Deleting branch ${branch}`,
    kind: 'local',
    writes: true,
    args: ['update-ref', '--no-deref', '-d', ref, expectedSha],
    expected: ['ref_moved', 'ref_missing'],
    ...callOptions(request),
  })
  if (output.problem === null) return
  const now = await readRef(ctx, place, ref, request)
  if (now !== null) {
    throw new Failure('stale_head', `Branch “${branch}” has moved to ${now.slice(0, 10)} and was kept.`, {
      repo,
      branch,
      expectedSha,
      now,
    })
  }
}
