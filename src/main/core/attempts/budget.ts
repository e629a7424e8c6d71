import type { Usage } from '../../../shared/domain/attempt.ts'

/** What the attempts of one round may use together; null for no bound. */
export interface Budget {
  /** Input and output tokens, those from a cache included. */
  tokens: number | null
  /** US dollars. */
  cost: number | null
}

/** The budget that holds: a key of the workflow file wins over the settings. What is no positive number does not count. */
export function budgetOf(file: Readonly<Record<string, unknown>>, settings: Budget): Budget {
  return { tokens: positive(file.tokens) ?? settings.tokens, cost: positive(file.cost) ?? settings.cost }
}

function positive(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) && number > 0 ? number : null
}

/**
 * Why no further attempt of the round may start; null when there is room. Only what is known counts: an attempt whose price
 * is unknown adds no cost, and an agent that tells no tokens adds none.
 */
export function budgetProblem(budget: Budget, used: readonly (Usage | null)[]): string | null {
  const known = used.filter((usage) => usage !== null)
  const tokens = known.reduce((sum, usage) => sum + usage.inputTokens + usage.outputTokens, 0)
  if (budget.tokens !== null && tokens >= budget.tokens)
    return `The budget of this round is used up: ${whole(tokens)} of ${whole(budget.tokens)} tokens.`
  const cost = known.reduce((sum, usage) => sum + (usage.cost ?? 0), 0)
  if (budget.cost !== null && cost >= budget.cost)
    return `The budget of this round is used up: $${cost.toFixed(2)} of $${budget.cost.toFixed(2)}.`
  return null
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US')
