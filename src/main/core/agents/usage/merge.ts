import type { Usage } from '../../../../shared/domain/attempt.ts'

/** The sum; its cost is unknown when one of the two is. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cost: a.cost === null || b.cost === null ? null : a.cost + b.cost,
    turns: a.turns + b.turns,
    toolCalls: a.toolCalls + b.toolCalls,
    toolFailures: a.toolFailures + b.toolFailures,
    compactions: a.compactions + b.compactions,
  }
}

const tokensOf = (usage: Usage): number => usage.inputTokens + usage.outputTokens

/**
 * What one conversation used, by several accounts of it (its files, its telemetry, what was written down earlier), in the
 * order in which they are trusted; null when there is none. They tell of the same answers, so that a sum would count twice: the
 * one that saw most tokens is believed whole. Each can miss something: files lack titles and summaries that the agent asks for
 * besides, telemetry what was sent while no core was there. Of the counts each is the largest that anybody saw.
 */
export function believed(accounts: readonly (Usage | null | undefined)[]): Usage | null {
  const known = accounts.filter((account) => account != null)
  const [first, ...others] = known
  if (!first) return null
  const most = others.reduce((best, other) => (tokensOf(other) > tokensOf(best) ? other : best), first)
  const largest = (of: (usage: Usage) => number) => Math.max(...known.map(of))
  return {
    ...most,
    turns: largest((usage) => usage.turns),
    toolCalls: largest((usage) => usage.toolCalls),
    toolFailures: largest((usage) => usage.toolFailures),
    compactions: largest((usage) => usage.compactions),
  }
}
