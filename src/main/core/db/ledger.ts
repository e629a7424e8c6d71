import type { FactKind } from '../../../shared/domain/fact.ts'
import { Fact } from '../../../shared/domain/fact.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { Row, Rows, TableName } from '../../../shared/state/tables.ts'
import { TABLE_NAMES } from '../../../shared/state/tables.ts'
import type { Clock } from '../../kernel/clock.ts'
import { Emitter } from '../../kernel/emitter.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Redactor } from '../../kernel/redact.ts'
import type { Database, Statement } from './open.ts'
import { CODECS } from './table.ts'

export type NewFact = Pick<Fact, 'kind'> &
  Partial<Pick<Fact, 'actor' | 'repoId' | 'taskId' | 'attemptId' | 'body'>> & {
    /** A fact with a key that is already known is not written again. */
    dedupeKey?: string
  }

/** What one transaction may do. Reads see its own writes. */
export interface Transaction {
  get<T extends TableName>(table: T, id: string): Row<T> | undefined
  require<T extends TableName>(table: T, id: string): Row<T>
  put<T extends TableName>(table: T, row: Omit<Row<T>, 'rev'>): Row<T>
  patch<T extends TableName>(table: T, id: string, change: Partial<Omit<Row<T>, 'id' | 'rev'>>): Row<T>
  remove(table: TableName, id: string): void
  fact(fact: NewFact): void
}

const WORDS: Record<TableName, string> = {
  repositories: 'repository',
  tasks: 'task',
  rounds: 'round',
  attempts: 'attempt',
  checks: 'check',
  findings: 'finding',
  lessons: 'lesson',
  terminals: 'terminal',
  landRuns: 'landing',
  pulls: 'pull request',
  pullChecks: 'check of a pull request',
  reviewThreads: 'review thread',
  evidence: 'evidence',
  reviews: 'review',
  workflows: 'workflow file',
}

/** Closed tasks that a client gets at once; older ones are asked for. */
const CLOSED_IN_SNAPSHOT = 200
const FACTS_IN_SNAPSHOT = 500

/**
 * The one writer of the database. A commit changes rows and appends facts in one transaction; every row it touches gets
 * the commit's number as `rev`, so that "what changed since N" is a query and no subscriber needs a queue.
 */
export class Ledger {
  /** Fires after each commit with its number. */
  readonly committed = new Emitter<number>()
  /** Names this database's life towards clients. */
  readonly epoch: string
  readonly #db: Database
  readonly #clock: Clock
  readonly #redactor: Redactor
  /** Prepared once: the texts are few, they come from our own code only. */
  readonly #statements = new Map<string, Statement>()
  #rev: number

  constructor(db: Database, clock: Clock, redactor: Redactor) {
    this.#db = db
    this.#clock = clock
    this.#redactor = redactor
    db.prepare("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)").run(mintId('db', clock.now()))
    this.epoch = (db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get() as { value: string }).value
    const sources = [
      ...TABLE_NAMES.map((table) => `SELECT max(rev) AS r FROM ${table}`),
      'SELECT max(rev) FROM removals',
      'SELECT max(commitRev) FROM facts',
    ]
    this.#rev =
      (db.prepare(`SELECT max(r) AS r FROM (${sources.join(' UNION ALL ')})`).get() as { r: number | null })
        .r ?? 0
  }

  /** Number of the newest commit. */
  get rev(): number {
    return this.#rev
  }

  get<T extends TableName>(table: T, id: string): Row<T> | undefined {
    const stored = this.#sql(`SELECT * FROM ${table} WHERE id = ?`).get(id) as
      | Record<string, unknown>
      | undefined
    return stored && CODECS[table].decode(stored)
  }

  /** The row, or `not_found`. */
  require<T extends TableName>(table: T, id: string): Row<T> {
    const row = this.get(table, id)
    if (!row) throw new Failure('not_found', `There is no ${WORDS[table]} “${id}”.`, { table, id })
    return row
  }

  /** Rows that match an SQL condition over the table's own columns; `where` is never user text, values go in `params`. */
  select<T extends TableName>(table: T, where = '1', ...params: (string | number | null)[]): Row<T>[] {
    const stored = this.#sql(`SELECT * FROM ${table} WHERE ${where}`).all(...params) as Record<
      string,
      unknown
    >[]
    return stored.map((row) => CODECS[table].decode(row))
  }

  /** Runs `work` in one immediate transaction; what it throws rolls everything back. */
  commit<T>(work: (tx: Transaction) => T): T {
    const rev = this.#rev + 1
    const result = this.#db.transaction(() => work(this.#transaction(rev))).immediate()
    this.#rev = rev
    this.committed.emit(rev)
    return result
  }

