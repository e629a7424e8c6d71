import { Failure, isFailure } from '../../../shared/domain/failure.ts'
import { readRef, requireBranchName } from './branches.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { repositoryPlace, type WorktreePlace } from './place.ts'

// Talking to a remote. It is named by its URL and not by its name: whoever writes the shared configuration could point a
// name elsewhere between the engineer's look and our push.

/** How to sign in over https when the user's own git cannot: sent to `prefix` alone, never on a command line. */
export interface RemoteAuth {
  /** `https://github.com/` */
  prefix: string
  token: string
}

export interface Remote extends CallOptions {
  repo: string
  url: string
  auth?: RemoteAuth | undefined
}

/** Where a fetched branch is kept: beside the user's own remote-tracking refs, which are theirs to update. */
const keptAt = (branch: string) => `refs/quartet/remote/${branch}`

/**
 * Fetches one branch and gives its commit (full SHA); null when the remote has no such branch. Writes no `FETCH_HEAD`, no
 * tags, no remote-tracking ref. Throws `remote_denied`, `remote_unreachable`, `worktree_tampered` (redirected remote).
 */
export async function fetchBranch(
  ctx: GitContext,
  request: Remote & { branch: string },
): Promise<string | null> {
  const { branch, url } = request
  await requireBranchName(ctx, request.repo, branch, request)
  const place = await repositoryPlace(request.repo)
  const missing = await network(ctx, place, request, async (env) => {
    const output = await ctx.runner.run(place, {
      operation: `Fetching ${branch}`,
      kind: 'network',
      writes: true,
      args: [
        'fetch',
        '--quiet',
        '--force',
        '--no-tags',
        '--no-write-fetch-head',
        '--no-recurse-submodules',
        '--no-auto-maintenance',
        '--refmap=',
        '--end-of-options',
        url,
        `refs/heads/${branch}:${keptAt(branch)}`,
      ],
      success: [0, 1, 128],
      env,
      ...callOptions(request),
    })
    if (output.code === 0) return false
    if (/couldn't find remote ref/i.test(output.stderr)) return true
    throw remoteFailure(`Fetching ${branch}`, output.stderr)
  })
  return missing ? null : readRef(ctx, place, keptAt(branch), request)
}

/** The commit that a branch of the remote points to now, without fetching it; null when there is no such branch. */
export async function remoteHead(
  ctx: GitContext,
  request: Remote & { branch: string },
): Promise<string | null> {
  const { branch, url } = request
  await requireBranchName(ctx, request.repo, branch, request)
  const place = await repositoryPlace(request.repo)
  return network(ctx, place, request, async (env) => {
    const output = await ctx.runner.run(place, {
      operation: `Looking at ${branch} on the remote`,
      kind: 'network',
      args: ['ls-remote', '--quiet', '--refs', '--end-of-options', url, `refs/heads/${branch}`],
      success: [0, 1, 128],
      env,
      ...callOptions(request),
    })
    if (output.code !== 0) throw remoteFailure(`Looking at ${branch} on the remote`, output.stderr)
    // The pattern matches the end of ref names too.
    const line = output.stdout
      .toString('utf8')
      .split('\n')
      .find((each) => each.endsWith(`\trefs/heads/${branch}`))
    return line?.split('\t')[0] ?? null
  })
}

export interface PushBranch extends Remote {
  branch: string
  sha: string
  /** What the remote branch must point to now; null when it must not exist. */
  expected: string | null
}

/**
 * Puts `sha` on a branch of the remote if that is still at `expected`. What the remote has is never dropped: a push that
 * is no fast-forward of `expected` is refused before it is tried. Throws `stale_head` (data.now) when the branch moved,
 * `push_rejected` (data.reason: what the remote or its hook says), `remote_denied`, `remote_unreachable`.
 */
export async function pushBranch(ctx: GitContext, request: PushBranch): Promise<void> {
  const { branch, sha, expected } = request
  await requireBranchName(ctx, request.repo, branch, request)
  const place = await repositoryPlace(request.repo)
  if (expected !== null && !(await contains(ctx, place, expected, sha, request))) {
    throw new Failure(
      'stale_head',
      `Pushing ${branch} would drop commits that the remote has; it was left alone.`,
      { branch, now: expected },
    )
  }
  await push(ctx, place, request, `${sha}:refs/heads/${branch}`)
}

/** Deletes a branch of the remote if it is still at `expected`; gone already counts as deleted. Throws as `pushBranch`. */
export async function deleteRemoteBranch(
  ctx: GitContext,
  request: Remote & { branch: string; expected: string },
): Promise<void> {
  await requireBranchName(ctx, request.repo, request.branch, request)
  const place = await repositoryPlace(request.repo)
  const now = await remoteHead(ctx, request)
  if (now === null) return
  await push(ctx, place, request, `:refs/heads/${request.branch}`)
}

async function push(
  ctx: GitContext,
  place: WorktreePlace,
  request: Remote & { branch: string; expected: string | null },
  refspec: string,
): Promise<void> {
  const { branch, expected } = request
  const operation = `Pushing ${branch}`
  const output = await network(ctx, place, request, async (env) => {
    const result = await ctx.runner.run(place, {
      operation,
      kind: 'network',
      writes: true,
      args: [
        'push',
        '--porcelain',
        '--no-follow-tags',
        '--no-signed',
        '--recurse-submodules=no',
        `--force-with-lease=refs/heads/${branch}:${expected ?? ''}`,
        '--end-of-options',
        request.url,
        refspec,
      ],
      success: [0, 1, 128],
      env,
      ...callOptions(request),
    })
    const said = `${result.stdout.toString('utf8')}\n${result.stderr}`
    if (result.code !== 0 && !/^!\t/m.test(said)) throw remoteFailure(operation, result.stderr)
    return { code: result.code, said, stderr: result.stderr }
  })
  if (output.code === 0) return
  const verdict = /^!\t[^\t]*\t(.*)$/m.exec(output.said)?.[1] ?? ''
  if (
    /stale info|fetch first|non-fast-forward|reference already exists|incorrect old value|failed to update ref/i.test(
      verdict,
    )
  ) {
    throw new Failure('stale_head', `Branch “${branch}” of the remote has moved; it was left alone.`, {
      branch,
      expected,
      now: await remoteHead(ctx, request),
    })
  }
  const remarks = output.stderr
    .split('\n')
    .flatMap((line) => (line.startsWith('remote: ') ? [line.slice(8).trim()] : []))
    .filter(Boolean)
  const reason = (remarks.length > 0 ? remarks.join(' ') : verdict).slice(0, 500)
  throw new Failure('push_rejected', `The remote did not take the push of ${branch}: ${reason}.`, {
    branch,
    reason,
    verdict,
  })
}

async function contains(
  ctx: GitContext,
  place: WorktreePlace,
  ancestor: string,
  descendant: string,
  options: CallOptions,
): Promise<boolean> {
  const output = await ctx.runner.run(place, {
    operation: 'Comparing histories',
    kind: 'local',
    args: ['merge-base', '--is-ancestor', ancestor, descendant],
    // 128: we do not even have what the remote has.
    success: [0, 1, 128],
    ...callOptions(options),
  })
  return output.code === 0
}

/** Runs a call to the remote as the user's own git would; where that is denied, once more with the token, if there is one. */
async function network<T>(
  ctx: GitContext,
  place: WorktreePlace,
  request: Remote,
  call: (env: Record<string, string>) => Promise<T>,
): Promise<T> {
  await requireStraight(ctx, place, request)
  try {
    return await call({})
  } catch (error) {
    const { auth } = request
    if (!isFailure(error, 'remote_denied') || !auth || !request.url.startsWith(auth.prefix)) throw error
    const credentials = Buffer.from(`x-access-token:${auth.token}`).toString('base64')
    // In the environment: arguments can be read by every user of the machine.
    return call({
      GIT_CONFIG_PARAMETERS: `'http.${auth.prefix}.extraheader'='Authorization: Basic ${credentials}'`,
    })
  }
}

/** Throws when the repository's own configuration sends its URLs elsewhere: any agent can write it. */
async function requireStraight(ctx: GitContext, place: WorktreePlace, request: Remote): Promise<void> {
  if (request.url === '' || request.url.startsWith('-') || /[\u0000-\u001f]/.test(request.url))
    throw new Failure('invalid_input', 'The URL of the remote cannot be used.')
  const output = await ctx.runner.run(place, {
    operation: 'Looking for redirected remotes',
    kind: 'probe',
    args: ['config', '--show-scope', '-z', '--get-regexp', '^url\\..*\\.(insteadof|pushinsteadof)$'],
    success: [0, 1],
    ...callOptions(request),
  })
  const parts = output.stdout.toString('utf8').split('\0')
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const scope = parts[i] ?? ''
    const key = (parts[i + 1] ?? '').split('\n')[0] ?? ''
    if (scope !== 'system' && scope !== 'global') {
      throw new Failure(
        'worktree_tampered',
        `The repository’s own git configuration redirects remotes (${key}). Remove it or put it into your global configuration.`,
        { key, scope },
      )
    }
  }
}

const DENIED =
  /could not read (?:Username|Password)|Authentication failed|Permission denied|Invalid username or|terminal prompts disabled|Permission to .* denied|returned error: 40[13]|Access denied|not authorized/i

function remoteFailure(operation: string, stderr: string): Failure {
  const said = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  const sentence = (
    said.find((line) => /^(?:fatal|error|ERROR|remote):/.test(line)) ??
    said[0] ??
    'no reason given'
  )
    .replace(/^(?:fatal|error|remote): /, '')
    .replace(/\.$/, '')
    .slice(0, 300)
  return new Failure(
    DENIED.test(stderr) ? 'remote_denied' : 'remote_unreachable',
    `${operation}: ${sentence}.`,
    { stderr: stderr.slice(0, 4_000) },
  )
}
