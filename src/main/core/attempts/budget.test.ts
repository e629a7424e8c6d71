import { expect, it } from 'vitest'
import type { Usage } from '../../../shared/domain/attempt.ts'
import { budgetOf, budgetProblem } from './budget.ts'

const used = (inputTokens: number, cost: number | null): Usage => ({
  inputTokens,
  cachedTokens: 0,
  outputTokens: 100,
  cost,
  turns: 1,
  toolCalls: 0,
  toolFailures: 0,
  compactions: 0,
})

it.each([
  [{}, { tokens: 5, cost: null }],
  [{ tokens: 9 }, { tokens: 9, cost: null }],
  [
    { tokens: '9', cost: 0.5 },
    { tokens: 9, cost: 0.5 },
  ],
  [
    { tokens: 0, cost: 'much' },
    { tokens: 5, cost: null },
  ],
])('%j over the settings is %j', (file, budget) => {
  expect(budgetOf(file, { tokens: 5, cost: null })).toEqual(budget)
})

it.each([
  [{ tokens: null, cost: null }, [used(1e9, 1e9)], null],
  [{ tokens: 2_000, cost: null }, [used(900, 1), used(899, 1), null], null],
  [
    { tokens: 2_000, cost: null },
    [used(900, 1), used(900, 1)],
    'The budget of this round is used up: 2,000 of 2,000 tokens.',
  ],
  [
    { tokens: null, cost: 1 },
    [used(1, 0.6), used(1, null), used(1, 0.4)],
    'The budget of this round is used up: $1.00 of $1.00.',
  ],
])('%j with %j: %s', (budget, usages, problem) => {
  expect(budgetProblem(budget, usages)).toBe(problem)
})
