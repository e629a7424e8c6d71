import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '../../shared/domain/failure.ts'
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
  try {
    const holder = JSON.parse(await readFile(path, 'utf8')) as LockHolder
    return (await isAlive(holder.pid, holder.startedAt)) ? holder : null
  } catch {
    return null
  }
}

/**
 * Takes the lock at `path` for this process. A lock whose holder died (pid and start time) is taken over; one that
 * lives throws `data_dir_locked` with the holder as data. `link(2)` makes the taking atomic.
 */
export async function takeLock(path: string): Promise<LockFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const me: LockHolder = { pid: process.pid, startedAt: (await findProcess(process.pid))?.startedAt ?? '' }
  const draft = `${path}.${process.pid}`
  await writeFile(draft, JSON.stringify(me), { mode: 0o600 })
  try {
    for (let tries = 0; ; tries++) {
      try {
        await link(draft, path)
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        const holder = await readLock(path)
        if (holder || tries >= 3) {
          throw new Failure(
            'data_dir_locked',
            `Quartet already runs with this data directory (process ${holder?.pid ?? '?'}).`,
            { holder },
          )
        }
        await rm(path, { force: true })
      }
    }
  } finally {
    await rm(draft, { force: true })
  }
  return {
    describe: (extra) => writeFile(path, JSON.stringify({ ...me, ...extra }), { mode: 0o600 }),
    release: () => rm(path, { force: true }),
  }
}
