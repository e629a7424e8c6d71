import { lstat, readFile } from 'node:fs/promises'
import { Failure } from '../../../shared/domain/failure.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { registeredPlace, type WorktreePlace } from './place.ts'
import { operationUnderWay } from './snapshot-state.ts'
import { listChanges } from './status.ts'
import { listWorktrees } from './worktrees.ts'

// When the base branch moves, the checkout that has it must follow, or the user would see the landed change undone as
// "staged". It follows only when nothing of the user's can be lost by that.

/** The checkout (main or linked) that has `branch`, or null. */
export async function findCheckout(
  ctx: GitContext,
  repo: string,
  branch: string,
  options: CallOptions,
): Promise<WorktreePlace | null> {
  const entry = (await listWorktrees(ctx, repo, options)).find(
    (each) => each.branch === branch && each.prunable === null,
  )
  if (!entry) return null
  return registeredPlace({ repo, path: entry.isMain ? repo : entry.path })
}

/**
 * Throws `base_dirty` (with the files, or the operation under way) unless the checkout can go from `from` to `to` without
 * losing anything: no staged or unstaged change, no merge or rebase begun, no untracked or ignored file where a new one goes.
 */
export async function requireUpdatable(
  ctx: GitContext,
  place: WorktreePlace,
  from: string,
  to: string,
  options: CallOptions,
): Promise<void> {
  const where = place.workTree
  const operation = await operationUnderWay(place.gitDir)
  if (operation) {
    throw new Failure('base_dirty', `A ${operation} is under way in ${where}. Finish it, then land again.`, {
      path: where,
      operation,
      files: [],
    })
  }
  const { entries } = await listChanges(ctx, place, 'no', options)
  if (entries.length > 0)
    throw dirty(
      where,
      entries.map((entry) => entry.path),
    )
  const blocking = await newFilesInTheWay(ctx, place, from, to, options)
  if (blocking.length > 0) {
    throw new Failure(
      'base_dirty',
      `${where} holds files that the change would overwrite: ${blocking.slice(0, 3).join(', ')}.`,
      { path: where, files: blocking },
    )
  }
}

const dirty = (path: string, files: readonly string[]) =>
  new Failure(
    'base_dirty',
    `${path} has uncommitted changes in ${files.length === 1 ? files[0] : `${files.length} files`}. Commit or stash them, then land again.`,
    {
      path,
      files: files.slice(0, 500),
    },
  )

/** Ignored files count too: git itself would overwrite them without a word. */
async function newFilesInTheWay(
  ctx: GitContext,
  place: WorktreePlace,
  from: string,
  to: string,
  options: CallOptions,
): Promise<string[]> {
  const output = await ctx.runner.run(place, {
    operation: 'Listing new files',
    kind: 'local',
    args: ['diff-tree', '-r', '-z', '--no-renames', '--diff-filter=AD', '--name-status', from, to],
    ...callOptions(options),
  })
  const parts = output.stdout
    .toString('latin1')
    .split('\0')
    .filter((part) => part !== '')
  const added: string[] = []
  const deleted = new Set<string>()
  for (let i = 0; i + 1 < parts.length; i += 2) {
    if (parts[i] === 'A') added.push(parts[i + 1] ?? '')
    else deleted.add(parts[i + 1] ?? '')
  }
  const blocking: string[] = []
  for (const path of added) {
    const obstacle = await obstacleAt(place.workTree, path, deleted)
    if (obstacle !== null) blocking.push(Buffer.from(obstacle, 'latin1').toString('utf8'))
  }
  return [...new Set(blocking)]
}

/** What lies at `path`, or as a file or link on the way to it; tracked files that the change deletes do not count. */
async function obstacleAt(
  workTree: string,
  path: string,
  deleted: ReadonlySet<string>,
): Promise<string | null> {
  const parts = path.split('/')
  for (let n = 1; n <= parts.length; n++) {
    const part = parts.slice(0, n).join('/')
    const entry = await lstat(
      Buffer.concat([Buffer.from(`${workTree}/`), Buffer.from(part, 'latin1')]),
    ).catch(() => null)
    if (entry === null) return null
    const isLast = n === parts.length
    if (deleted.has(part)) return null
    if (isLast && entry.isDirectory()) {
      // A folder of tracked files that all go; git refuses by itself when something else is in it.
      return [...deleted].some((each) => each.startsWith(`${part}/`)) ? null : part
    }
    if (isLast || !entry.isDirectory()) return part
  }
  return null
}

