import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { verifiedPlace, type WorktreeAt } from './place.ts'

/**
 * Fetches the submodules of a fresh worktree, one level deep; gives the paths. Throws `git_failed` with git's reason. Runs
 * only when asked for: submodule URLs come from the repository, and a submodule may hold another. A submodule that has
 * content already is left alone, since git would run in it under its own configuration.
 */
export async function fetchSubmodules(
  ctx: GitContext,
  request: WorktreeAt & CallOptions,
): Promise<{ fetched: string[] }> {
  const place = await verifiedPlace(request)
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
