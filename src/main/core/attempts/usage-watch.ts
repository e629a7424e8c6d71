import { setTimeout as sleep } from 'node:timers/promises'
import { Usage } from '../../../shared/domain/attempt.ts'
import { isOver } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import { Emitter } from '../../kernel/emitter.ts'
import type { Environment } from '../agents/driver.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { LogRecord } from '../agents/telemetry/otlp-logs.ts'
import { addUsage, believed } from '../agents/usage/merge.ts'
import { ReportedUse } from '../agents/usage/reported-use.ts'
import type { Ledger } from '../db/ledger.ts'

export interface UsageWatchDeps {
  ledger: Ledger
  agents: Pick<AgentRegistry, 'driver'>
  environment: () => Promise<Environment>
  clock: Clock
  scope: Scope
}

const TICK_MS = 500
/** A report of the agent is followed by what it writes into its files: read a moment later, and not for each of them. */
const AFTER_REPORT_MS = 1_000
/** A spinner is output too. */
const AFTER_OUTPUT_MS = 15_000
/** Reading may take this share of one core at most: transcripts grow to many megabytes. */
const READ_SHARE = 0.05

/** One conversation of an attempt: its own, or that of a sub-agent. */
interface Part {
  usage: Usage
  isOwn: boolean
}

/** Keeps tokens and cost of attempts fresh from the agents' own files and telemetry, driven by what the agents do. */
export class UsageWatch {
  /** Fires with an attempt's id once what its last turn used is known. */
  readonly settled = new Emitter<string>()
  readonly #deps: UsageWatchDeps
  readonly #settling = new Map<string, number>()
  /** When to read next, by monotonic time. */
  readonly #due = new Map<string, number>()
  readonly #notBefore = new Map<string, number>()
  readonly #reading = new Map<string, Promise<void>>()
  /** What was read last, by attempt and conversation: its files may be gone before it is written down. */
  readonly #seen = new Map<string, ReadonlyMap<string, Part>>()
  readonly #reported = new ReportedUse()
  readonly #wake: () => void

  constructor(deps: UsageWatchDeps) {
    this.#deps = deps
    this.#wake = deps.scope.whileBusy('usage watch', TICK_MS, () => this.#tick())
  }

  /** The attempt did something: `report` is its own word, else it wrote to its terminal. */
  touch(id: string, by: 'report' | 'output'): void {
    const now = this.#deps.clock.monotonic()
    const at = Math.max(
      now + (by === 'report' ? AFTER_REPORT_MS : AFTER_OUTPUT_MS),
      this.#notBefore.get(id) ?? 0,
    )
    this.#due.set(id, Math.min(at, this.#due.get(id) ?? at))
    this.#wake()
  }

