import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'

export interface StoredSession {
  id: string
  parent?: string
  directory?: string
  /** Data of its messages and of its parts, as OpenCode writes them. */
  messages?: readonly object[]
  parts?: readonly object[]
}

/** For tests: writes sessions into the database that OpenCode 1.18 keeps below `home`, with the columns that matter. */
export async function openCodeSession(home: string, ...sessions: readonly StoredSession[]): Promise<void> {
  const dir = join(home, '.local', 'share', 'opencode')
  await mkdir(dir, { recursive: true })
  const db = new BetterSqlite3(join(dir, 'opencode.db'))
  db.pragma('journal_mode = WAL')
  db.exec(`
    CREATE TABLE IF NOT EXISTS session (id text PRIMARY KEY, parent_id text, directory text NOT NULL);
    CREATE TABLE IF NOT EXISTS message (id text PRIMARY KEY, session_id text NOT NULL, data text NOT NULL);
    CREATE TABLE IF NOT EXISTS part (id text PRIMARY KEY, session_id text NOT NULL, data text NOT NULL);`)
  const insert = (table: 'message' | 'part', id: string, data: object, index: number) =>
    db
      .prepare(`INSERT INTO ${table} VALUES (?, ?, ?)`)
      .run(`${table}_${id}_${index}`, id, JSON.stringify(data))
  for (const { id, parent = null, directory = '/x', messages = [], parts = [] } of sessions) {
    db.prepare('INSERT INTO session VALUES (?, ?, ?)').run(id, parent, directory)
    for (const [index, data] of messages.entries()) insert('message', id, data, index)
    for (const [index, data] of parts.entries()) insert('part', id, data, index)
  }
  db.close()
}
