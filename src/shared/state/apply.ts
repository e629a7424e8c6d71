import type { Fact } from '../domain/fact.ts'
import type { Row, Rows, StatePush, TableName } from './tables.ts'
import { TABLE_NAMES } from './tables.ts'

/** A client's mirror of the core's rows, by table and id, and the newest facts. */
export type Entities = { [T in TableName]: Readonly<Record<string, Row<T>>> } & {
  readonly epoch: string | null
  /** The newest commit of the core that is in here. */
  readonly seq: number
  /** Newest last, at most `MAX_FACTS`; older ones are asked for. */
  readonly facts: readonly Fact[]
}

/** What a client keeps of the history in memory: enough for every open card's timeline. */
export const MAX_FACTS = 2_000

export const emptyEntities: Entities = {
  epoch: null,
  seq: 0,
  facts: [],
  repositories: {},
  tasks: {},
  rounds: {},
  attempts: {},
  checks: {},
  findings: {},
  lessons: {},
  terminals: {},
  landRuns: {},
  pulls: {},
  pullChecks: {},
  reviewThreads: {},
  evidence: {},
  reviews: {},
  workflows: {},
}

function upsert<T extends TableName>(
  have: Readonly<Record<string, Row<T>>>,
  rows: readonly Row<T>[] | undefined,
) {
  if (!rows || rows.length === 0) return have
  const next = { ...have }
  for (const row of rows) {
    const old = next[row.id]
    // An older revision can arrive late, beside a newer one: it must not win.
    if (!old || row.rev >= old.rev) next[row.id] = row
  }
  return next
}

function upsertAll(state: Entities, rows: Rows): Entities {
  const next = { ...state } as Record<string, unknown>
  for (const table of TABLE_NAMES) next[table] = upsert(state[table] as never, rows[table] as never)
  return next as unknown as Entities
}

/**
 * The state after `push`, or `gap` when pushes were missed and the client must subscribe again. Applying a push twice
 * changes nothing.
 */
export function applyPush(state: Entities, push: StatePush): Entities | 'gap' {
  switch (push.type) {
    case 'signals':
      return state
    case 'snapshot':
      return {
        ...upsertAll(emptyEntities, push.rows),
        epoch: push.epoch,
        seq: push.to,
        facts: push.facts.slice(-MAX_FACTS),
      }
    case 'delta': {
      if (push.epoch !== state.epoch || push.from > state.seq) return 'gap'
      const next = upsertAll(state, push.rows)
      const newest = state.facts.at(-1)?.seq ?? 0
      const fresh = push.facts.filter((fact) => fact.seq > newest)
      const tables = { ...next } as unknown as Record<string, Record<string, unknown>>
      for (const { table, id } of push.removed) {
        const { [id]: _gone, ...rest } = tables[table] ?? {}
        tables[table] = rest
      }
      return {
        ...(tables as unknown as Entities),
        epoch: push.epoch,
        seq: Math.max(state.seq, push.to),
        facts: fresh.length === 0 ? state.facts : [...state.facts, ...fresh].slice(-MAX_FACTS),
      }
    }
  }
}
