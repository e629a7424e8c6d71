import { createHash } from 'node:crypto'
import { init } from './migrations/0001-init.ts'
import { review } from './migrations/0003-review.ts'
import { pulls } from './migrations/0004-pulls.ts'
import { ports } from './migrations/0005-ports.ts'

export interface Migration {
  /** 1, 2, …: the database's `user_version` after it. */
  version: number
  name: string
  sql: string
}

/** In order. A migration that was released is never edited: its hash is checked at every start. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'init', sql: init },
  { version: 3, name: 'review', sql: review },
  { version: 4, name: 'pulls', sql: pulls },
  { version: 5, name: 'ports', sql: ports },
]

export const hashOf = (migration: Migration): string =>
  createHash('sha256').update(migration.sql).digest('hex')
