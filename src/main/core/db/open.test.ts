import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MIGRATIONS } from './migrations.ts'
import { backupsOf, openDatabase } from './open.ts'

let dir: string
let path: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quartet-open-'))
  path = join(dir, 'quartet.db')
})
afterEach(() => rm(dir, { recursive: true }))

const newest = MIGRATIONS.at(-1)?.version ?? 0
const next = { version: newest + 1, name: 'next', sql: 'CREATE TABLE extra (id TEXT PRIMARY KEY) STRICT;' }

describe('opening', () => {
  it('creates the newest schema, and opening again changes nothing', async () => {
    const db = await openDatabase(path)
    expect(db.pragma('user_version', { simple: true })).toBe(newest)
    db.close()
    ;(await openDatabase(path)).close()
    expect(await backupsOf(path)).toEqual([])
  })

  it('makes a backup before it migrates what is there', async () => {
    ;(await openDatabase(path)).close()
    const db = await openDatabase(path, [...MIGRATIONS, next])
    expect(db.prepare('SELECT count(*) AS n FROM extra').get()).toEqual({ n: 0 })
    db.close()
    const [backup] = await backupsOf(path)
    const old = await openDatabase(backup as string)
    expect(old.pragma('user_version', { simple: true })).toBe(newest)
    old.close()
  })

  it('rolls a failing migration back and keeps the data', async () => {
    ;(await openDatabase(path)).close()
    await expect(
      openDatabase(path, [
        ...MIGRATIONS,
        { version: newest + 1, name: 'bad', sql: 'CREATE TABLE x (id TEXT) STRICT; SELECT id FROM nowhere;' },
      ]),
    ).rejects.toThrow('nowhere')
    const db = await openDatabase(path)
    expect(db.pragma('user_version', { simple: true })).toBe(newest)
    expect(() => db.prepare('SELECT * FROM x')).toThrow('no such table')
    db.close()
  })

  it('refuses a database of a newer Quartet and leaves it as it is', async () => {
    ;(await openDatabase(path, [...MIGRATIONS, next])).close()
    const before = await readFile(path)
    await expect(openDatabase(path)).rejects.toMatchObject({ code: 'database_newer' })
    expect((await readFile(path)).equals(before)).toBe(true)
  })

  it('refuses a migration that was edited after its release', async () => {
    ;(await openDatabase(path)).close()
    const edited = MIGRATIONS.map((migration) => ({ ...migration, sql: `${migration.sql} ` }))
    await expect(openDatabase(path, edited)).rejects.toThrow('edited')
  })

  it('says that a damaged file is damaged, and does not touch it', async () => {
    await writeFile(
      path,
      'this is not a database, not at all, but it is long enough to look like one'.repeat(100),
    )
    const before = await readFile(path)
    await expect(openDatabase(path)).rejects.toMatchObject({ code: 'database_corrupt' })
    expect((await readFile(path)).equals(before)).toBe(true)
  })
})
