import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { Environment, UsageReader } from '../driver.ts'
import { readJsonLines } from './json-lines.ts'
import { inputOf, type ModelTokens, noTokens, type PriceTable } from './prices.ts'

const Total = z.object({
  input_tokens: z.number(),
  cached_input_tokens: z.number().default(0),
  cache_write_input_tokens: z.number().default(0),
  output_tokens: z.number(),
})
type Total = z.infer<typeof Total>
const Line = z.looseObject({
  type: z.string(),
  payload: z.looseObject({
    type: z.string().nullish(),
    model: z.string().optional(),
    info: z.looseObject({ total_token_usage: Total.optional() }).nullish(),
    item: z.looseObject({ type: z.string(), exit_code: z.number().nullish() }).optional(),
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
  /"type":\s*"(turn_context|token_count|task_started|compacted|context_compacted|function_call|custom_tool_call|local_shell_call|item_completed)"/

/** Reads tokens and cost of a conversation from Codex's rollout file. */
export function codexUsage(prices: () => Promise<PriceTable>): UsageReader {
  return {
    async read({ sessionRef, env, signal }) {
      const file = await findCodexRollout(sessionRef, env)
      if (!file) return null
      let model = 'unknown'
      let last = ZERO
      const byModel = new Map<string, ModelTokens>()
      const counts = { turns: 0, toolCalls: 0, toolFailures: 0, compactions: 0 }
      for await (const value of readJsonLines(file, (line) => WANTED.test(line), signal)) {
        const line = Line.safeParse(value)
        if (!line.success) continue
        if (line.data.type === 'turn_context') model = line.data.payload.model ?? model
        count(counts, line.data)
        const total = line.data.payload.info?.total_token_usage
        if (!total) continue
        // The totals grow and are repeated; a smaller one means that the count began again.
        const before =
          total.input_tokens < last.input_tokens || total.output_tokens < last.output_tokens ? ZERO : last
        last = total
        addTo(byModel, model, before, total)
      }
      const all = [...byModel.values()]
      const sum = (of: (tokens: ModelTokens) => number) => all.reduce((so, tokens) => so + of(tokens), 0)
      return {
        inputTokens: sum(inputOf),
        cachedTokens: sum((tokens) => tokens.cachedInput),
        outputTokens: sum((tokens) => tokens.output),
        cost: (await prices()).cost(all),
        ...counts,
      }
    },
  }
}

function count(
  counts: { turns: number; toolCalls: number; toolFailures: number; compactions: number },
  line: Line,
): void {
  const kind = line.payload.type ?? line.type
  if (kind === 'task_started') counts.turns++
  else if (line.type === 'response_item' && /^(function_call|custom_tool_call|local_shell_call)$/.test(kind))
    counts.toolCalls++
  else if (line.type === 'compacted') counts.compactions++
  else if (kind === 'item_completed' && (line.payload.item?.exit_code ?? 0) !== 0) counts.toolFailures++
}

function addTo(byModel: Map<string, ModelTokens>, model: string, before: Total, after: Total): void {
  const known = byModel.get(model) ?? noTokens(model)
  const cached = after.cached_input_tokens - before.cached_input_tokens
  const written = after.cache_write_input_tokens - before.cache_write_input_tokens
  known.input += after.input_tokens - before.input_tokens - cached - written
  known.cachedInput += cached
  known.cacheWrite += written
  known.output += after.output_tokens - before.output_tokens
  byModel.set(model, known)
}
