import type BetterSqlite3 from 'better-sqlite3'
import { z } from 'zod'
import type { Usage } from '../../../../shared/domain/attempt.ts'
import type { UsageReader } from '../driver.ts'
import { readOpenCode } from './opencode-store.ts'
import { noTokens, type PriceTable, TokenSums, usageFrom } from './prices.ts'

const count = z.number().nonnegative().catch(0)
const Answer = z.object({
  model: z.string().catch('unknown'),
  cost: count,
  input: count,
  output: count,
  reasoning: count,
  cacheRead: count,
  cacheWrite: count,
})
type Answer = z.infer<typeof Answer>

// Messages hold diffs and parts hold what tools printed: only the numbers are taken out of them.
const ANSWERS = `
  SELECT data ->> '$.modelID' AS model, data ->> '$.cost' AS cost, data ->> '$.tokens.input' AS input,
    data ->> '$.tokens.output' AS output, data ->> '$.tokens.reasoning' AS reasoning,
    data ->> '$.tokens.cache.read' AS cacheRead, data ->> '$.tokens.cache.write' AS cacheWrite
  FROM message WHERE session_id = ? AND data ->> '$.role' = 'assistant'`
const TURNS = `SELECT count(*) AS n FROM message WHERE session_id = ? AND data ->> '$.role' = 'user'`
const PARTS = `
  SELECT data ->> '$.type' AS type, data ->> '$.state.status' AS status, count(*) AS n
  FROM part WHERE session_id = ? AND data ->> '$.type' IN ('tool', 'compaction') GROUP BY 1, 2`
const CHILDREN = 'SELECT id FROM session WHERE parent_id = ?'

const Part = z.object({ type: z.string(), status: z.string().nullable(), n: z.number() })
const Id = z.object({ id: z.string() })

/** An agent has a handful of sub-agents; more of them are made up. */
const MAX_SESSIONS = 200

/** Reads tokens and cost of a conversation and of its sub-agents from OpenCode's database; it sends no log of its use. */
export function openCodeUsage(prices: () => Promise<PriceTable>): UsageReader {
  return {
    prices,
    interpret: () => null,
    async read({ sessionRef, env }) {
      const table = await prices()
      const found = await readOpenCode(env, (db) => readSessions(db, sessionRef, table))
      return found ?? new Map()
    },
  }
}

function readSessions(
  db: BetterSqlite3.Database,
  sessionRef: string,
  prices: PriceTable,
): Map<string, Usage> {
  const usages = new Map<string, Usage>()
  if (!db.prepare('SELECT 1 FROM session WHERE id = ?').get(sessionRef)) return usages
  // Grows while it is walked: sub-agents may have some of their own.
  const ids = new Set([sessionRef])
  for (const id of ids) {
    usages.set(id, readSession(db, id, id === sessionRef, prices))
    for (const child of z.array(Id).parse(db.prepare(CHILDREN).all(id)))
      if (ids.size < MAX_SESSIONS) ids.add(child.id)
  }
  return usages
}

function readSession(db: BetterSqlite3.Database, id: string, own: boolean, prices: PriceTable): Usage {
  const answers = z.array(Answer).parse(db.prepare(ANSWERS).all(id))
  const parts = z.array(Part).parse(db.prepare(PARTS).all(id))
  const partsOf = (type: string, status?: string): number =>
    parts
      .filter((part) => part.type === type && (status === undefined || part.status === status))
      .reduce((sum, part) => sum + part.n, 0)
  const compactions = partsOf('compaction')
  const asked = z.object({ n: z.number() }).parse(db.prepare(TURNS).get(id)).n
  return usageOfAnswers(answers, prices, {
    // What a sub-agent is told is no turn of the engineer's; nor is the message that asks for a summary.
    turns: own ? asked - compactions : 0,
    toolCalls: partsOf('tool'),
    toolFailures: partsOf('tool', 'error'),
    compactions,
  })
}

function tokensOf(answer: Answer): TokenSums {
  const sums = new TokenSums()
  sums.add({
    ...noTokens(answer.model),
    input: answer.input,
    cachedInput: answer.cacheRead,
    cacheWrite: answer.cacheWrite,
    // OpenCode takes what was thought out of the output; it is billed as output all the same.
    output: answer.output + answer.reasoning,
  })
  return sums
}

/**
 * What an answer cost: by our price table, which the engineer can edit, else what OpenCode itself worked out. Nothing with
 * tokens is what it says of a model whose price it does not know: unknown.
 */
function costOf(answer: Answer, prices: PriceTable): number | null {
  const cost = prices.cost(tokensOf(answer).all)
  return cost ?? (answer.cost > 0 ? answer.cost : null)
}

/** What answers come to, with the counts beside them. */
export function usageOfAnswers(
  answers: readonly Answer[],
  prices: PriceTable,
  counts: Pick<Usage, 'turns' | 'toolCalls' | 'toolFailures' | 'compactions'>,
): Usage {
  const sums = new TokenSums()
  let cost: number | null = 0
  for (const answer of answers) {
    for (const tokens of tokensOf(answer).all) sums.add(tokens)
    const one = costOf(answer, prices)
    cost = cost === null || one === null ? null : cost + one
  }
  return { ...usageFrom(sums, counts, prices), cost }
}
