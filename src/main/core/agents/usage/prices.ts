import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Usage } from '../../../../shared/domain/attempt.ts'
import { ModelPrice } from '../../../../shared/domain/settings.ts'

const Table = z.object({ unit: z.literal('USD per million tokens'), models: z.array(ModelPrice) })

/** Tokens of one model; `input` is what was neither read from nor written to a cache. */
export interface ModelTokens {
  model: string
  input: number
  cachedInput: number
  cacheWrite: number
  cacheWrite1h: number
  output: number
}

/** No tokens of a model yet. */
export const noTokens = (model: string): ModelTokens => ({
  model,
  input: 0,
  cachedInput: 0,
  cacheWrite: 0,
  cacheWrite1h: 0,
  output: 0,
})

/** All input tokens, cached ones included. */
const inputOf = (tokens: ModelTokens): number =>
  tokens.input + tokens.cachedInput + tokens.cacheWrite + tokens.cacheWrite1h

const totalOf = (tokens: ModelTokens): number => inputOf(tokens) + tokens.output

export interface PriceTable {
  /** US dollars, or null when any token that was used has no known price: a part of a sum would pass for the whole. */
  cost(tokens: readonly ModelTokens[]): number | null
}

/** `claude-opus-4-5-20251101[1m]` → `claude-opus-4-5`: the day of a release and the size of a context do not name a price. */
const plainName = (model: string): string =>
  model
    .replace(/^(?:[a-z0-9-]+\/|(?:[a-z]{2}\.)?anthropic\.)/, '')
    .replace(/\[[^\]]*\]$/, '')
    .replace(/[-@]20\d{6}(-v\d+:\d+)?$/, '')
    .replace(/-20\d{2}-\d{2}-\d{2}$/, '')

export function priceTable(models: readonly ModelPrice[]): PriceTable {
  const byName = new Map(models.map((price) => [price.model, price]))
  const one = (tokens: ModelTokens): number | null => {
    const price = byName.get(plainName(tokens.model))
    if (!price) return null
    const parts = [
      [tokens.input, price.input],
      [tokens.cachedInput, price.cachedInput],
      [tokens.cacheWrite, price.cacheWrite],
      [tokens.cacheWrite1h, price.cacheWrite1h],
      [tokens.output, price.output],
    ] as const
    let sum = 0
    for (const [count, each] of parts) {
      if (count === 0) continue
      if (each === null) return null
      sum += count * each
    }
    return sum / 1_000_000
  }
  return {
    cost(tokens) {
      const used = tokens.filter((item) => totalOf(item) > 0)
      const costs = used.map(one)
      return costs.reduce<number | null>(
        (sum, cost) => (sum === null || cost === null ? null : sum + cost),
        0,
      )
    },
  }
}

/** What tokens and counts come to. */
export function usageFrom(
  models: readonly ModelTokens[],
  counts: Pick<Usage, 'turns' | 'toolCalls' | 'toolFailures' | 'compactions'>,
  prices: PriceTable,
): Usage {
  const sum = (of: (tokens: ModelTokens) => number) => models.reduce((so, tokens) => so + of(tokens), 0)
  const { turns, toolCalls, toolFailures, compactions } = counts
  return {
    inputTokens: sum(inputOf),
    cachedTokens: sum((tokens) => tokens.cachedInput),
    outputTokens: sum((tokens) => tokens.output),
    cost: prices.cost(models),
    turns,
    toolCalls,
    toolFailures,
    compactions,
  }
}

/** The shipped table as data. Throws when it is none. */
export async function shippedPrices(file: string): Promise<ModelPrice[]> {
  return Table.parse(JSON.parse(await readFile(file, 'utf8'))).models
}

/** The shipped table, and over it the engineer's own prices. */
export async function readPrices(file: string, own: readonly ModelPrice[]): Promise<PriceTable> {
  return priceTable([...(await shippedPrices(file)), ...own])
}
