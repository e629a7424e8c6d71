import { z } from 'zod'
import type { Usage } from '../../../../shared/domain/attempt.ts'
import type { UsageReader } from '../driver.ts'
import { noTokens, TokenSums, usageFrom } from '../usage/prices.ts'

/** A reviewer reads; what it reads must not make it write or run anything. Tools that no rule allows are not even offered to it. */
export const READ_ONLY = `[[rule]]
toolName = "*"
decision = "deny"
priority = 998

[[rule]]
toolName = ["read_file", "read_many_files", "list_directory", "glob", "grep_search", "search_file_content"]
decision = "allow"
priority = 999
`

const ModelStats = z.looseObject({
  tokens: z.looseObject({
    prompt: z.number().default(0),
    cached: z.number().default(0),
    candidates: z.number().default(0),
    thoughts: z.number().default(0),
    tool: z.number().default(0),
  }),
})
const Result = z.looseObject({
  response: z.string().optional(),
  error: z.looseObject({ message: z.string().optional() }).optional(),
  stats: z
    .looseObject({
      models: z.record(z.string(), ModelStats).default({}),
      tools: z
        .looseObject({ totalCalls: z.number().default(0), totalFail: z.number().default(0) })
        .optional(),
    })
    .optional(),
})

/** What a headless run printed; null for what is none of its answers. */
export function resultOf(stdout: string): z.infer<typeof Result> | null {
  try {
    return Result.parse(JSON.parse(stdout))
  } catch {
    return null
  }
}

/** What a headless run used, with its cost by the prices of `usage`. */
export async function headlessUsage(
  stats: NonNullable<z.infer<typeof Result>['stats']>,
  usage: UsageReader,
): Promise<Usage> {
  const sums = new TokenSums()
  for (const [model, { tokens }] of Object.entries(stats.models))
    sums.add({
      ...noTokens(model),
      input: Math.max(0, tokens.prompt - tokens.cached) + tokens.tool,
      cachedInput: Math.min(tokens.cached, tokens.prompt),
      output: tokens.candidates + tokens.thoughts,
    })
  const { totalCalls = 0, totalFail = 0 } = stats.tools ?? {}
  const counts = { turns: 1, toolCalls: totalCalls, toolFailures: totalFail, compactions: 0 }
  return usageFrom(sums, counts, await usage.prices())
}
