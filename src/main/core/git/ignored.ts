import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import type { WorktreePlace } from './place.ts'

export interface IgnoredFiles {
  /** Files (not folders) that git ignores. */
  count: number
  bytes: number
  /** Some of them, folders ending in `/`: what a person would recognise (`.env`, `node_modules/`). */
  paths: string[]
  /** Counting stopped at the limit: the numbers are lower bounds. */
  capped: boolean
}

/** A dependency folder easily holds 200,000 files; nobody needs their exact number. */
const MAX_ENTRIES = 20_000
const MAX_PATHS = 200

/** What a snapshot does not keep: the ignored files of a worktree, counted. */
export async function countIgnored(
  ctx: GitContext,
  place: WorktreePlace,
  options: CallOptions = {},
): Promise<IgnoredFiles> {
  const output = await ctx.runner.run(place, {
    operation: 'Listing ignored files',
    kind: 'local',
    args: ['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--directory'],
    ...callOptions(options),
  })
  const tops = output.stdout.toString('utf8').split('\0').filter(Boolean)
  const result: IgnoredFiles = {
    count: 0,
    bytes: 0,
    paths: tops.slice(0, MAX_PATHS),
    capped: output.truncated,
  }
  const queue = tops.map((path) => join(place.workTree, path))
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (result.count >= MAX_ENTRIES || options.signal?.aborted) return { ...result, capped: true }
    const entry = await lstat(path).catch(() => null)
    if (!entry) continue
    if (entry.isDirectory()) {
      for (const name of await readdir(path).catch(() => [])) queue.push(join(path, name))
      continue
    }
    result.count++
    result.bytes += entry.size
  }
  return result
}
