import type { Usage } from '../../../../shared/domain/attempt.ts'
import type { UsageReader, UseEvent } from '../driver.ts'
import type { LogRecord } from '../telemetry/otlp-logs.ts'
import { type PriceTable, TokenSums, usageFrom } from './prices.ts'

interface Account {
  tokens: TokenSums
  turns: number
  toolCalls: number
  toolFailures: number
  compactions: number
}

/** Agents say the same again when their batch was not confirmed in time: of the newest records all are known by name. */
const MAX_SEEN = 4_096
/** An attempt has a conversation of its own and some of sub-agents; who names more makes them up. */
const MAX_CONVERSATIONS = 200

/** Adds up what agents report of their use by OpenTelemetry, for each conversation, from when we started to listen. */
export class ReportedUse {
  readonly #accounts = new Map<string, Map<string, Account>>()
  readonly #seen = new Set<string>()

  /** Takes records of an attempt's agent; true when some of them were news about its use. */
  take(attemptId: string, reader: UsageReader, records: readonly LogRecord[]): boolean {
    let news = false
    for (const record of records) {
      const event = reader.interpret(record.attributes)
      if (event && this.#isNew(`${attemptId} ${record.key}`)) news = this.#add(attemptId, event) || news
    }
    return news
  }

  /** What each conversation of the attempt used, by the agent's own name of it. */
  of(attemptId: string, prices: PriceTable): Map<string, Usage> {
    const accounts = [...(this.#accounts.get(attemptId) ?? [])]
    return new Map(
      accounts.map(([conversation, account]) => [conversation, usageFrom(account.tokens, account, prices)]),
    )
  }

  /** The attempt is over. */
  forget(attemptId: string): void {
    this.#accounts.delete(attemptId)
  }

  #isNew(key: string): boolean {
    if (this.#seen.has(key)) return false
    this.#seen.add(key)
    for (const eldest of this.#seen) {
      if (this.#seen.size <= MAX_SEEN) break
      this.#seen.delete(eldest)
    }
    return true
  }

  #add(attemptId: string, event: UseEvent): boolean {
    const accounts = this.#accounts.get(attemptId) ?? new Map<string, Account>()
    this.#accounts.set(attemptId, accounts)
    if (!accounts.has(event.conversation) && accounts.size >= MAX_CONVERSATIONS) return false
    const account = accounts.get(event.conversation) ?? {
      tokens: new TokenSums(),
      turns: 0,
      toolCalls: 0,
      toolFailures: 0,
      compactions: 0,
    }
    accounts.set(event.conversation, account)
    switch (event.kind) {
      case 'answer':
        account.tokens.add(event.tokens)
        break
      case 'turn':
        account.turns++
        break
      case 'tool':
        account.toolCalls++
        if (event.failed) account.toolFailures++
        break
      case 'compacted':
        account.compactions++
        break
    }
    return true
  }
}
