import type { Attempt, Attention } from '../../../shared/domain/attempt.ts'
import type { AttemptEvent } from '../../../shared/machines/attempt-machine.ts'
import { canAttempt } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { PtyExit } from '../../pty-protocol/pty-host.ts'
import type { AgentEvent } from '../agents/driver.ts'
import type { HookMessage } from '../agents/hook-listener.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger, Transaction } from '../db/ledger.ts'
import type { TerminalEvent, TerminalRegistry } from '../pty/terminal.ts'
import type { SettingsStore } from '../settings.ts'
import type { AttemptFinisher } from './attempt-finisher.ts'
import type { DeliveryWatch } from './delivery-watch.ts'
import type { DiffWatch } from './diff-watch.ts'
import type { Signals } from './signals.ts'
import { type Move, moveAttempt } from './transitions.ts'

export interface AttemptSupervisorDeps {
  ledger: Ledger
  agents: AgentRegistry
  terminals: TerminalRegistry
  finisher: AttemptFinisher
  diffs: DiffWatch
  signals: Signals
  delivery: DeliveryWatch
  settings: SettingsStore
  clock: Clock
  log: Logger
  scope: Scope
}

const STALL_SWEEP_MS = 10_000

/** Turns what terminals and hooks say into statuses. What cannot happen in a status is ignored, late reports among it. */
export class AttemptSupervisor {
  readonly #deps: AttemptSupervisorDeps

