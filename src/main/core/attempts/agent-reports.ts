import type { Attempt, Attention, StatusSource } from '../../../shared/domain/attempt.ts'
import type { AttemptEvent } from '../../../shared/machines/attempt-machine.ts'
import { canAttempt } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { AgentEvent, AgentQuestion } from '../agents/driver.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger, Transaction } from '../db/ledger.ts'
import type { AttemptFinisher } from './attempt-finisher.ts'
import type { DeliveryWatch } from './delivery-watch.ts'
import type { InterruptWatch } from './interrupt-watch.ts'
import type { LimitBook } from './limit-book.ts'
import type { ScreenLook } from './screen-watch.ts'
import type { Signals } from './signals.ts'
import { type Move, moveAttempt } from './transitions.ts'
import type { UsageWatch } from './usage-watch.ts'

export interface AgentReportsDeps {
  ledger: Ledger
  agents: AgentRegistry
  finisher: AttemptFinisher
  signals: Signals
  delivery: DeliveryWatch
  interrupts: InterruptWatch
  limits: LimitBook
  usage: UsageWatch
  clock: Clock
}

/** Kinds of attention for what an agent asks. */
const KIND_OF: Record<AgentQuestion['about'], Attention['kind']> = {
  permission: 'question',
  question: 'question',
  trust: 'trust',
  auth: 'auth',
}

/** What fits on a card; a dialog with more or longer entries can be answered in words, or in its terminal. */
const MAX_OPTIONS = 8
const MAX_OPTION = 200

const INTERRUPTED = 'It was interrupted and waits for your next message.'
const SUSPECTED = 'Interrupt suspected: you pressed a key that stops it, and it has not said so.'

/** Turns what agents say, through their hooks or on their screens, into statuses. What cannot happen in a status is ignored. */
export class AgentReports {
  readonly #deps: AgentReportsDeps

  constructor(deps: AgentReportsDeps) {
    this.#deps = deps
  }

  /** One event of an attempt's agent. */
  take(id: string, event: AgentEvent, source: StatusSource = 'hook'): void {
    const { ledger, signals, delivery, limits, usage } = this.#deps
    const attempt = ledger.require('attempts', id)
    // A hook that was on its way when its agent ended must not bring the attempt back to life.
    if (!this.#lives(attempt)) return
    if (source === 'hook') {
      signals.set(id, { outputAt: event.at })
      usage.touch(id, 'report')
      delivery.confirm(id, event.kind === 'started' ? 'prompt' : 'any')
    }
    switch (event.kind) {
      case 'attached':
      case 'ended':
      case 'compacted':
        return
      case 'session':
        if (attempt.sessionRef !== event.sessionRef) this.#switchSession(attempt, event.sessionRef)
        return
      case 'usage':
        ledger.commit((tx) => tx.patch('attempts', id, { usage: event.usage }))
        return
      case 'started':
      case 'working':
        if (event.kind === 'working') limits.lift(attempt.agent, id)
        this.#works(attempt, event.kind, source)
        return
      case 'question': {
        const { text, about, options } = event
        this.#ask(attempt, KIND_OF[about], text, source, { text, about, options })
        return
      }
      case 'interrupted':
        this.#interrupted(attempt, source)
        return
      case 'failed':
        // The same failure was told as a limit just before.
        if (attempt.attention?.kind !== 'limit') this.#ask(attempt, 'crash', event.text, source, null)
        return
      case 'limit':
        limits.report(attempt.agent, id, event)
        this.#ask(attempt, 'limit', event.text, source, event.question ?? null)
        return
      case 'finished':
        limits.lift(attempt.agent, id)
        if (event.text) this.#claimed(attempt, event.text)
        this.#finished(attempt, source)
        return
    }
  }

  /** The screen of an attempt's terminal was looked at. */
  look({ attemptId: id, text, quiet }: ScreenLook): void {
    const { ledger, agents, clock, interrupts } = this.#deps
    const attempt = ledger.get('attempts', id)
    if (!attempt || !this.#lives(attempt)) return
    const events = agents.driver(attempt.agent).readScreen(text, clock.now())
    if (attempt.status === 'waiting' && attempt.statusSource === 'screen' && events.length === 0) {
      this.#move(id, 'run', { source: 'screen', change: { attention: null } })
      return
    }
    // While it still draws, only a limit that it counts down is sure: other words may scroll by in its work.
    for (const event of events) if (quiet || event.kind === 'limit') this.take(id, event, 'screen')
    if (!interrupts.isSuspected(id)) return
    const now = ledger.require('attempts', id)
    if (now.status !== 'running' && now.status !== 'stalled') interrupts.clear(id)
    else if (quiet && events.length === 0) this.#interrupted(now, 'engineer')
    else if (!quiet && interrupts.isOld(id)) this.#goesOn(now)
  }

  /** The engineer typed a key that may have stopped the agent. */
  suspectInterrupt(id: string): boolean {
    const { ledger, interrupts } = this.#deps
    const attempt = ledger.require('attempts', id)
    if (attempt.status !== 'running' && attempt.status !== 'stalled') return false
    interrupts.suspect(id)
    if (attempt.reason !== SUSPECTED) ledger.commit((tx) => tx.patch('attempts', id, { reason: SUSPECTED }))
    return true
  }

  /** What the waiting agent asked last; null when it does not wait for an answer. Also known after a restart. */
  questionOf(attempt: Attempt): AgentQuestion | null {
    if (attempt.status !== 'waiting') return null
    const [fact] = this.#deps.ledger.facts({ attemptId: attempt.id, kind: 'attempt.question', limit: 1 })
    const { text, about, options } = fact?.body ?? {}
    if (typeof text !== 'string' || typeof about !== 'string' || !Array.isArray(options)) return null
    const kind = (['permission', 'question', 'trust', 'auth'] as const).find((known) => known === about)
    return kind ? { text, about: kind, options: options.filter((one) => typeof one === 'string') } : null
  }

  /** Moves if the machine allows it, and says whether it did. A verdict that stands is not disturbed. */
  #move(
    id: string,
    event: AttemptEvent,
    move: Omit<Move, 'now'>,
    also?: (tx: Transaction, attempt: Attempt) => void,
  ): boolean {
    const { ledger, clock } = this.#deps
    return ledger.commit((tx) => {
      const attempt = tx.require('attempts', id)
      if (attempt.verdict || !canAttempt(attempt.status, event)) return false
      moveAttempt(ledger, tx, id, event, { now: clock.now(), ...move })
      also?.(tx, attempt)
      return true
    })
  }

  /** Its process runs as far as we know. By the row: a hook may be faster than the answer to the start of its terminal. */
  #lives(attempt: Attempt): boolean {
    const terminal = attempt.terminalId ? this.#deps.ledger.get('terminals', attempt.terminalId) : undefined
    return terminal?.state === 'live'
  }

