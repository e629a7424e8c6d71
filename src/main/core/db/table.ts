import type { ZodObject, ZodType } from 'zod'
import type { Row, TableName } from '../../../shared/state/tables.ts'
import { ROW_SCHEMAS } from '../../../shared/state/tables.ts'

type ColumnKind = 'plain' | 'boolean' | 'json'
type SqlValue = string | number | null

/** How a field is stored, read off its schema: scalars as they are, booleans as 0 or 1, everything else as JSON text. */
function kindOf(schema: ZodType): ColumnKind {
  const def = schema.def as { type: string; innerType?: ZodType }
  if (def.innerType) return kindOf(def.innerType)
  if (def.type === 'boolean') return 'boolean'
  if (def.type === 'object' || def.type === 'array' || def.type === 'record') return 'json'
  return 'plain'
}

/** The way between rows of the domain and rows of SQLite, for one table whose columns carry the names of its fields. */
export interface TableCodec<T extends TableName> {
  name: T
  columns: readonly string[]
  upsertSql: string
  encode(row: Row<T>): SqlValue[]
  decode(stored: Record<string, unknown>): Row<T>
}

function codecOf<T extends TableName>(name: T): TableCodec<T> {
  const shape = (ROW_SCHEMAS[name] as unknown as ZodObject).shape as Record<string, ZodType>
  const columns = Object.keys(shape)
  const kinds = columns.map((column) => kindOf(shape[column] as ZodType))
  return {
    name,
    columns,
    upsertSql: `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
      ON CONFLICT(id) DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    encode: (row) =>
      columns.map((column, i) => {
        const value = (row as Record<string, unknown>)[column]
        if (value === null || value === undefined) return null
        if (kinds[i] === 'boolean') return value ? 1 : 0
        return kinds[i] === 'json' ? JSON.stringify(value) : (value as SqlValue)
      }),
    decode: (stored) => {
      const row: Record<string, unknown> = {}
      columns.forEach((column, i) => {
        const value = stored[column]
        if (value === null) row[column] = null
        else if (kinds[i] === 'boolean') row[column] = value === 1
        else row[column] = kinds[i] === 'json' ? JSON.parse(value as string) : value
      })
      return row as Row<T>
    },
  }
}

export const CODECS: { [T in TableName]: TableCodec<T> } = {
  repositories: codecOf('repositories'),
  tasks: codecOf('tasks'),
  rounds: codecOf('rounds'),
  attempts: codecOf('attempts'),
  checks: codecOf('checks'),
  findings: codecOf('findings'),
  lessons: codecOf('lessons'),
  terminals: codecOf('terminals'),
  landRuns: codecOf('landRuns'),
  pulls: codecOf('pulls'),
  pullChecks: codecOf('pullChecks'),
  reviewThreads: codecOf('reviewThreads'),
  evidence: codecOf('evidence'),
  reviews: codecOf('reviews'),
  workflows: codecOf('workflows'),
}
