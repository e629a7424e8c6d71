import {
  chmod,
  cp,
  lstat,
  mkdir,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Failure } from '../../../shared/domain/failure.ts'
import { isInside } from '../../kernel/paths.ts'
import type { GitContext } from './context.ts'
import { findAdminDir, repositoryPlace } from './place.ts'
import { readMarker } from './worktrees.ts'

const TRASH = '.trash'
/** Between looks at whether a creation has ended. */
const YIELD_MS = 200
/** Entries unlinked before other work of the process gets its turn. */
const BATCH = 64

export interface RemoveWorktree {
  /** The folder under which all our worktrees live; nothing outside of it is ever touched. */
  root: string
  repo: string
  path: string
  attemptId: string
}

/**
 * Takes a worktree away within milliseconds: its folder and its registration move into `<root>/.trash/<name>`, from where
 * `emptyTrash` unlinks them later. Idempotent; a folder that is gone already only loses its registration. Keep a snapshot
 * first. Throws `illegal_state` for anything outside the root or without our marker, `worktree_tampered` for a link.
 */
export async function removeWorktree(
  ctx: GitContext,
  request: RemoveWorktree,
): Promise<{ trash: string | null }> {
  const { repo, attemptId } = request
  const path = resolve(request.path)
  const { commonDir } = await repositoryPlace(repo)
  return ctx.mutex.run(`worktrees:${commonDir}`, async () => {
    await requireInsideRoot(request.root, path)
    const admin = await findAdminDir(commonDir, path)
    const entry = await lstat(path).catch(() => null)
    if (admin === null && entry === null) return { trash: null }
    const marker = admin === null ? null : await readMarker(admin)
    if (admin === null || marker?.attemptId !== attemptId) {
      throw new Failure(
        'illegal_state',
        `${path} does not carry the mark of this attempt and was left alone.`,
        { path, attemptId, marker },
      )
    }
    if (entry && !entry.isDirectory()) {
      throw new Failure(
        'worktree_tampered',
        `${path} was replaced by something that is not a folder and was left alone.`,
        { path },
      )
    }
    const trash = join(
      request.root,
      TRASH,
      `${basename(path)}-${ctx.clock.now().toString(36)}-${process.pid.toString(36)}`,
    )
    await mkdir(trash, { recursive: true })
    await writeFile(
      join(trash, 'info.json'),
      `${JSON.stringify({ ...marker, repo, removedAt: ctx.clock.now() })}\n`,
    )
    if (entry) await rename(path, join(trash, 'tree'))
    await moveAdminDir(admin, join(trash, 'admin'))
    return { trash }
  })
}

async function requireInsideRoot(root: string, path: string): Promise<void> {
  const realRoot = await realpath(root)
  const parent = await realpath(dirname(path)).catch(() => null)
  // Links between root and worktree would let a rename reach elsewhere.
  const real = parent === null ? path : join(parent, basename(path))
  const inside = isInside(realRoot, real) && real !== realRoot && !isInside(join(realRoot, TRASH), real)
  if (!inside)
    throw new Failure('illegal_state', `${path} is not one of our worktrees: it lies outside of ${root}.`, {
      path,
      root,
    })
}

async function moveAdminDir(admin: string, to: string): Promise<void> {
  try {
    await rename(admin, to)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error
    // The repository is on another disk than the worktrees. The folder is small; it leaves git's sight before it is copied.
    const aside = join(dirname(dirname(admin)), `quartet-removed-${basename(admin)}`)
    await rename(admin, aside)
    await cp(aside, to, { recursive: true })
    await rm(aside, { recursive: true })
  }
}

export interface EmptyTrash {
  root: string
  /** Entries that were removed less than this long ago stay. Default 0. */
  keepMs?: number
  signal?: AbortSignal | undefined
}

/**
 * Unlinks what `removeWorktree` put away, one file after the other, and pauses while worktrees are being created (deleting
 * beside them makes them seven times slower). Stops soon after an abort; the rest goes the next time. Gives how many
 * entries of the trash are gone.
 */
export async function emptyTrash(ctx: GitContext, request: EmptyTrash): Promise<{ emptied: number }> {
  const home = join(request.root, TRASH)
  const names = await readdir(home).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  let emptied = 0
  let steps = 0
  const mayGoOn = async (): Promise<boolean> => {
    while (ctx.creations.count > 0 && !request.signal?.aborted) await pause(YIELD_MS)
    if (++steps % BATCH === 0) await pause(1)
    return !request.signal?.aborted
  }
  for (const name of names) {
    const folder = join(home, name)
    const entry = await lstat(folder).catch(() => null)
    if (!entry?.isDirectory() || ctx.clock.now() - entry.mtimeMs < (request.keepMs ?? 0)) continue
    if (!(await unlinkTree(Buffer.from(folder), mayGoOn))) break
    emptied++
  }
  return { emptied }
}

/** Names are bytes here: a file name need not be valid UTF-8. Links are unlinked, never followed. */
async function unlinkTree(folder: Buffer, mayGoOn: () => Promise<boolean>): Promise<boolean> {
  for (const entry of await entriesOf(folder)) {
    if (!(await mayGoOn())) return false
    const path = Buffer.concat([folder, Buffer.from('/'), entry.name])
    if (!entry.isDirectory()) await unlink(path)
    else if (!(await unlinkTree(path, mayGoOn))) return false
  }
  await rmdir(folder)
  return true
}

/** Build tools leave read-only folders (Go's module cache), which nothing can be unlinked from. */
async function entriesOf(folder: Buffer) {
  const mode = (await lstat(folder)).mode
  if ((mode & 0o700) !== 0o700) await chmod(folder, 0o700)
  return readdir(folder, { withFileTypes: true, encoding: 'buffer' })
}
