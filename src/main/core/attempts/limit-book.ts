import { z } from 'zod'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import { Emitter } from '../../kernel/emitter.ts'
import type { Ledger } from '../db/ledger.ts'

/** A quota or rate limit that one agent ran into. */
const Limit = z.object({
  agent: z.string(),
  /** The attempt that met it. */
  attemptId: z.string(),
  /** What the agent said. */
  text: z.string(),
  since: z.number(),
  /** ms since the epoch: from then on attempts of this agent start again. */
  until: z.number(),
  /** Whether the agent named that time; else it is our guess. */
  told: z.boolean(),
})
export type Limit = z.infer<typeof Limit>

const KEY = 'limits'
/** When no time was named: short limits are over by then, long ones are met again by one attempt, not by all. */
const GUESS_MS = 5 * 60_000
/** A reset in a second is as good as none: the agent's own retry is faster than a new start. */
const LEAST_MS = 5_000
const TICK_MS = 1_000

export interface LimitBookDeps {
  ledger: Ledger
  clock: Clock
  scope: Scope
}

/** Which agents may not be started now, and until when. Survives a restart: a limit does not end because we did. */
export class LimitBook {
  /** Fires with an agent's name when its limit came, changed or ended. */
  readonly changed = new Emitter<string>()
  readonly #deps: LimitBookDeps
  readonly #limits = new Map<string, Limit>()
  readonly #wake: () => void

  constructor(deps: LimitBookDeps) {
    this.#deps = deps
    for (const limit of z.array(Limit).safeParse(deps.ledger.setting(KEY)).data ?? [])
      this.#limits.set(limit.agent, limit)
    // By the wall clock, looked at often: a time-out of hours would be wrong after a sleep of the machine.
    this.#wake = deps.scope.whileBusy('limits', TICK_MS, () => this.#expire())
    if (this.#limits.size > 0) this.#wake()
  }

  /** The limit that holds `agent` back; null for none. */
  get(agent: string): Limit | null {
    const limit = this.#limits.get(agent)
    return limit && limit.until > this.#deps.clock.now() ? limit : null
  }

  /** An agent met a limit. Repeated reports of one attempt move its end, not its beginning. */
  report(agent: string, attemptId: string, said: { text: string; resetsAt: number | null }): Limit {
    const now = this.#deps.clock.now()
    const before = this.get(agent)
    const told = said.resetsAt !== null
    const until = told ? Math.max(said.resetsAt ?? 0, now + LEAST_MS) : now + GUESS_MS
    const limit: Limit = {
      agent,
      attemptId,
      text: said.text,
      since: before?.since ?? now,
      // Told once, a guess of another attempt does not shorten it.
      until: before?.told && !told ? before.until : until,
      told: told || (before?.told ?? false),
    }
    this.#limits.set(agent, limit)
    this.#wake()
    this.#save()
    this.changed.emit(agent)
    return limit
  }

  /** The attempt that met it got an answer of its model again: the limit is over, whatever was said. */
  lift(agent: string, attemptId: string): void {
    if (this.#limits.get(agent)?.attemptId !== attemptId) return
    this.#limits.delete(agent)
    this.#save()
    this.changed.emit(agent)
  }

  /** One sentence for a card; null when nothing holds `agent` back. */
  reason(agent: string, label: string): string | null {
    const limit = this.get(agent)
    if (!limit) return null
    const when = clockTime(limit.until, this.#deps.clock.now())
    return limit.told
      ? `${label} is at its limit until ${when}: ${limit.text}`
      : `${label} is at its limit; tried again at ${when}: ${limit.text}`
  }

  /** True while a limit holds. */
  #expire(): boolean {
    const now = this.#deps.clock.now()
    const over = [...this.#limits.values()].filter((limit) => limit.until <= now)
    for (const limit of over) this.#limits.delete(limit.agent)
    if (over.length > 0) this.#save()
    for (const limit of over) this.changed.emit(limit.agent)
    return this.#limits.size > 0
  }

  #save(): void {
    this.#deps.ledger.saveSetting(KEY, [...this.#limits.values()])
  }
}

/** `17:05`, or with its date when it is more than half a day away; in the engineer's zone. */
export function clockTime(at: number, now: number): string {
  const date = new Date(at)
  const two = (value: number) => String(value).padStart(2, '0')
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`
  return at - now < 12 * 3_600_000
    ? time
    : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`
}
