import { lstat, readdir, readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Failure } from '../../../shared/domain/failure.ts'

/** Where a git call works; `gitDir`, `commonDir` and `workTree` are given to git explicitly, so that no file can point it elsewhere. */
export interface Place {
  cwd: string
  /** Null lets git look for the repository itself: only for a folder that was not examined yet. */
  gitDir: string | null
  commonDir: string | null
  workTree: string | null
}

/** A worktree of a repository: the repository's own checkout when both paths are the same. */
export interface WorktreeAt {
  repo: string
  path: string
}

/** A worktree's place, and the folder inside the repository's `.git` that describes it. */
export interface WorktreePlace extends Place {
  gitDir: string
  commonDir: string
  workTree: string
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : '')
const isMissing = (error: unknown) => ['ENOENT', 'ENOTDIR'].includes(codeOf(error))

/** The entry at `path` itself (links are not followed), or null when there is none. */
async function entryAt(path: string) {
  try {
    return await lstat(path)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

async function textOf(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** The folder that a `.git` file points to, or null when the text is no such pointer. */
function pointedAt(text: string, folder: string): string | null {
  const target = /^gitdir: (.+)$/s.exec(text)?.[1]
  return target === undefined ? null : resolve(folder, target)
}

/** The place of a repository's own checkout. Throws `repository_missing` when it is gone, `linked_worktree` when it is none. */
export async function repositoryPlace(repo: string): Promise<WorktreePlace> {
  const dot = join(repo, '.git')
  const entry = await entryAt(dot)
  if (!entry)
    throw new Failure('repository_missing', `The repository ${repo} is not there any more.`, { repo })
  let gitDir: string | null = dot
  if (entry.isSymbolicLink()) gitDir = await realpath(dot)
  else if (entry.isFile()) gitDir = pointedAt((await textOf(dot)) ?? '', repo)
  if (!gitDir || !(await entryAt(gitDir))?.isDirectory()) {
    throw new Failure('repository_missing', `The repository ${repo} has lost its git folder.`, { repo })
  }
  if ((await entryAt(join(gitDir, 'commondir'))) !== null) {
    throw new Failure('linked_worktree', `${repo} is a worktree of another repository.`, { repo })
  }
  return { cwd: repo, gitDir, commonDir: gitDir, workTree: repo }
}

/** The path with its folder resolved and its last part as it is: how git notes a worktree, also when that is gone. */
async function canonical(path: string): Promise<string> {
  try {
    return join(await realpath(dirname(resolve(path))), basename(resolve(path)))
  } catch (error) {
    if (isMissing(error)) return resolve(path)
    throw error
  }
}

/** The admin folder (`.git/worktrees/NAME`) of the worktree at `path`, found from the repository's side; null when none is registered. */
export async function findAdminDir(commonDir: string, path: string): Promise<string | null> {
  const home = join(commonDir, 'worktrees')
  const wanted = await canonical(path)
  const isOf = async (name: string): Promise<boolean> => {
    const pointer = await textOf(join(home, name, 'gitdir'))
    if (pointer === null) return false
    const tree = dirname(resolve(home, name, pointer))
    return tree === wanted || (await canonical(tree)) === wanted
  }
  // Git names it after the folder unless that name is taken or cannot be one. Looking through all of them, for each of
  // sixteen creations beside a hundred worktrees, would hold the core up for longer than git works.
  const likely = basename(wanted)
  if (likely !== '' && (await isOf(likely))) return join(home, likely)
  let names: string[]
  try {
    names = await readdir(home)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
  for (const name of names) if (name !== likely && (await isOf(name))) return join(home, name)
  return null
}

/**
 * The place of a worktree as the repository knows it, whatever the worktree's own `.git` file says.
 * Throws `worktree_missing` when the folder or its registration is gone, `worktree_tampered` when it is a link or no folder.
 */
export async function registeredPlace(at: WorktreeAt): Promise<WorktreePlace> {
  const repository = await repositoryPlace(at.repo)
  if (resolve(at.path) === resolve(at.repo)) return repository
  const entry = await entryAt(at.path)
  if (!entry)
    throw new Failure('worktree_missing', `The worktree ${at.path} is not there any more.`, { ...at })
  if (!entry.isDirectory()) {
    throw new Failure('worktree_tampered', `${at.path} was replaced by something that is not a folder.`, {
      ...at,
    })
  }
  const gitDir = await findAdminDir(repository.commonDir, at.path)
  if (!gitDir) {
    throw new Failure('worktree_missing', `Git does not know the worktree ${at.path} any more.`, { ...at })
  }
  return { cwd: at.path, gitDir, commonDir: repository.commonDir, workTree: at.path }
}

/**
 * Checks that a worktree is still ours: a real folder whose `.git` file points to its own admin folder inside the
 * repository. Gives its place. Throws `worktree_missing` or `worktree_tampered`, `repository_missing`.
 */
export async function verifiedPlace(at: WorktreeAt): Promise<WorktreePlace> {
  const place = await registeredPlace(at)
  if (place.gitDir === place.commonDir) return place
  const dot = join(at.path, '.git')
  const entry = await entryAt(dot)
  const target = entry?.isFile() ? pointedAt((await textOf(dot)) ?? '', at.path) : null
  if (!target || (await canonical(target)) !== (await canonical(place.gitDir))) {
    throw new Failure(
      'worktree_tampered',
      `The .git file of ${at.path} does not point to its repository any more.`,
      {
        ...at,
        pointsTo: target,
      },
    )
  }
  return place
}
