import { Failure } from '../../../shared/domain/failure.ts'
import { readRef } from './branches.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { repositoryPlace } from './place.ts'

/** `landed`: the work of an attempt that won. `heads`: all that is left of one whose worktree vanished. */
export type KeepKind = 'landed' | 'heads'

/** Keeps a commit (full SHA) reachable under `refs/quartet/<kind>/<attempt>` and gives that ref. Throws `not_found` for an unknown commit. */
export async function keepCommit(
  ctx: GitContext,
  request: { repo: string; attemptId: string; kind: KeepKind; sha: string } & CallOptions,
): Promise<string> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/.test(request.attemptId))
    throw new Failure('invalid_input', 'This attempt id cannot name a ref.', { attemptId: request.attemptId })
  const ref = `refs/quartet/${request.kind}/${request.attemptId}`
  const place = await repositoryPlace(request.repo)
  if (!(await readRef(ctx, place, request.sha, request)))
    throw new Failure('not_found', `There is no commit ${request.sha}.`, { sha: request.sha })
  await ctx.runner.run(place, {
    operation: 'Keeping a commit',
    kind: 'local',
    writes: true,
    args: ['update-ref', '--no-deref', ref, request.sha],
    ...callOptions(request),
  })
  return ref
}

/** The commit that a full ref names, or null. */
export async function resolveRef(
  ctx: GitContext,
  repo: string,
  ref: string,
  options: CallOptions = {},
): Promise<string | null> {
  if (!ref.startsWith('refs/')) throw new Failure('invalid_input', `“${ref}” is no full ref.`)
  return readRef(ctx, await repositoryPlace(repo), ref, options)
}

/** First line of a commit's message. */
export async function commitSubject(
  ctx: GitContext,
  repo: string,
  sha: string,
  options: CallOptions = {},
): Promise<string> {
  return ctx.runner.text(await repositoryPlace(repo), {
    operation: 'Reading a commit’s subject',
    kind: 'probe',
    args: [
      'log',
      '--no-show-signature',
      '--no-color',
      '--no-mailmap',
      '--max-count=1',
      '--format=tformat:%s',
      '--end-of-options',
      sha,
      '--',
    ],
    ...callOptions(options),
  })
}
