import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { Usage } from '../../../../shared/domain/attempt.ts'
import type { Environment, UsageReader } from '../driver.ts'
import { readJsonLines } from './json-lines.ts'
import { type ModelTokens, noTokens, type PriceTable, TokenSums, usageFrom } from './prices.ts'
import { codexUseEvent } from './use-events.ts'

const Total = z.object({
  input_tokens: z.number(),
  cached_input_tokens: z.number().default(0),
  cache_write_input_tokens: z.number().default(0),
  output_tokens: z.number(),
})
type Total = z.infer<typeof Total>
const Line = z.looseObject({
  type: z.string(),
  ordinal: z.number().optional(),
  payload: z.looseObject({
    type: z.string().nullish(),
    model: z.string().optional(),
    info: z.looseObject({ total_token_usage: Total.optional() }).nullish(),
    item: z
      .looseObject({
        type: z.string(),
        exit_code: z.number().nullish(),
        agent_thread_id: z.string().optional(),
      })
      .optional(),
    subagent_history_start_ordinal: z.number().optional(),
  }),
})
type Line = z.infer<typeof Line>

const ZERO: Total = { input_tokens: 0, cached_input_tokens: 0, cache_write_input_tokens: 0, output_tokens: 0 }

export const codexHome = (env: Environment): string => env.CODEX_HOME || join(env.HOME ?? homedir(), '.codex')

async function newestFirst(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort().reverse()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}

/** The rollout file of a conversation (`sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl`), or null. */
export async function findCodexRollout(sessionRef: string, env: Environment): Promise<string | null> {
  if (!/^[0-9a-zA-Z-]+$/.test(sessionRef)) return null
  const root = join(codexHome(env), 'sessions')
  for (const year of await newestFirst(root))
    for (const month of await newestFirst(join(root, year)))
      for (const day of await newestFirst(join(root, year, month))) {
        const dir = join(root, year, month, day)
        const name = (await newestFirst(dir)).find((file) => file.endsWith(`-${sessionRef}.jsonl`))
        if (name) return join(dir, name)
      }
  return null
}

/** Lines that say nothing about use are most of the file: instructions, messages, tool output. */
const WANTED =
  /"type":\s*"(session_meta|turn_context|token_count|task_started|compacted|context_compacted|function_call|custom_tool_call|local_shell_call|item_completed)"/

/** An agent has a handful of sub-agents; who names more makes them up. */
const MAX_THREADS = 200

/** Reads tokens and cost of a conversation and of its sub-agents from Codex's rollout files. */
export function codexUsage(prices: () => Promise<PriceTable>): UsageReader {
  return {
    prices,
    interpret: codexUseEvent,
    async read({ sessionRef, env, signal }) {
      const found = new Map<string, Usage>()
      const table = await prices()
      // Grows while it is walked: sub-agents may have some of their own.
      const threads = new Set([sessionRef])
      for (const id of threads) {
        const file = await findCodexRollout(id, env)
        if (!file) continue
        const thread = await readThread(file, signal)
        found.set(id, usageFrom(thread.tokens, thread, table))
        for (const child of thread.children) if (threads.size < MAX_THREADS) threads.add(child)
      }
      return found
    },
  }
}

interface Thread {
  tokens: TokenSums
  /** Sub-agents that it started. */
  children: Set<string>
  turns: number
  toolCalls: number
  toolFailures: number
  compactions: number
}

async function readThread(file: string, signal: AbortSignal): Promise<Thread> {
  const thread: Thread = {
    tokens: new TokenSums(),
    children: new Set(),
    turns: 0,
    toolCalls: 0,
    toolFailures: 0,
    compactions: 0,
  }
  let model = 'unknown'
  let last = ZERO
  let start = 0
  for await (const value of readJsonLines(file, (line) => WANTED.test(line), signal)) {
    const parsed = Line.safeParse(value)
    if (!parsed.success) continue
    const { type, ordinal, payload } = parsed.data
    start = payload.subagent_history_start_ordinal ?? start
    // A sub-agent's file begins with what it was told of its parent's: those calls were the parent's.
    if (ordinal !== undefined && ordinal < start) continue
    if (type === 'turn_context') model = payload.model ?? model
    if (payload.item?.agent_thread_id) thread.children.add(payload.item.agent_thread_id)
    count(thread, parsed.data)
    const total = payload.info?.total_token_usage
    if (!total) continue
    // The totals grow and are repeated; a smaller one means that the count began again.
    const before =
      total.input_tokens < last.input_tokens || total.output_tokens < last.output_tokens ? ZERO : last
    last = total
    thread.tokens.add(answerOf(model, before, total))
  }
  return thread
}

function count(
  counts: Pick<Thread, 'turns' | 'toolCalls' | 'toolFailures' | 'compactions'>,
  line: Line,
): void {
  const kind = line.payload.type ?? line.type
  if (kind === 'task_started') counts.turns++
  else if (line.type === 'response_item' && /^(function_call|custom_tool_call|local_shell_call)$/.test(kind))
    counts.toolCalls++
  else if (line.type === 'compacted') counts.compactions++
  else if (kind === 'item_completed' && (line.payload.item?.exit_code ?? 0) !== 0) counts.toolFailures++
}

/** What the totals grew by: they are told after each answer. */
function answerOf(model: string, before: Total, after: Total): ModelTokens {
  const cachedInput = after.cached_input_tokens - before.cached_input_tokens
  const cacheWrite = after.cache_write_input_tokens - before.cache_write_input_tokens
  return {
    ...noTokens(model),
    input: after.input_tokens - before.input_tokens - cachedInput - cacheWrite,
    cachedInput,
    cacheWrite,
    output: after.output_tokens - before.output_tokens,
  }
}