  #works(attempt: Attempt, kind: 'started' | 'working', source: StatusSource): void {
    const { ledger, interrupts, finisher } = this.#deps
    const { id, status } = attempt
    if (status === 'running') {
      if (interrupts.isSuspected(id)) this.#goesOn(attempt)
    } else if (status !== 'starting' || kind === 'started') {
      // A tool's report that comes after the turn's end is late, and says nothing new.
      const late =
        kind === 'working' && (status === 'finished' || status === 'verifying' || status === 'reviewing')
      // The engineer made it go on: what was being verified is void.
      if (!late && this.#move(id, 'run', { source, actor: 'agent', change: { attention: null } }))
        finisher.cancel(id)
    }
    if (kind === 'started' && ledger.require('attempts', id).attention?.kind === 'not_delivered')
      ledger.commit((tx) => tx.patch('attempts', id, { attention: null }))
  }

  #goesOn({ id, reason }: Attempt): void {
    this.#deps.interrupts.clear(id)
    if (reason === SUSPECTED) this.#deps.ledger.commit((tx) => tx.patch('attempts', id, { reason: null }))
  }

  #interrupted(attempt: Attempt, source: StatusSource): void {
    this.#deps.interrupts.clear(attempt.id)
    // What it asked before it was stopped is void; what else it waits for is not.
    if (attempt.status === 'waiting' && attempt.attention?.kind !== 'question') return
    this.#ask(attempt, 'question', INTERRUPTED, source, null)
  }

  #finished(attempt: Attempt, source: StatusSource): void {
    const { agents, interrupts, finisher, usage } = this.#deps
    if (agents.driver(attempt.agent).endsBy !== 'signal') return
    interrupts.clear(attempt.id)
    usage.settle(attempt.id)
    const change = { endReason: 'exited' as const, attention: null }
    if (this.#move(attempt.id, 'finish', { source, actor: 'agent', change })) finisher.begin(attempt.id)
  }

  /** Keeps what the agent says of its work: its word, shown beside what was checked. */
  #claimed({ id, repoId, taskId, headSha }: Attempt, text: string): void {
    const { ledger } = this.#deps
    ledger.commit((tx) =>
      tx.fact({ kind: 'attempt.claimed', actor: 'agent', repoId, taskId, attemptId: id, body: { text } }),
    )
    // The report of an agent that has just exited may come after its evidence was gathered. From the fact: it is redacted.
    const [fact] = ledger.facts({ attemptId: id, kind: 'attempt.claimed', limit: 1 })
    const late = ledger.select('evidence', 'attemptId = ? AND headSha = ? AND claim IS NULL', id, headSha)
    for (const { id: evidenceId } of late)
      ledger.commit((tx) => tx.patch('evidence', evidenceId, { claim: String(fact?.body.text ?? '') }))
  }

  /** It waits for the engineer. One that waits already waits for this now. */
  #ask(
    attempt: Attempt,
    kind: Attention['kind'],
    text: string,
    source: StatusSource,
    question: AgentQuestion | null,
  ): void {
    const { ledger, clock } = this.#deps
    const now = clock.now()
    const offered = [...new Set(question?.options)].filter((option) => option.length <= MAX_OPTION)
    const options = offered.length > 0 ? { options: offered.slice(0, MAX_OPTIONS) } : {}
    const attention = { kind, since: now, detail: text.slice(0, 4_000), ...options }
    const fact = (tx: Transaction, { id, repoId, taskId }: Attempt) =>
      tx.fact({
        kind: 'attempt.question',
        actor: 'agent',
        repoId,
        taskId,
        attemptId: id,
        body: question ? { kind, ...question } : { kind, about: kind, text },
      })
    if (attempt.status !== 'waiting') {
      this.#move(attempt.id, 'ask', { source, actor: 'agent', change: { attention } }, fact)
      return
    }
    const same = attempt.attention?.kind === kind && attempt.attention.detail === attention.detail
    // The agent's own words are better than what can be read of its dialog.
    const worse = source === 'screen' && attempt.statusSource !== 'screen' && kind !== 'limit'
    if (same || worse || attempt.verdict) return
    ledger.commit((tx) => {
      tx.patch('attempts', attempt.id, { attention, statusSource: source })
      fact(tx, attempt)
    })
  }

  /** A new conversation in the same terminal: what the old one used stays counted. */
  #switchSession(attempt: Attempt, sessionRef: string): void {
    if (attempt.sessionRef !== null) this.#deps.usage.settle(attempt.id)
    this.#deps.ledger.commit((tx) => tx.patch('attempts', attempt.id, { sessionRef }))
  }
}