/**
 * Takes up new file times into the index, so that git does not mistake a touched file for a changed one. It takes the
 * index lock too: a checkout that is locked is found out before the branch moves.
 */
export async function refreshIndex(
  ctx: GitContext,
  place: WorktreePlace,
  options: CallOptions,
): Promise<void> {
  await ctx.runner.run(place, {
    operation: 'Refreshing the index',
    kind: 'long',
    writes: true,
    // Without -q: with it, a lock is a silent exit code.
    args: ['update-index', '--refresh'],
    success: [0, 1],
    ...callOptions(options),
  })
}

/** Moves index and files from one commit to the other, as a fast-forward does; git itself refuses to lose local changes. */
export async function updateCheckout(
  ctx: GitContext,
  place: WorktreePlace,
  from: string,
  to: string,
  options: CallOptions,
): Promise<void> {
  await ctx.runner.run(place, {
    operation: 'Updating the checkout',
    kind: 'long',
    writes: true,
    args: ['read-tree', '-m', '-u', from, to],
    ...callOptions(options),
  })
}

/**
 * Ends an update that was cut off after the branch had moved from `from` to `to`: the index still holds `from`, and each
 * file is as in the one or the other. Gives `updated` (also when nothing was left to do), or `behind` when the user changed
 * something since, which is left alone.
 */
export async function finishUpdate(
  ctx: GitContext,
  place: WorktreePlace,
  from: string,
  to: string,
  options: CallOptions,
): Promise<'updated' | 'behind'> {
  const names = async (args: string[]): Promise<string[]> => {
    const output = await ctx.runner.run(place, {
      operation: 'Looking for an unfinished update',
      kind: 'local',
      args: [
        'diff',
        '--name-only',
        '-z',
        '--no-renames',
        '--no-ext-diff',
        '--no-textconv',
        '--ignore-submodules=dirty',
        ...args,
        '--',
      ],
      ...callOptions(options),
    })
    return output.stdout
      .toString('latin1')
      .split('\0')
      .filter((name) => name !== '')
  }
  const landed = new Set(await names([from, to]))
  // The index moves last: where it shows the landed paths, all files were written. What the user staged since is theirs.
  if (!(await names(['--cached', to])).some((path) => landed.has(path))) return 'updated'
  if ((await names(['--cached', from])).length > 0) return 'behind'
  const [changed, differing] = [await names([]), new Set(await names([to]))]
  if (changed.some((path) => differing.has(path))) return 'behind'
  if (!(await newFilesAreWritten(ctx, place, from, to, options))) return 'behind'
  await ctx.runner.run(place, {
    operation: 'Updating the checkout',
    kind: 'long',
    writes: true,
    args: ['read-tree', '--reset', '-u', to],
    ...callOptions(options),
  })
  return 'updated'
}

/** True when each file that `to` adds is absent or has the very content that it shall have. */
async function newFilesAreWritten(
  ctx: GitContext,
  place: WorktreePlace,
  from: string,
  to: string,
  options: CallOptions,
): Promise<boolean> {
  const output = await ctx.runner.run(place, {
    operation: 'Listing new files',
    kind: 'local',
    args: ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--diff-filter=A', from, to],
    ...callOptions(options),
  })
  const parts = output.stdout.toString('latin1').split('\0')
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const [, , , sha = ''] = (parts[i] ?? '').split(' ')
    const path = Buffer.concat([Buffer.from(`${place.workTree}/`), Buffer.from(parts[i + 1] ?? '', 'latin1')])
    const entry = await lstat(path).catch(() => null)
    if (entry === null) continue
    if (!entry.isFile()) return false
    const hash = await ctx.runner.text(place, {
      operation: 'Comparing a new file',
      kind: 'local',
      args: [
        'hash-object',
        '--stdin',
        `--path=${Buffer.from(parts[i + 1] ?? '', 'latin1').toString('utf8')}`,
      ],
      input: await readFile(path),
      ...callOptions(options),
    })
    if (hash !== sha) return false
  }
  return true
}
