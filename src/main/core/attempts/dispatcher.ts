import type { Attempt } from '../../../shared/domain/attempt.ts'
import { occupiesSlot } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger } from '../db/ledger.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { SettingsStore } from '../settings.ts'
import type { AttemptRunner } from './attempt-runner.ts'
import { budgetOf, budgetProblem } from './budget.ts'
import type { LimitBook } from './limit-book.ts'
import type { UsageWatch } from './usage-watch.ts'

export interface DispatcherDeps {
  ledger: Ledger
  settings: SettingsStore
  runner: AttemptRunner
  workflows: WorkflowStore
  agents: AgentRegistry
  limits: LimitBook
  usage: UsageWatch
  clock: Clock
  scope: Scope
}

/** Hands free slots to pending attempts, oldest first. The only one that starts them. */
export class Dispatcher {
  readonly #deps: DispatcherDeps
  readonly #starting = new Map<string, AbortController>()
  readonly #begun = new Set<Promise<void>>()
  #live = false
  #dispatching = false
  #again = false

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
    deps.scope.own(deps.ledger.committed.on(() => this.dispatch()))
    deps.scope.own(deps.settings.changed.on(() => this.dispatch()))
    deps.scope.own(deps.workflows.changed.on(() => this.dispatch()))
    deps.scope.own(deps.limits.changed.on(() => this.dispatch()))
    deps.scope.own(deps.usage.settled.on(() => this.dispatch()))
  }

  /** Begins to start attempts; before that, boot brings what was interrupted into order. */
  begin(): void {
    this.#live = true
    this.dispatch()
  }

  dispatch(): void {
    // What it writes on a card is a change that asks for it again: never in the middle, where the same attempt would start twice.
    this.#again = true
    if (this.#dispatching) return
    this.#dispatching = true
    try {
      while (this.#again) {
        this.#again = false
        this.#handOut()
      }
    } finally {
      this.#dispatching = false
    }
  }

  #handOut(): void {
    if (!this.#live || this.#deps.scope.disposed) return
    const { ledger, settings, workflows } = this.#deps
    const open = ledger.select(
      'attempts',
      "status IN ('pending', 'preparing', 'starting', 'running', 'waiting', 'stalled') ORDER BY createdAt, n",
    )
    const busy = open.filter((attempt) => occupiesSlot(attempt.status) || this.#starting.has(attempt.id))
    const busyIn = new Map<string, number>()
    for (const { repoId } of busy) busyIn.set(repoId, (busyIn.get(repoId) ?? 0) + 1)
    let free = settings.value.slots - busy.length
    for (const attempt of open) {
      if (attempt.status !== 'pending' || this.#starting.has(attempt.id)) continue
      if (this.#held(attempt) || free <= 0) continue
      const inRepository = busyIn.get(attempt.repoId) ?? 0
      if (inRepository >= (workflows.inForce(attempt.repoId).agent.maxConcurrent ?? Number.POSITIVE_INFINITY))
        continue
      busyIn.set(attempt.repoId, inRepository + 1)
      this.#begin(attempt.id)
      free--
    }
  }

  /**
   * True for an attempt that must not start yet, whatever is free: the repository's workflow file is broken, its agent is at
   * a limit, or its round has used up its budget. The card says so as long as it holds.
   */
  #held(attempt: Attempt): boolean {
    const { ledger, workflows, agents, limits, usage, settings, clock } = this.#deps
    const broken = workflows.problemOf(attempt.repoId)
    const budget = budgetOf(workflows.inForce(attempt.repoId).attempts.budget, settings.value.budget)
    const round =
      budget.tokens === null && budget.cost === null
        ? []
        : ledger.select('attempts', 'roundId = ?', attempt.roundId)
    // A turn ended just now: what it used decides, and is known in a second.
    if (round.some(({ id }) => usage.isSettling(id))) return true
    const limited = broken
      ? null
      : (limits.reason(attempt.agent, labelOf(agents, attempt.agent)) ??
        budgetProblem(
          budget,
          round.map((other) => other.usage),
        ))
    const reason = broken ? `Waits until this is mended: ${broken}` : limited
    const attention = limited
      ? {
          kind: 'limit' as const,
          since: attempt.attention?.kind === 'limit' ? attempt.attention.since : clock.now(),
          detail: limited,
        }
      : null
    const told = attempt.attention?.detail ?? null
    if (attempt.reason !== reason || told !== (attention?.detail ?? null))
      ledger.commit((tx) => tx.patch('attempts', attempt.id, { reason, attention }))
    return reason !== null
  }

  /** Starts again what a crash interrupted in the middle of its preparation. */
  restart(id: string): void {
    if (!this.#starting.has(id)) this.#begin(id)
  }

  /** Starts nothing any more, gives up what is being prepared, and waits until none of it can open a terminal. */
  async stop(): Promise<void> {
    this.#live = false
    for (const abort of this.#starting.values()) abort.abort()
    await Promise.all(this.#begun)
  }

  /** Gives up the preparation of an attempt. */
  cancel(id: string): void {
    this.#starting.get(id)?.abort()
  }

  #begin(id: string): void {
    const abort = new AbortController()
    this.#starting.set(id, abort)
    const signal = AbortSignal.any([abort.signal, this.#deps.scope.signal])
    this.#deps.scope.run(`starting ${id}`, async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#begun.add(promise)
      try {
        await this.#deps.runner.start(id, signal)
      } finally {
        this.#starting.delete(id)
        this.#begun.delete(promise)
        resolve()
        this.dispatch()
      }
    })
  }
}

/** A custom agent may have been removed from the settings since. */
function labelOf(agents: AgentRegistry, name: string): string {
  return agents.all().find((driver) => driver.name === name)?.label ?? name
}
