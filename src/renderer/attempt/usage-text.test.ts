import { expect, test } from 'vitest'
import type { Usage } from '../../shared/domain/attempt.ts'
import { usageDetails, usageOfAgent } from './usage-text.ts'

const usage = (change: Partial<Usage>): Usage => ({
  inputTokens: 1_000,
  cachedTokens: 400,
  outputTokens: 200,
  cost: 0.5,
  turns: 3,
  toolCalls: 1,
  toolFailures: 0,
  compactions: 0,
  ...change,
})

test('what an agent used is summed over its attempts, and a missing price is not taken for nothing', () => {
  const attempts = [
    { agent: 'claude', usage: usage({}) },
    { agent: 'claude', usage: usage({ cost: null }) },
    { agent: 'claude', usage: null },
    { agent: 'codex', usage: usage({ cost: 9 }) },
  ]
  expect(usageOfAgent(attempts, 'claude')).toEqual({
    attempts: 2,
    tokens: 2_400,
    turns: 6,
    cost: 0.5,
    unpriced: 1,
  })
  expect(usageOfAgent(attempts, 'shell')).toBeNull()
  expect(usageDetails(usage({ cost: null }))).toContain('No price is known')
})
