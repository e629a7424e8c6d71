import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Clock } from '../../kernel/clock.ts'
import { isInside } from '../../kernel/paths.ts'

export interface LockReport {
  lockFile: string
  /** Wall-clock age; null when the lock is gone again. */
  ageMs: number | null
  holder: { pid: number; command: string } | null
  /** False where the platform does not tell who has a file open. */
  holderKnown: boolean
  sentence: string
}

/** A lock younger than this may belong to a git that is just starting. */
const MIN_STALE_MS = 60_000

async function linkOf(path: string): Promise<string | null> {
  try {
    return await readlink(path)
  } catch {
    // Ended meanwhile, or another user's.
    return null
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch {
    return []
  }
}

/** The process that has `file` open or, failing that, a git process at work in one of `folders`. Linux only. */
async function findHolder(
  file: string,
  folders: readonly string[],
): Promise<{ pid: number; command: string } | null> {
  const pids = (await namesIn('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  for (const pid of pids) {
    const fds = await namesIn(`/proc/${pid}/fd`)
    const open = await Promise.all(fds.map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)))
    const command = async () =>
      (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').join(' ').trim()
    if (open.includes(file)) return { pid: Number(pid), command: await command() }
    const cwd = folders.length > 0 ? await linkOf(`/proc/${pid}/cwd`) : null
    if (cwd !== null && folders.some((folder) => isInside(folder, cwd))) {
      const line = await command()
      if (/^(?:\S*\/)?git(?:-\S+)?\s/.test(line)) return { pid: Number(pid), command: line }
    }
  }
  return null
}

/** Who holds a git lock file and for how long. Never throws: it explains another failure. */
export async function describeLock(
  lockFile: string,
  clock: Clock,
  folders: readonly string[] = [],
): Promise<LockReport> {
  const holderKnown = process.platform === 'linux'
  const holder = holderKnown ? await findHolder(lockFile, folders) : null
  const ageMs = await stat(lockFile).then(
    (s) => Math.max(0, Math.round(clock.now() - s.mtimeMs)),
    () => null,
  )
  const age = ageMs === null ? 'and was released just now' : `for ${Math.round(ageMs / 1000)} s`
  const who = holder
    ? `by process ${holder.pid} (${holder.command})`
    : holderKnown
      ? 'by no process that lives'
      : 'by a process that we cannot see'
  return {
    lockFile,
    ageMs,
    holder,
    holderKnown,
    sentence: `Git is locked: ${lockFile} is held ${who} ${age}.`,
  }
}

/**
 * Removes a lock file that a killed git left behind: only `*.lock` inside `commonDir`, older than a minute, open in no
 * process, and with no git at work in `folders`. Gives the report with `removed`; a live lock is never broken.
 */
export async function breakStaleLock(
  lockFile: string,
  commonDir: string,
  folders: readonly string[],
  clock: Clock,
  minAgeMs: number = MIN_STALE_MS,
): Promise<LockReport & { removed: boolean }> {
  const report = await describeLock(resolve(lockFile), clock, folders)
  const ours = report.lockFile.endsWith('.lock') && isInside(join(commonDir), report.lockFile)
  const stale = report.holderKnown && !report.holder && report.ageMs !== null && report.ageMs >= minAgeMs
  if (!ours || !stale) return { ...report, removed: false }
  await rm(report.lockFile)
  return { ...report, removed: true }
}
