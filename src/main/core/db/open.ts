import { copyFile, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type BetterSqlite3 from 'better-sqlite3'
import { Failure, messageOf } from '../../../shared/domain/failure.ts'
import type { Migration } from './migrations.ts'
import { hashOf, MIGRATIONS } from './migrations.ts'

export type Database = BetterSqlite3.Database
export type Statement = BetterSqlite3.Statement

/** Backups kept beside the database, one before each migration. */
const KEPT_BACKUPS = 2

/** better-sqlite3 13 needs Node-API 10; on an older Node it does not fail but crashes the process, so ask first. */
function loadDriver(): typeof BetterSqlite3 {
  if (Number(process.versions.napi) < 10) {
    throw new Failure('pty_failed', `Quartet needs Node 22.14 or newer; this is ${process.version}.`)
  }
  return createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3
}

/**
 * Opens (or creates) the database at `path` and brings it to the newest schema, with a backup before each change.
 * WAL with `synchronous=FULL`: what was committed survives a power loss. Throws `database_newer`, `database_corrupt`
 * or `disk_full`; the file is left as it is in all these cases.
 */
export async function openDatabase(
  path: string,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<Database> {
  const Driver = loadDriver()
  let db: Database
  try {
    db = new Driver(path)
    db.pragma('journal_mode = WAL')
    // The binding's default in WAL mode is NORMAL (11 syncs per 1,000 commits): set it, and look that it took.
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    db.pragma('busy_timeout = 5000')
    db.pragma('secure_delete = ON')
    if (db.pragma('synchronous', { simple: true }) !== 2) throw new Error('synchronous=FULL was refused')
  } catch (error) {
    throw await explain(error, path)
  }
  try {
    await migrate(db, path, migrations)
    return db
  } catch (error) {
    db.close()
    throw await explain(error, path)
  }
}

async function migrate(db: Database, path: string, migrations: readonly Migration[]): Promise<void> {
  const have = db.pragma('user_version', { simple: true }) as number
  const newest = migrations.at(-1)?.version ?? 0
  if (have > newest) {
    throw new Failure(
      'database_newer',
      `This database was written by a newer Quartet (schema ${have}, this one knows ${newest}). Update Quartet; nothing was changed.`,
    )
  }
  db.exec(
    'CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, hash TEXT NOT NULL, appliedAt INTEGER NOT NULL) STRICT',
  )
  const applied = db.prepare('SELECT version, hash FROM migrations').all() as {
    version: number
    hash: string
  }[]
  for (const { version, hash } of applied) {
    const ours = migrations.find((migration) => migration.version === version)
    if (ours && hashOf(ours) !== hash)
      throw new Error(`migration ${version} was edited after it had been applied`)
  }
  const pending = migrations.filter((migration) => migration.version > have)
  if (pending.length > 0 && have > 0) await backup(db, path, have)
  for (const migration of pending) {
    // Foreign keys cannot be switched inside a transaction; what a migration leaves behind is checked instead.
    db.pragma('foreign_keys = OFF')
    try {
      db.transaction(() => {
        db.exec(migration.sql)
        const broken = db.pragma('foreign_key_check') as unknown[]
        if (broken.length > 0)
          throw new Error(`migration ${migration.version} leaves ${broken.length} broken references`)
        db.prepare('INSERT INTO migrations VALUES (?, ?, ?)').run(
          migration.version,
          hashOf(migration),
          Date.now(),
        )
        db.pragma(`user_version = ${migration.version}`)
      })()
    } finally {
      db.pragma('foreign_keys = ON')
    }
  }
}

async function backup(db: Database, path: string, version: number): Promise<void> {
  const target = `${path}.backup-v${version}-${Date.now()}`
  db.prepare('VACUUM INTO ?').run(target)
  for (const old of (await backupsOf(path)).slice(KEPT_BACKUPS)) await rm(old)
}

/** Backups of the database at `path`, newest first. */
export async function backupsOf(path: string): Promise<string[]> {
  const prefix = `${path.slice(dirname(path).length + 1)}.backup-`
  const names = await readdir(dirname(path))
  return names
    .filter((name) => name.startsWith(prefix))
    .sort((a, b) => Number(b.split('-').at(-1)) - Number(a.split('-').at(-1)))
    .map((name) => join(dirname(path), name))
}

/** Writes a consistent copy of an open database, replacing an older one of the same name only when complete. */
export async function copyDatabase(db: Database, target: string): Promise<void> {
  await rm(`${target}.new`, { force: true })
  db.prepare('VACUUM INTO ?').run(`${target}.new`)
  await copyFile(`${target}.new`, target)
  await rm(`${target}.new`)
}

async function explain(error: unknown, path: string): Promise<unknown> {
  const code = (error as { code?: string }).code ?? ''
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    const newest = (await backupsOf(path).catch(() => []))[0]
    const way = newest
      ? `The newest backup is ${newest}: stop Quartet and put it in its place.`
      : 'Move the file away to start with an empty history; your repositories, branches and kept attempts are untouched.'
    return new Failure(
      'database_corrupt',
      `The database ${path} is damaged (${messageOf(error)}). It was left as it is. ${way}`,
      { path, backup: newest ?? null },
    )
  }
  if (code === 'SQLITE_FULL' || code.startsWith('SQLITE_IOERR')) {
    return new Failure(
      'disk_full',
      `The database ${path} cannot be written: ${messageOf(error)}. Free some space and start again.`,
      { path },
    )
  }
  return error
}
