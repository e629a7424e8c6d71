import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Failure } from '../../../shared/domain/failure.ts'
import { readRef, requireBranchName } from './branches.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { findAdminDir, repositoryPlace, verifiedPlace, type WorktreeAt, type WorktreePlace } from './place.ts'

export interface WorktreeEntry {
  path: string
  headSha: string | null
  /** Short name; null when HEAD is detached. */
  branch: string | null
  /** The repository's own checkout. */
  isMain: boolean
  locked: boolean
  /** Git's reason for calling it stale (its folder is gone), or null. */
  prunable: string | null
}

/** What we leave in a worktree's admin folder: only what carries it is ever removed. */
export interface WorktreeMarker {
  attemptId: string
  branch: string
  path: string
}

const MARKER = 'quartet.json'

/** All worktrees that the repository knows, its own checkout first. */
export async function listWorktrees(
  ctx: GitContext,
  repo: string,
  options: CallOptions = {},
): Promise<WorktreeEntry[]> {
  const output = await ctx.runner.run(await repositoryPlace(repo), {
    operation: 'Listing worktrees',
    kind: 'probe',
    args: ['worktree', 'list', '--porcelain', '-z'],
    ...callOptions(options),
  })
  const blocks = output.stdout
    .toString('utf8')
    .split('\0\0')
    .filter((block) => block !== '')
  return blocks.map((block, i) => {
    const lines = block.split('\0')
    const value = (key: string) =>
      lines.find((line) => line === key || line.startsWith(`${key} `))?.slice(key.length + 1) ?? null
    const sha = value('HEAD')
    return {
      path: value('worktree') ?? '',
      headSha: sha === null || /^0+$/.test(sha) ? null : sha,
      branch: value('branch')?.replace(/^refs\/heads\//, '') ?? null,
      isMain: i === 0,
      locked: value('locked') !== null,
      prunable: value('prunable'),
    }
  })
}

export interface AddWorktree extends CallOptions {
  repo: string
  /** Absolute; its folder need not exist yet. */
  path: string
  branch: string
  baseSha: string
  attemptId: string
}

/**
 * Registers a worktree with a new branch at `baseSha`, without its files (see `checkoutWorktree`). Adds of one repository
 * run one at a time: they race inside git. Idempotent: what an interrupted call left (the branch, the registration, a
 * vanished folder) is taken up again. Throws `illegal_state` when the path or the branch is in use for something else.
 */
export async function addWorktree(ctx: GitContext, request: AddWorktree): Promise<WorktreeMarker> {
  const { repo, branch, baseSha, attemptId } = request
  const path = resolve(request.path)
  await requireBranchName(ctx, repo, branch, request)
  if (!/^[0-9a-f]{40,64}$/.test(baseSha)) throw new Failure('invalid_input', `“${baseSha}” is no full SHA.`)
  const place = await repositoryPlace(repo)
  ctx.creations.count++
  try {
    return await ctx.mutex.run(`worktrees:${place.commonDir}`, async () => {
      const marker: WorktreeMarker = { attemptId, branch, path }
      const admin = await findAdminDir(place.commonDir, path)
      if (admin !== null) {
        if (await takeUp(request, admin, path)) return await writeMarker(admin, marker)
        await forgetAdminDir(admin)
      }
      await requireEmptyPath(path)
      await mkdir(dirname(path), { recursive: true })
      if (!(await register(ctx, place, request, path, true))) {
        // The branch is there: an earlier call was cut off behind it, or it is something else.
        const tip = await readRef(ctx, place, `refs/heads/${branch}`, request)
        if (tip !== baseSha) {
          throw new Failure('illegal_state', `Branch “${branch}” exists already and points elsewhere.`, {
            branch,
            tip,
            baseSha,
          })
        }
        await register(ctx, place, request, path, false)
      }
      const created = await findAdminDir(place.commonDir, path)
      if (created === null)
        throw new Failure('worktree_missing', `Git did not register the worktree ${path}.`, { path })
      return await writeMarker(created, marker)
    })
  } finally {
    ctx.creations.count--
  }
}

/** Lets git register the worktree, with a new branch or with the one that is there; false when a new one is there already. */
async function register(
  ctx: GitContext,
  place: WorktreePlace,
  request: AddWorktree,
  path: string,
  newBranch: boolean,
): Promise<boolean> {
  const { branch, baseSha } = request
  const output = await ctx.runner.run(place, {
    operation: 'Creating a worktree',
    kind: 'local',
    writes: true,
    priority: 'creation',
    args: newBranch
      ? ['worktree', 'add', '--no-checkout', '--no-track', '-b', branch, '--', path, baseSha]
      : ['worktree', 'add', '--no-checkout', '--', path, branch],
    ...(newBranch ? { expected: ['branch_exists' as const] } : {}),
    ...callOptions(request),
  })
  return output.problem === null
}

/** True when the registration found at `path` is this very attempt's and alive; false when its folder is gone. */
async function takeUp(request: AddWorktree, admin: string, path: string): Promise<boolean> {
  const known = await readMarker(admin)
  // Cut off between git's registration and our marker: the branch, which is never used twice, tells.
  const head = (await readFile(join(admin, 'HEAD'), 'utf8').catch(() => '')).trim()
  const ours =
    known === null ? head === `ref: refs/heads/${request.branch}` : known.attemptId === request.attemptId
  if (!ours) {
    throw new Failure('illegal_state', `${path} is already a worktree for something else.`, {
      path,
      attemptId: known?.attemptId,
      head,
    })
  }
  try {
    await verifiedPlace({ repo: request.repo, path })
    return true
  } catch (error) {
    if (error instanceof Failure && error.code === 'worktree_missing') return false
    throw error
  }
}

async function requireEmptyPath(path: string): Promise<void> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new Failure('illegal_state', `${path} is in the way: it is no folder.`, { path })
  })
  if (names.length > 0)
    throw new Failure('illegal_state', `${path} is in the way: it is not empty.`, { path })
}

