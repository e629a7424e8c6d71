import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../../shared/domain/failure.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { verifiedPlace, type WorktreeAt, type WorktreePlace } from './place.ts'
import { OURSELVES } from './snapshot.ts'
import { listChanges } from './status.ts'
import { headOf } from './worktrees.ts'

export interface Identity {
  name: string
  email: string
}

/** Names for a commit that we make: the user's own, or ours where git knows none. `author` stands above both. */
export async function identityEnvironment(
  ctx: GitContext,
  place: WorktreePlace,
  author: Identity | undefined,
  options: CallOptions = {},
): Promise<Record<string, string>> {
  const known = await ctx.runner.run(place, {
    operation: 'Reading the user’s name',
    kind: 'probe',
    args: ['config', '--get-regexp', '^user\\.(name|email)$'],
    success: [0, 1],
    ...callOptions(options),
  })
  const text = known.stdout.toString('utf8')
  const complete = /^user\.name .*\S/m.test(text) && /^user\.email .*\S/m.test(text)
  return {
    ...(complete ? {} : OURSELVES),
    ...(author ? { GIT_AUTHOR_NAME: author.name, GIT_AUTHOR_EMAIL: author.email } : {}),
  }
}

export interface CommitAll extends WorktreeAt, CallOptions {
  message: string
  author?: Identity | undefined
}

/**
 * Commits everything that an agent left uncommitted. This is the app's own commit, made to keep work: it runs without
 * hooks and unsigned, since the repository's hooks belong to the agent's and the user's commits. Repositories inside the
 * worktree are left out and reported. Gives `committed: false` when there was nothing. Throws `merge_conflict` with the
 * paths while conflicts are open, `git_locked`.
 */
export async function commitAll(
  ctx: GitContext,
  request: CommitAll,
): Promise<{ committed: boolean; headSha: string | null; skipped: string[] }> {
  const place = await verifiedPlace(request)
  const { entries } = await listChanges(ctx, place, 'normal', request)
  const conflicted = entries.filter((entry) => entry.kind === 'unmerged').map((entry) => entry.path)
  if (conflicted.length > 0) {
    throw new Failure(
      'merge_conflict',
      'The worktree has open conflicts; they must be resolved before its work can be committed.',
      { files: conflicted },
    )
  }
  const repositories = await repositoriesInside(ctx, place, request)
  const changed = new Set(entries.filter((entry) => entry.unstaged).map((entry) => entry.path))
  const skipped = [...repositories.nested, ...repositories.submodules.filter((path) => changed.has(path))]
  const git = (
    operation: string,
    args: string[],
    more: { env?: Record<string, string>; input?: string } = {},
  ) =>
    ctx.runner.run(place, { operation, kind: 'long', writes: true, args, ...more, ...callOptions(request) })
  await git('Staging leftover work', [
    'add',
    '--all',
    '--ignore-errors',
    '--',
    '.',
    ...[...repositories.nested, ...repositories.submodules].map((path) => `:(top,exclude,literal)${path}`),
  ])
  const staged = await ctx.runner.run(place, {
    operation: 'Looking for staged work',
    kind: 'local',
    args: ['diff', '--cached', '--quiet', '--no-ext-diff', '--no-textconv', '--ignore-submodules=dirty'],
    success: [0, 1],
    ...callOptions(request),
  })
  const merging = await lstat(join(place.gitDir, 'MERGE_HEAD')).then(
    () => true,
    () => false,
  )
  const head = await headOf(ctx, place, request)
  if (staged.code === 0 && !merging) return { committed: false, headSha: head.sha, skipped }
  await git(
    'Committing leftover work',
    ['commit', '--quiet', '--no-verify', '--no-gpg-sign', '--no-status', '--cleanup=whitespace', '--file=-'],
    {
      input: request.message,
      env: await identityEnvironment(ctx, place, request.author, request),
    },
  )
  return { committed: true, headSha: (await headOf(ctx, place, request)).sha, skipped }
}

/**
 * Repositories inside a worktree. New ones: adding one would record a link to a commit that nobody else has. Submodules:
 * `git add` would run git in them, under their own, hostile configuration; what the agent staged of them stays staged.
 */
async function repositoriesInside(
  ctx: GitContext,
  place: WorktreePlace,
  options: CallOptions,
): Promise<{ nested: string[]; submodules: string[] }> {
  const list = async (args: string[]): Promise<string[]> => {
    const output = await ctx.runner.run(place, {
      operation: 'Looking for repositories inside',
      kind: 'local',
      args: ['ls-files', '-z', ...args],
      maxBytes: 256 * 1024 * 1024,
      ...callOptions(options),
    })
    return output.stdout.toString('utf8').split('\0')
  }
  const [staged, others] = await Promise.all([list(['--stage']), list(['--others', '--exclude-standard'])])
  return {
    nested: others.filter((path) => path.endsWith('/')),
    submodules: staged
      .filter((line) => line.startsWith('160000 '))
      .map((line) => line.slice(line.indexOf('\t') + 1)),
  }
}
