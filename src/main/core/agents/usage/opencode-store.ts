import { stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type BetterSqlite3 from 'better-sqlite3'
import type { Environment } from '../driver.ts'

/** OpenCode writes in short transactions; a reader that waits longer would hold up the core. */
const BUSY_MS = 250

const home = (env: Environment): string => env.HOME || homedir()

/** Where OpenCode keeps its sessions and credentials. */
export const openCodeData = (env: Environment): string =>
  join(env.XDG_DATA_HOME || join(home(env), '.local', 'share'), 'opencode')

/** Where the engineer's own settings of OpenCode are. */
export const openCodeConfig = (env: Environment): string =>
  join(env.XDG_CONFIG_HOME || join(home(env), '.config'), 'opencode')

function databaseFile(env: Environment): string {
  const own = env.OPENCODE_DB
  if (!own) return join(openCodeData(env), 'opencode.db')
  return isAbsolute(own) ? own : join(openCodeData(env), own)
}

/**
 * Reads from OpenCode's own database, which it may be writing to: `read` gets it opened for reading only. Null when there is
 * none. Throws when it is not what versions 1.2 to 1.18 write.
 */
export async function readOpenCode<T>(
  env: Environment,
  read: (db: BetterSqlite3.Database) => T,
): Promise<T | null> {
  const file = databaseFile(env)
  const found = await stat(file).catch(() => null)
  if (!found?.isFile()) return null
  // As in core/db/open.ts: an older Node would crash on it, and was refused before the core was started.
  const Driver = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3
  const db = new Driver(file, { readonly: true, fileMustExist: true, timeout: BUSY_MS })
  try {
    return read(db)
  } finally {
    db.close()
  }
}

/** True when the conversation is there and belongs to this folder. */
export async function hasOpenCodeSession(
  sessionRef: string,
  worktree: string,
  env: Environment,
): Promise<boolean> {
  const found = await readOpenCode(env, (db) =>
    db.prepare('SELECT 1 FROM session WHERE id = ? AND directory = ?').get(sessionRef, worktree),
  )
  return found != null
}