  constructor(deps: AttemptSupervisorDeps) {
    this.#deps = deps
    deps.scope.own(deps.terminals.onEvent((event) => this.#onTerminal(event)))
    deps.scope.every('stall sweep', STALL_SWEEP_MS, () => this.#sweepStalled())
  }

  /** A report of the hook program. */
  onHook(message: HookMessage): void {
    const attempt = this.#deps.ledger.get('attempts', message.attemptId)
    if (!attempt) return
    this.#deps.diffs.touch(attempt.id)
    for (const event of this.#deps.agents.driver(attempt.agent).interpret(message.payload, message.at))
      this.#onAgent(attempt.id, event)
  }

  /** The process of a terminal ended (also told at boot, of one that ended while we were away). */
  onExit(terminalId: string, exit: PtyExit): void {
    const { ledger } = this.#deps
    const terminal = ledger.get('terminals', terminalId)
    if (terminal?.state !== 'live') return
    ledger.commit((tx) => {
      tx.patch('terminals', terminalId, {
        state: exit.reason === 'lost' ? 'lost' : 'exited',
        exitCode: exit.code,
      })
      tx.fact({
        kind: 'terminal.ended',
        attemptId: terminal.attemptId,
        body: { code: exit.code, signal: exit.signal, reason: exit.reason, bytes: exit.offset },
      })
    })
    const attempt = terminal.attemptId ? ledger.get('attempts', terminal.attemptId) : undefined
    if (attempt) this.#onEnd(attempt, exit)
  }

  #onEnd(attempt: Attempt, exit: PtyExit): void {
    const endedAt = this.#deps.clock.now()
    if (exit.reason === 'lost') {
      const detail = 'Its terminal was lost: the process that held it died. Transcript and worktree are kept.'
      this.#move(attempt.id, 'lose', {
        source: 'process',
        reason: detail,
        change: { endReason: 'terminal_lost', endedAt, attention: this.#attention('crash', detail) },
      })
    } else if (exit.reason === 'killed') {
      this.#move(attempt.id, 'cancel', {
        source: 'process',
        reason: 'Stopped.',
        change: { endReason: 'stopped', endedAt, attention: null },
      })
    } else if (exit.code === 0) {
      if (
        this.#move(attempt.id, 'finish', {
          source: 'process',
          change: { endReason: 'exited', endedAt, attention: null },
        })
      )
        this.#deps.finisher.begin(attempt.id)
    } else {
      const detail = exit.signal
        ? `The agent was ended by signal ${exit.signal}.`
        : `The agent ended with exit code ${exit.code}.`
      const failed = this.#move(attempt.id, 'fail', {
        source: 'process',
        reason: detail,
        change: { endReason: 'exited_with_error', endedAt, attention: this.#attention('crash', detail) },
      })
      // What it did until then can still be judged: show it.
      if (failed) this.#deps.scope.run(`diff of ${attempt.id}`, () => this.#deps.diffs.refresh(attempt.id))
    }
  }

  #onTerminal(event: TerminalEvent): void {
    const terminal = this.#deps.ledger.get('terminals', event.id)
    if (!terminal?.attemptId) return
    switch (event.type) {
      case 'activity': {
        this.#deps.signals.set(terminal.attemptId, { outputAt: event.at })
        this.#deps.diffs.touch(terminal.attemptId)
        const attempt = this.#deps.ledger.get('attempts', terminal.attemptId)
        if (attempt?.status === 'stalled')
          this.#move(attempt.id, 'run', { source: 'output', change: { attention: null } })
        break
      }
      case 'title':
        this.#deps.signals.set(terminal.attemptId, { title: event.title })
        break
      case 'log':
        this.#deps.ledger.commit((tx) => {
          if (!event.logging)
            tx.fact({
              kind: 'terminal.log_stopped',
              attemptId: terminal.attemptId,
              body: { lost: event.lost, message: event.message },
            })
        })
        break
      case 'ended':
        this.onExit(event.id, event.exit)
        break
      default:
        break
    }
  }

  #onAgent(id: string, event: AgentEvent): void {
    const attempt = this.#deps.ledger.require('attempts', id)
    const driver = this.#deps.agents.driver(attempt.agent)
    switch (event.kind) {
      case 'attached':
      case 'ended':
      case 'compacted':
        return
      case 'session':
        this.#deps.ledger.commit((tx) => tx.patch('attempts', id, { sessionRef: event.sessionRef }))
        return
      case 'usage':
        this.#deps.ledger.commit((tx) => tx.patch('attempts', id, { usage: event.usage }))
        return
      case 'started':
      case 'working':
        if (event.kind === 'started') this.#deps.delivery.confirm(id)
        if (attempt.status === 'running') this.#deps.signals.set(id, { outputAt: event.at })
        else if (attempt.status !== 'starting' || event.kind === 'started') {
          // The engineer made it go on: what was being verified is void.
          if (this.#move(id, 'run', { source: 'hook', actor: 'agent', change: { attention: null } }))
            this.#deps.finisher.cancel(id)
        }
        return
      case 'question':
        this.#ask(
          id,
          event.about === 'auth' ? 'auth' : event.about === 'trust' ? 'trust' : 'question',
          event.text,
        )
        return
      case 'failed':
        this.#ask(id, 'crash', event.text)
        return
      case 'limit':
        this.#ask(id, 'limit', event.text)
        return
      case 'finished':
        if (
          driver.endsBy === 'signal' &&
          this.#move(id, 'finish', {
            source: 'hook',
            actor: 'agent',
            change: { endReason: 'exited', attention: null },
          })
        )
          this.#deps.finisher.begin(id)
        return
    }
  }

  #ask(id: string, kind: Attention['kind'], text: string): void {
    const attention = this.#attention(kind, text)
    this.#move(id, 'ask', { source: 'hook', actor: 'agent', change: { attention } }, (tx, attempt) =>
      tx.fact({
        kind: 'attempt.question',
        actor: 'agent',
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: id,
        body: { about: kind, text },
      }),
    )
  }

  #sweepStalled(): void {
    const { ledger, settings, terminals, signals, clock } = this.#deps
    const limit = settings.value.stallMinutes * 60_000
    if (limit <= 0) return
    const now = clock.now()
    for (const attempt of ledger.select('attempts', "status IN ('starting', 'running')")) {
      const output = Math.max(
        signals.get(attempt.id)?.outputAt ?? 0,
        (attempt.terminalId && terminals.get(attempt.terminalId)?.lastOutputAt) || 0,
      )
      const last = Math.max(attempt.statusAt, output)
      if (now - last < limit) continue
      const detail = `Silent for ${Math.round((now - last) / 60_000)} min: no output and no signal.`
      this.#move(attempt.id, 'stall', {
        source: 'output',
        reason: detail,
        change: { attention: this.#attention('stalled', detail) },
      })
    }
  }

  #attention(kind: Attention['kind'], detail: string): Attention {
    return { kind, since: this.#deps.clock.now(), detail: detail.slice(0, 4_000) }
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
}
