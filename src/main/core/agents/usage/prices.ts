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

/** Beyond these sizes of a prompt a request is dearer with some models, all of it; a price names one of them. */
export const LONG_PROMPTS: readonly number[] = [100_000, 200_000, 272_000]

/** Tokens of answers of one model whose prompts were of one size: beyond `over` tokens, and not beyond the next size. */
interface PricedTokens extends ModelTokens {
  over: number
}

/** Adds up answers so that each can be priced. */
export class TokenSums {
  readonly #sums = new Map<string, PricedTokens>()

  /** One answer of a model. */
  add(answer: ModelTokens): void {
    const over = LONG_PROMPTS.findLast((size) => inputOf(answer) > size) ?? 0
    const key = `${over} ${answer.model}`
    const sum = this.#sums.get(key) ?? { ...noTokens(answer.model), over }
    sum.input += answer.input
    sum.cachedInput += answer.cachedInput
    sum.cacheWrite += answer.cacheWrite
    sum.cacheWrite1h += answer.cacheWrite1h
    sum.output += answer.output
    this.#sums.set(key, sum)
  }

  get all(): readonly PricedTokens[] {
    return [...this.#sums.values()]
  }
}

/** All input tokens, cached ones included. */
const inputOf = (tokens: ModelTokens): number =>
  tokens.input + tokens.cachedInput + tokens.cacheWrite + tokens.cacheWrite1h

const totalOf = (tokens: ModelTokens): number => inputOf(tokens) + tokens.output

export interface PriceTable {
  /** US dollars, or null when any token that was used has no known price: a part of a sum would pass for the whole. */
  cost(tokens: readonly PricedTokens[]): number | null
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
  const one = (tokens: PricedTokens): number | null => {
    const found = byName.get(plainName(tokens.model))
    if (!found) return null
    const price = found.long && tokens.over >= found.long.over ? found.long : found
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
  tokens: TokenSums,
  counts: Pick<Usage, 'turns' | 'toolCalls' | 'toolFailures' | 'compactions'>,
  prices: PriceTable,
): Usage {
  const sum = (of: (tokens: ModelTokens) => number) => tokens.all.reduce((so, part) => so + of(part), 0)
  const { turns, toolCalls, toolFailures, compactions } = counts
  return {
    inputTokens: sum(inputOf),
    cachedTokens: sum((tokens) => tokens.cachedInput),
    outputTokens: sum((tokens) => tokens.output),
    cost: prices.cost(tokens.all),
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
