import type { Attempt, Usage } from '../../shared/domain/attempt.ts'
import { compact, money, plural } from '../ui/format.ts'

type Sums = Pick<
  Usage,
  | 'inputTokens'
  | 'cachedTokens'
  | 'outputTokens'
  | 'cost'
  | 'turns'
  | 'toolCalls'
  | 'toolFailures'
  | 'compactions'
>

/** Everything that is known about what was used, for a tooltip. */
export function usageDetails(usage: Sums): string {
  return [
    usage.cost === null ? 'No price is known for this model' : `${money(usage.cost)} so far`,
    `${compact(usage.inputTokens)} tokens in (${compact(usage.cachedTokens)} of them cached), ${compact(usage.outputTokens)} out`,
    `${plural(usage.turns, 'turn')}, ${plural(usage.toolCalls, 'tool call')}${usage.toolFailures > 0 ? `, ${usage.toolFailures} of them failed` : ''}`,
    usage.compactions > 0 ? `Its memory was compacted ${plural(usage.compactions, 'time')}` : '',
  ]
    .filter(Boolean)
    .join('\n')
}

/** Tokens both ways, short. */
export const tokens = (usage: Sums): string => `${compact(usage.inputTokens + usage.outputTokens)} tok`

export interface AgentUsage {
  attempts: number
  tokens: number
  turns: number
  /** Of the attempts whose price is known. */
  cost: number
  /** Attempts whose model has no known price. */
  unpriced: number
}

/** What the attempts of one agent used, as far as they told; null when none did. */
export function usageOfAgent(
  attempts: Iterable<Pick<Attempt, 'agent' | 'usage'>>,
  agent: string,
): AgentUsage | null {
  const sum: AgentUsage = { attempts: 0, tokens: 0, turns: 0, cost: 0, unpriced: 0 }
  for (const { agent: by, usage } of attempts) {
    if (by !== agent || !usage) continue
    sum.attempts += 1
    sum.tokens += usage.inputTokens + usage.outputTokens
    sum.turns += usage.turns
    if (usage.cost === null) sum.unpriced += 1
    else sum.cost += usage.cost
  }
  return sum.attempts > 0 ? sum : null
}
