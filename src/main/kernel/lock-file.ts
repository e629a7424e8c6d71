import { createHash } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '../../shared/domain/failure.ts'
import { shortId } from './ids.ts'
import { findProcess, isAlive } from './process-table.ts'

export interface LockHolder {
  pid: number
  startedAt: string
  /** Where the holder can be reached, once it can. */
  url?: string | undefined
}

export interface LockFile {
  /** Rewrites what others read about the holder. */
  describe(extra: { url: string }): Promise<void>
  release(): Promise<void>
}

/** Who holds the lock, or null when nobody living does. */
export async function readLock(path: string): Promise<LockHolder | null> {
  const holder = await readHolder(path)
  return holder && (await isAlive(holder.pid, holder.startedAt)) ? holder : null
}

/** A start beside ours takes this long at most to take a dead lock over. */
const MAX_TRIES = 50
const TRY_AGAIN_MS = 20

/**
 * Takes the lock at `path` for this process. A lock whose holder died (pid and start time) is taken over; one that
 * lives throws `data_dir_locked` with the holder as data. `link(2)` makes the taking atomic.
 */
export async function takeLock(path: string): Promise<LockFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const me: LockHolder = { pid: process.pid, startedAt: (await findProcess(process.pid))?.startedAt ?? '' }
  const draft = `${path}.${process.pid}-${shortId()}`
  await writeFile(draft, JSON.stringify(me), { mode: 0o600 })
  try {
    for (let tries = 0; !(await linked(draft, path)); tries++) {
      const holder = await readLock(path)
      if (holder || tries >= MAX_TRIES) {
        throw new Failure(
          'data_dir_locked',
          `Quartet already runs with this data directory (process ${holder?.pid ?? '?'}).`,
          { holder },
        )
      }
      if (await takeOver(path, draft)) break
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
    }
  } finally {
    await rm(draft, { force: true })
  }
  return {
    describe: async (extra) => {
      // Swapped whole: a reader that met half a file would take the lock for dead.
      await writeFile(draft, JSON.stringify({ ...me, ...extra }), { mode: 0o600 })
      await rename(draft, path)
    },
    release: () => rm(path, { force: true }),
  }
}

/**
 * Puts our draft in the place of a dead lock; false when there is none any more or somebody else is doing it. Removing
 * the dead one would not do: of two starts that saw it, the slower one would remove the faster one's. So whoever follows
 * a dead holder first claims that under the dead one's name, and only then, if the lock is still that holder's, swaps it.
 * A claimer that died too is followed in the same way.
 */
async function takeOver(path: string, draft: string): Promise<boolean> {
  const dead = await readHolder(path)
  // Since we looked, another start may have followed the dead one: that one lives and keeps its lock.
  if (dead && (await isAlive(dead.pid, dead.startedAt))) return false
  const abandoned: string[] = []
  let claim = claimOf(path, dead)
  while (!(await linked(draft, claim))) {
    const claimer = await readHolder(claim)
    if (!claimer || (await isAlive(claimer.pid, claimer.startedAt))) return false
    abandoned.push(claim)
    claim = claimOf(path, claimer)
  }
  const now = await readHolder(path)
  const exists = await stat(path).then(
    () => true,
    () => false,
  )
  if (!exists || now?.pid !== dead?.pid || now?.startedAt !== dead?.startedAt) {
    await rm(claim, { force: true })
    return false
  }
  await rename(claim, path)
  for (const name of abandoned) await rm(name, { force: true })
  return true
}

/** The name of the claim to follow a dead holder; an unreadable lock counts as one holder. */
function claimOf(path: string, dead: LockHolder | null): string {
  const mark = createHash('sha256')
    .update(JSON.stringify([dead?.pid, dead?.startedAt]))
    .digest('hex')
  return `${path}.after-${mark.slice(0, 16)}`
}

/** What a lock says, whether its holder lives or not; null when it is missing or unreadable. */
async function readHolder(path: string): Promise<LockHolder | null> {
  try {
    const holder = JSON.parse(await readFile(path, 'utf8')) as LockHolder
    return typeof holder?.pid === 'number' && typeof holder.startedAt === 'string' ? holder : null
  } catch {
    return null
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}