async function writeMarker(admin: string, marker: WorktreeMarker): Promise<WorktreeMarker> {
  const draft = join(admin, `${MARKER}.new`)
  await writeFile(draft, `${JSON.stringify(marker)}\n`)
  await rename(draft, join(admin, MARKER))
  return marker
}

/** Our marker in an admin folder; null when there is none or it cannot be read as one. */
export async function readMarker(admin: string): Promise<WorktreeMarker | null> {
  try {
    const value: unknown = JSON.parse(await readFile(join(admin, MARKER), 'utf8'))
    return isMarker(value) ? value : null
  } catch {
    return null
  }
}

function isMarker(value: unknown): value is WorktreeMarker {
  if (typeof value !== 'object' || value === null) return false
  return ['attemptId', 'branch', 'path'].every(
    (key) => typeof Object.entries(value).find(([k]) => k === key)?.[1] === 'string',
  )
}

/** Deletes the small admin folder of a worktree whose own folder is gone already. */
async function forgetAdminDir(admin: string): Promise<void> {
  const doomed = `${admin}.quartet-gone-${process.pid}`
  // Renamed first: a half-deleted admin folder makes every `git worktree` command of the repository fail.
  await rename(admin, doomed)
  await rm(doomed, { recursive: true })
}

export interface CheckoutWorktree extends WorktreeAt, CallOptions {
  /** 0 to 100, as git reports it; the last call is 100. */
  onProgress?: (percent: number) => void
}

/**
 * Writes the files of a worktree made by `addWorktree`; several may run at once, the first a little ahead of the others (see
 * head-start.ts). Done already (the worktree has an index) means nothing to do, so an agent's work is never overwritten.
 * Gives whether files were written.
 */
export async function checkoutWorktree(
  ctx: GitContext,
  request: CheckoutWorktree,
): Promise<{ written: boolean }> {
  const place = await verifiedPlace(request)
  ctx.creations.count++
  try {
    if (await hasFile(join(place.gitDir, 'index'))) return { written: false }
    await ctx.headStart.run(place.commonDir, request.signal, () =>
      ctx.runner.run(place, {
        operation: 'Checking out files',
        kind: 'long',
        writes: true,
        // Without an index nobody has worked here yet: what lies around comes from an interrupted checkout.
        args: ['read-tree', '-v', '--reset', '-u', 'HEAD'],
        onStderr: percentReader(request.onProgress),
        ...callOptions(request),
      }),
    )
    request.onProgress?.(100)
    return { written: true }
  } finally {
    ctx.creations.count--
  }
}

const hasFile = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** Reads `Updating files:  42% (…)` out of git's progress; a figure may be cut by a chunk, the next one follows soon. */
function percentReader(onProgress: ((percent: number) => void) | undefined): (chunk: Buffer) => void {
  let last = -1
  return (chunk) => {
    const percent = Number(/(\d{1,3})% \(\d+\/\d+\)[^%]*$/.exec(chunk.toString('latin1'))?.[1] ?? last)
    if (percent > last && percent < 100) {
      last = percent
      onProgress?.(percent)
    }
  }
}

/** Checks that a worktree is there and still ours. Throws `worktree_missing`, `worktree_tampered`, `repository_missing`. */
export async function verifyWorktree(
  _ctx: GitContext,
  at: WorktreeAt,
): Promise<{ adminDir: string; marker: WorktreeMarker | null }> {
  const place = await verifiedPlace(at)
  return { adminDir: place.gitDir, marker: await readMarker(place.gitDir) }
}

/** HEAD of a worktree: its SHA (null before the first commit) and branch (null when detached). */
export async function readHead(
  ctx: GitContext,
  request: WorktreeAt & CallOptions,
): Promise<{ sha: string | null; branch: string | null }> {
  const place = await verifiedPlace(request)
  return headOf(ctx, place, request)
}

/** The same for a place that was checked already. */
export async function headOf(
  ctx: GitContext,
  place: WorktreePlace,
  options: CallOptions = {},
): Promise<{ sha: string | null; branch: string | null }> {
  const output = await ctx.runner.run(place, {
    operation: 'Reading HEAD',
    kind: 'probe',
    args: ['symbolic-ref', '--quiet', 'HEAD'],
    success: [0, 1],
    ...callOptions(options),
  })
  const ref = output.stdout.toString('utf8').trim()
  return {
    sha: await readRef(ctx, place, 'HEAD', options),
    branch: ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : null,
  }
}