  /** Takes records of the OpenTelemetry log of the attempt's agent. */
  report(id: string, records: readonly LogRecord[]): void {
    const { ledger, agents } = this.#deps
    const attempt = ledger.get('attempts', id)
    const reader = attempt && agents.driver(attempt.agent).usage
    if (!reader || isOver(attempt.status)) this.#reported.forget(id)
    else if (this.#reported.take(id, reader, records)) this.touch(id, 'report')
  }

  /** A turn or the process is over: reads once more and writes down as a fact what the conversation used. */
  settle(id: string): void {
    const { ledger, scope } = this.#deps
    const sessionRef = ledger.get('attempts', id)?.sessionRef ?? null
    if (sessionRef === null) return
    this.#settling.set(id, (this.#settling.get(id) ?? 0) + 1)
    scope.run(`settling the usage of ${id}`, async () => {
      try {
        // What it writes with its last words takes a moment to be on the disk.
        await sleep(AFTER_REPORT_MS, undefined, { signal: scope.signal })
        await this.#read(id, sessionRef, true)
        this.#notBefore.delete(id)
      } finally {
        const left = (this.#settling.get(id) ?? 1) - 1
        if (left > 0) this.#settling.set(id, left)
        else this.#settling.delete(id)
        if (left === 0 && !scope.disposed) this.settled.emit(id)
      }
    })
  }

  /** True while a turn has ended whose usage is not known yet. */
  isSettling(id: string): boolean {
    return this.#settling.has(id)
  }

  /** True while something is to be read. */
  #tick(): boolean {
    const now = this.#deps.clock.monotonic()
    for (const [id, at] of this.#due) {
      if (at > now || this.#reading.has(id)) continue
      this.#due.delete(id)
      const sessionRef = this.#deps.ledger.get('attempts', id)?.sessionRef ?? null
      if (sessionRef !== null)
        this.#deps.scope.run(`reading the usage of ${id}`, () => this.#read(id, sessionRef, false))
    }
    return this.#due.size > 0
  }

  /** One read of an attempt at a time, in order. */
  async #read(id: string, sessionRef: string, final: boolean): Promise<void> {
    const reading = (this.#reading.get(id) ?? Promise.resolve()).then(() =>
      this.#readNow(id, sessionRef, final),
    )
    const settled = reading.catch(() => {})
    this.#reading.set(id, settled)
    try {
      await reading
    } finally {
      if (this.#reading.get(id) === settled) this.#reading.delete(id)
    }
  }

  async #readNow(id: string, sessionRef: string, final: boolean): Promise<void> {
    const { ledger, agents, environment, clock, scope } = this.#deps
    const attempt = ledger.get('attempts', id)
    if (!attempt) return
    const reader = agents.driver(attempt.agent).usage
    if (!reader) return
    const started = clock.monotonic()
    const files = await reader.read({
      sessionRef,
      worktree: attempt.worktree,
      env: await environment(),
      signal: scope.signal,
    })
    this.#notBefore.set(id, clock.monotonic() + (clock.monotonic() - started) / READ_SHARE)
    const kept = this.#kept(id)
    const seen: ReadonlyMap<string, Part> = this.#seen.get(id) ?? new Map()
    const reported = this.#reported.of(id, await reader.prices())
    const parts = new Map<string, Part>()
    const refs = [sessionRef, ...kept.keys(), ...seen.keys(), ...files.keys(), ...reported.keys()]
    for (const ref of new Set(refs)) {
      const before = kept.get(ref) ?? seen.get(ref)
      const usage = believed([files.get(ref), reported.get(ref), kept.get(ref)?.usage, seen.get(ref)?.usage])
      if (!usage) continue
      const isOwn = ref === sessionRef || (before?.isOwn ?? false)
      // What a sub-agent was asked was no turn of the attempt.
      parts.set(ref, { isOwn, usage: isOwn ? usage : { ...usage, turns: 0 } })
    }
    if (isOver(attempt.status)) this.#seen.delete(id)
    else this.#seen.set(id, parts)
    const [first, ...others] = [...parts.values()].map((part) => part.usage)
    if (!first) return
    const total = others.reduce(addUsage, first)
    const now = ledger.require('attempts', id)
    const changed = JSON.stringify(now.usage) !== JSON.stringify(total)
    if (!changed && !final) return
    ledger.commit((tx) => {
      if (changed) tx.patch('attempts', id, { usage: total })
      if (!final) return
      for (const [ref, { isOwn, usage: session }] of parts) {
        if (ref !== sessionRef && isOwn) continue
        const { inputTokens, outputTokens, turns } = session
        tx.fact({
          kind: 'attempt.usage',
          actor: 'agent',
          repoId: attempt.repoId,
          taskId: attempt.taskId,
          attemptId: id,
          body: { agent: attempt.agent, model: attempt.slot.model, sessionRef: ref, isOwn, session, total },
          dedupeKey: `usage:${id}:${ref}:${inputTokens}:${outputTokens}:${turns}`,
        })
      }
    })
  }

  /** What each conversation had used when it was last written down, by its id. */
  #kept(id: string): Map<string, Part> {
    const found = new Map<string, Part>()
    for (const { body } of this.#deps.ledger.facts({ attemptId: id, kind: 'attempt.usage', limit: 1_000 })) {
      const usage = Usage.safeParse(body.session)
      if (typeof body.sessionRef === 'string' && usage.success && !found.has(body.sessionRef))
        found.set(body.sessionRef, { usage: usage.data, isOwn: body.isOwn !== false })
    }
    return found
  }
}
