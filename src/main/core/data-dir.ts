import { chmod, mkdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Failure, messageOf } from '../../shared/domain/failure.ts'
import { type LockHolder, readLock, takeLock } from '../kernel/lock-file.ts'

/** Where things lie in a data directory, all absolute. Folders exist once it is open, and are private (0700). */
export interface DataPlaces {
  readonly root: string
  /** Folder of the database and its backups. */
  readonly db: string
  readonly logs: string
  /** Transcripts of terminals. */
  readonly terminals: string
  /** Default root of all worktrees. */
  readonly worktrees: string
  /** Sockets and files of running processes. */
  readonly run: string
  readonly lockPath: string
  /** The secret that signs clients in: 0600. */
  readonly tokenPath: string
  /** Secrets, encrypted by the operating system's keychain: 0600. Only a host with a keychain has it. */
  readonly secretsPath: string
  /** The port of the last run: a bookmark of the web host goes on to work. */
  readonly portPath: string
}

/** An opened data directory: held by this process alone until `release`. */
export interface DataDir extends DataPlaces {
  /** Writes where this core can be reached, for those that find the lock taken. */
  describe(extra: { url: string }): Promise<void>
  release(): Promise<void>
}

export function placesOf(path: string): DataPlaces {
  const root = resolve(path)
  return {
    root,
    db: join(root, 'db'),
    logs: join(root, 'logs'),
    terminals: join(root, 'terminals'),
    worktrees: join(root, 'worktrees'),
    run: join(root, 'run'),
    lockPath: join(root, 'core.lock'),
    tokenPath: join(root, 'token'),
    secretsPath: join(root, 'secrets.json'),
    portPath: join(root, 'port'),
  }
}

const GROUP_OR_OTHERS_WRITE = 0o022
const STICKY = 0o1000

/**
 * Creates what is missing of the data directory at `path` and takes its lock. Throws `data_dir_locked` (data: the
 * `holder`) when another core has it, `disk_full` or `invalid_input` when it cannot be used.
 */
export async function openDataDir(path: string): Promise<DataDir> {
  const places = placesOf(path)
  try {
    await mkdir(places.root, { recursive: true, mode: 0o700 })
    await guard(places.root)
    for (const folder of [places.db, places.logs, places.terminals, places.worktrees, places.run]) {
      await mkdir(folder, { mode: 0o700, recursive: true })
    }
    const lock = await takeLock(places.lockPath)
    return { ...places, describe: (extra) => lock.describe(extra), release: () => lock.release() }
  } catch (error) {
    throw unusable(places.root, error)
  }
}

/** Who holds the data directory at `path` now, or null. */
export function holderOf(path: string): Promise<LockHolder | null> {
  return readLock(placesOf(path).lockPath)
}

/** Whoever can write to the folder can swap the token or the lock: a folder of our own is closed, a shared one refused. */
async function guard(root: string): Promise<void> {
  if (process.platform === 'win32') return
  const { mode, uid } = await stat(root)
  if ((mode & GROUP_OR_OTHERS_WRITE) === 0) return
  if ((mode & STICKY) !== 0 || uid !== process.getuid?.()) {
    throw new Failure(
      'invalid_input',
      `Other users can write to ${root}: choose a data directory of your own.`,
      { path: root },
    )
  }
  await chmod(root, mode & 0o7777 & ~GROUP_OR_OTHERS_WRITE)
}

function unusable(root: string, error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new Failure('disk_full', `The disk of ${root} is full.`, { path: root }, { cause: error })
  }
  const reason: Record<string, string> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'it lies on a read-only disk',
    ENOTDIR: 'a part of the path is a file',
    EEXIST: 'a part of the path is a file',
    ENAMETOOLONG: 'the path is too long',
  }
  const why = reason[String(error.code)] ?? messageOf(error)
  return new Failure(
    'invalid_input',
    `The data directory ${root} cannot be used: ${why}.`,
    { path: root },
    { cause: error },
  )
}
