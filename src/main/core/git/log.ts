import { Failure } from '../../../shared/domain/failure.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { repositoryPlace } from './place.ts'

export interface Commit {
  sha: string
  parents: string[]
  authorName: string
  authorEmail: string
  /** ISO 8601 with its zone. */
  authoredAt: string
  committedAt: string
  subject: string
  body: string
}

const FORMAT = ['%H', '%P', '%an', '%ae', '%aI', '%cI', '%s', '%b'].join('%x00')
const FIELDS = 8

/** Commits that `to` has and `from` has not (full SHAs), newest first, at most `limit` (default 200). */
export async function logBetween(
  ctx: GitContext,
  request: { repo: string; from: string; to: string; limit?: number } & CallOptions,
): Promise<Commit[]> {
  const output = await ctx.runner.run(await repositoryPlace(request.repo), {
    operation: 'Reading the history',
    kind: 'local',
    args: [
      'log',
      '-z',
      '--no-show-signature',
      '--no-color',
      '--no-mailmap',
      `--format=tformat:${FORMAT}`,
      `--max-count=${request.limit ?? 200}`,
      '--end-of-options',
      request.to,
      `^${request.from}`,
      '--',
    ],
    ...callOptions(request),
  })
  const parts = output.stdout.toString('utf8').split('\0')
  const commits: Commit[] = []
  for (let i = 0; i + FIELDS <= parts.length; i += FIELDS) {
    const [
      sha = '',
      parents = '',
      authorName = '',
      authorEmail = '',
      authoredAt = '',
      committedAt = '',
      subject = '',
      body = '',
    ] = parts.slice(i, i + FIELDS)
    commits.push({
      sha,
      parents: parents.split(' ').filter(Boolean),
      authorName,
      authorEmail,
      authoredAt,
      committedAt,
      subject,
      body: body.trimEnd(),
    })
  }
  return commits
}

/** A file as of a commit. Throws `not_found` when the commit has no such file; cut at `maxBytes` (default 4 MiB). */
export async function readFileAt(
  ctx: GitContext,
  request: { repo: string; sha: string; path: string; maxBytes?: number } & CallOptions,
): Promise<{ content: Buffer; truncated: boolean }> {
  const place = await repositoryPlace(request.repo)
  // No `--` here: after --end-of-options ls-tree takes it for a path.
  const listing = await ctx.runner.text(place, {
    operation: 'Looking for a file',
    kind: 'probe',
    args: ['ls-tree', '-z', '--full-tree', '--end-of-options', request.sha, request.path],
    env: { GIT_LITERAL_PATHSPECS: '1' },
    ...callOptions(request),
  })
  const blob = /^\d+ blob ([0-9a-f]+)\t/.exec(listing)?.[1]
  if (!blob)
    throw new Failure('not_found', `${request.sha.slice(0, 10)} has no file ${request.path}.`, {
      path: request.path,
      sha: request.sha,
    })
  const output = await ctx.runner.run(place, {
    operation: 'Reading a file',
    kind: 'local',
    args: ['cat-file', 'blob', blob],
    maxBytes: request.maxBytes ?? 4 * 1024 * 1024,
    ...callOptions(request),
  })
  return { content: output.stdout, truncated: output.truncated }
}