  #transaction(rev: number): Transaction {
    const put = <T extends TableName>(table: T, row: Omit<Row<T>, 'rev'>): Row<T> => {
      const next = { ...row, rev } as unknown as Row<T>
      const codec = CODECS[table]
      this.#sql(codec.upsertSql).run(...codec.encode(next))
      return next
    }
    return {
      get: (table, id) => this.get(table, id),
      require: (table, id) => this.require(table, id),
      put,
      patch: (table, id, change) => put(table, { ...this.require(table, id), ...change }),
      remove: (table, id) => {
        this.#sql(`DELETE FROM ${table} WHERE id = ?`).run(id)
        this.#sql('INSERT OR REPLACE INTO removals VALUES (?, ?, ?)').run(table, id, rev)
      },
      fact: (fact) => {
        this.#sql(
          'INSERT INTO facts (at, kind, actor, repoId, taskId, attemptId, body, dedupeKey, commitRev) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(dedupeKey) DO NOTHING',
        ).run(
          this.#clock.now(),
          fact.kind,
          fact.actor ?? 'core',
          fact.repoId ?? null,
          fact.taskId ?? null,
          fact.attemptId ?? null,
          this.#redactor.text(JSON.stringify(fact.body ?? {})),
          fact.dedupeKey ?? null,
          rev,
        )
      },
    }
  }

  /** The fact that was written with this key. */
  factByKey(dedupeKey: string): Fact | undefined {
    const stored = this.#sql('SELECT * FROM facts WHERE dedupeKey = ?').get(dedupeKey) as
      | Record<string, unknown>
      | undefined
    return stored && decodeFact(stored)
  }

  /** Facts newest first, of one task or attempt if asked, before the fact `before`. */
  facts(filter: {
    taskId?: string | undefined
    attemptId?: string | undefined
    repoId?: string | undefined
    kind?: FactKind | undefined
    before?: number | undefined
    limit: number
  }): Fact[] {
    const conditions = ['seq < ?']
    const params: (string | number)[] = [filter.before ?? Number.MAX_SAFE_INTEGER]
    if (filter.taskId) {
      conditions.push('taskId = ?')
      params.push(filter.taskId)
    }
    if (filter.attemptId) {
      conditions.push('attemptId = ?')
      params.push(filter.attemptId)
    }
    if (filter.repoId) {
      conditions.push('repoId = ?')
      params.push(filter.repoId)
    }
    if (filter.kind) {
      conditions.push('kind = ?')
      params.push(filter.kind)
    }
    const stored = this.#sql(
      `SELECT * FROM facts WHERE ${conditions.join(' AND ')} ORDER BY seq DESC LIMIT ?`,
    ).all(...params, filter.limit)
    return (stored as Record<string, unknown>[]).map(decodeFact)
  }

  /** All that a client starts with: what is open, the newest of what is closed, the newest facts. */
  snapshot(): { to: number; rows: Rows; facts: Fact[] } {
    const tasks = `SELECT id FROM tasks WHERE closedAt IS NULL UNION ALL SELECT id FROM (SELECT id FROM tasks WHERE closedAt IS NOT NULL ORDER BY closedAt DESC LIMIT ${CLOSED_IN_SNAPSHOT})`
    const attempts = `SELECT id FROM attempts WHERE taskId IN (${tasks})`
    return {
      to: this.#rev,
      rows: {
        repositories: this.select('repositories'),
        tasks: this.select('tasks', `id IN (${tasks})`),
        rounds: this.select('rounds', `taskId IN (${tasks})`),
        attempts: this.select('attempts', `id IN (${attempts})`),
        checks: this.select('checks', `attemptId IN (${attempts})`),
        findings: this.select('findings', `attemptId IN (${attempts})`),
        lessons: this.select('lessons', `taskId IN (${tasks})`),
        terminals: this.select('terminals', `attemptId IN (${attempts})`),
        landRuns: this.select('landRuns', `taskId IN (${tasks})`),
        pulls: this.select('pulls', `taskId IN (${tasks})`),
        pullChecks: this.select(
          'pullChecks',
          `pullId IN (SELECT id FROM pulls WHERE taskId IN (${tasks}) AND pulls.headSha = pullChecks.headSha)`,
        ),
        reviewThreads: this.select(
          'reviewThreads',
          `pullId IN (SELECT id FROM pulls WHERE taskId IN (${tasks}))`,
        ),
        evidence: this.select('evidence', `attemptId IN (${attempts})`),
        reviews: this.select('reviews', `attemptId IN (${attempts})`),
        workflows: this.select('workflows'),
      },
      facts: this.facts({ limit: FACTS_IN_SNAPSHOT }).reverse(),
    }
  }

  /** All that changed after commit `from`, or null when that is more than a fresh snapshot is worth. */
  since(
    from: number,
  ): { to: number; rows: Rows; removed: { table: string; id: string }[]; facts: Fact[] } | null {
    if (from > this.#rev) return null
    const facts = this.#sql('SELECT * FROM facts WHERE commitRev > ? ORDER BY seq LIMIT ?').all(
      from,
      FACTS_IN_SNAPSHOT + 1,
    ) as Record<string, unknown>[]
    if (facts.length > FACTS_IN_SNAPSHOT) return null
    const rows: Record<string, unknown> = {}
    for (const table of TABLE_NAMES) {
      const changed = this.select(table, 'rev > ?', from)
      if (changed.length > 0) rows[table] = changed
    }
    const removed = this.#sql('SELECT tableName AS "table", id FROM removals WHERE rev > ?').all(from) as {
      table: string
      id: string
    }[]
    return { to: this.#rev, rows: rows as Rows, removed, facts: facts.map(decodeFact) }
  }

  /** A value of the settings table, parsed; undefined when it was never set. */
  setting(key: string): unknown {
    const row = this.#sql('SELECT value FROM settings WHERE key = ?').get(key) as
      | { value: string }
      | undefined
    return row && JSON.parse(row.value)
  }

  saveSetting(key: string, value: unknown): void {
    this.#sql('INSERT OR REPLACE INTO settings VALUES (?, ?)').run(key, JSON.stringify(value))
  }

  #sql(text: string): Statement {
    const known = this.#statements.get(text)
    if (known) return known
    const statement = this.#db.prepare(text)
    this.#statements.set(text, statement)
    return statement
  }

  close(): void {
    this.#db.close()
  }
}

function decodeFact(stored: Record<string, unknown>): Fact {
  return Fact.parse({ ...stored, body: JSON.parse(stored.body as string) })
}
