import { Failure } from '../../../shared/domain/failure.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { repositoryPlace } from './place.ts'

const MAX_PATHS = 10_000

/** Ignored files of the main checkout that match one of the globs (gitignore style, relative to its root), folders ending in `/`. Throws `limit` beyond 10,000. */
export async function listIgnored(
  ctx: GitContext,
  request: { repo: string; globs: readonly string[] } & CallOptions,
): Promise<string[]> {
  const output = await ctx.runner.run(await repositoryPlace(request.repo), {
    operation: 'Listing ignored files to copy',
    kind: 'local',
    args: [
      'ls-files',
      '-z',
      '--others',
      '--ignored',
      '--exclude-standard',
      '--directory',
      '--',
      ...request.globs.map((glob) => `:(top,glob)${glob}`),
    ],
    ...callOptions(request),
  })
  const paths = output.stdout.toString('utf8').split('\0').filter(Boolean)
  if (paths.length > MAX_PATHS || output.truncated)
    throw new Failure(
      'limit',
      `More than ${MAX_PATHS} ignored files match files.copy of WORKFLOW.md: link their folder instead.`,
    )
  return paths
}
