import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { verifiedPlace, type WorktreeAt } from './place.ts'

/** Commits of which it is remembered that they have no submodules. */
const MAX_KNOWN = 256

/**
 * Fetches the submodules of a fresh worktree, one level deep; gives the paths. Throws `git_failed` with git's reason. Runs
 * only when asked for: submodule URLs come from the repository, and a submodule may hold another. A submodule that has
 * content already is left alone, since git would run in it under its own configuration. With `headSha` (what the worktree
 * was made from and still is) the attempts of one round ask only once whether there are any.
 */
export async function fetchSubmodules(
  ctx: GitContext,
  request: WorktreeAt & { headSha?: string } & CallOptions,
): Promise<{ fetched: string[] }> {
  const place = await verifiedPlace(request)
  const commit = request.headSha === undefined ? null : `${place.commonDir} ${request.headSha}`
  if (commit !== null && ctx.plainCommits.has(commit)) return { fetched: [] }
  // Tens of thousands of lines in a large repository.
  const listing = await ctx.runner.run(place, {
    operation: 'Looking for submodules',
    kind: 'local',
    args: ['ls-files', '-z', '--stage'],
    maxBytes: 256 * 1024 * 1024,
    ...callOptions(request),
  })
  const lines = listing.stdout
    .toString('utf8')
    .split('\0')
    .filter((line) => line.startsWith('160000 '))
  if (lines.length === 0 && commit !== null) {
    ctx.plainCommits.add(commit)
    const [oldest] = ctx.plainCommits
    if (ctx.plainCommits.size > MAX_KNOWN && oldest !== undefined) ctx.plainCommits.delete(oldest)
  }
  const empty: string[] = []
  for (const path of lines.map((line) => line.slice(line.indexOf('\t') + 1))) {
    const folder = join(request.path, path)
    const entry = await lstat(folder).catch(() => null)
    const isEmpty = entry === null || (entry.isDirectory() && (await readdir(folder)).length === 0)
    if (isEmpty) empty.push(path)
  }
  if (empty.length === 0) return { fetched: [] }
  await ctx.runner.run(place, {
    operation: 'Fetching submodules',
    kind: 'long',
    writes: true,
    args: [
      'submodule',
      '--quiet',
      'update',
      '--init',
      '--checkout',
      '--no-recommend-shallow',
      '--',
      ...empty,
    ],
    ...callOptions(request),
  })
  return { fetched: empty }
}
