import type { Attempt, Attention } from '../../../shared/domain/attempt.ts'
import type { AttemptEvent } from '../../../shared/machines/attempt-machine.ts'
import { canAttempt, occupiesSlot } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { PtyExit } from '../../pty-protocol/pty-host.ts'
import type { AgentEvent } from '../agents/driver.ts'
import type { HookMessage } from '../agents/hook-listener.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger, Transaction } from '../db/ledger.ts'
import type { TerminalEvent, TerminalRegistry } from '../pty/terminal.ts'
import type { AgentReports } from './agent-reports.ts'
import type { AttemptFinisher } from './attempt-finisher.ts'
import type { DiffWatch } from './diff-watch.ts'
import { isInterruptKey } from './interrupt-watch.ts'
import type { ScreenWatch } from './screen-watch.ts'
import type { Signals } from './signals.ts'
import { type Move, moveAttempt } from './transitions.ts'
import type { UsageWatch } from './usage-watch.ts'

export interface AttemptSupervisorDeps {
  ledger: Ledger
  agents: AgentRegistry
  terminals: TerminalRegistry
  reports: AgentReports
  screens: ScreenWatch
  finisher: AttemptFinisher
  diffs: DiffWatch
  usage: UsageWatch
  signals: Signals
  clock: Clock
  scope: Scope
}

/** Turns what terminals, hooks and keys say into statuses. What cannot happen in a status is ignored, late reports among it. */
export class AttemptSupervisor {
  readonly #deps: AttemptSupervisorDeps
  /** Until when what each live agent reported is known, ms since the epoch. */
  readonly #heardAt = new Map<string, number>()

  constructor(deps: AttemptSupervisorDeps) {
    this.#deps = deps
    deps.scope.own(deps.terminals.onEvent((event) => this.#onTerminal(event)))
    deps.scope.own(deps.screens.onLook((look) => deps.reports.look(look)))
  }

  /** A report of the hook program. */
  onHook(message: HookMessage): void {
    this.#hear(message, message.at, () => true)
  }

  /**
   * A report that nobody took when it was made. What the agent has said since is newer, and a report that did arrive may have
   * been left behind all the same: then it tells nothing any more but the name of the conversation.
   */
  onMissedHook(message: HookMessage): void {
    const attempt = this.#deps.ledger.get('attempts', message.attemptId)
    if (!attempt) return
    const known = this.#heardAt.get(attempt.id) ?? (attempt.statusSource === 'hook' ? attempt.statusAt : 0)
    const isOld = message.at <= known
    // Of those that were left behind in one millisecond each counts.
    this.#hear(message, message.at - 1, (event) => !isOld || event.kind === 'session')
  }

  #hear(message: HookMessage, heardAt: number, counts: (event: AgentEvent) => boolean): void {
    const { attemptId, at, payload } = message
    const attempt = this.#deps.ledger.get('attempts', attemptId)
    if (!attempt) return
    this.#heardAt.set(attemptId, Math.max(heardAt, this.#heardAt.get(attemptId) ?? 0))
    this.#deps.diffs.touch(attemptId)
    for (const event of this.#deps.agents.driver(attempt.agent).interpret(payload, at))
      if (counts(event)) this.#deps.reports.take(attemptId, event)
  }

  /** The engineer typed into a terminal. */
  onInput(terminalId: string, bytes: Uint8Array): void {
    if (!isInterruptKey(bytes)) return
    const { ledger, agents, reports, screens } = this.#deps
    const attemptId = ledger.get('terminals', terminalId)?.attemptId
    const attempt = attemptId ? ledger.get('attempts', attemptId) : undefined
    // One whose process ends by it says so with its exit.
    if (!attempt || agents.driver(attempt.agent).endsBy !== 'signal') return
    if (reports.suspectInterrupt(attempt.id)) screens.ask(attempt.id, true)
  }

  /** It shows no life. */
  onStall(attempt: Attempt, silentMs: number): void {
    const minutes = Math.round(silentMs / 60_000)
    const detail = `Silent for ${minutes} min: no output, no signal and no processor time.`
    this.#move(attempt.id, 'stall', {
      source: 'output',
      reason: detail,
      change: { attention: this.#attention('stalled', detail) },
    })
  }

  /** The process of a terminal ended (also told at boot, of one that ended while we were away). */
  onExit(terminalId: string, exit: PtyExit): void {
    const { ledger, finisher, scope, usage } = this.#deps
    const terminal = ledger.get('terminals', terminalId)
    if (terminal?.state !== 'live') return
    const { attemptId } = terminal
    // In one step: a core that dies in the middle must not leave an attempt that runs without a terminal.
    const moved = ledger.commit((tx) => {
      tx.patch('terminals', terminalId, {
        state: exit.reason === 'lost' ? 'lost' : 'exited',
        exitCode: exit.code,
      })
      tx.fact({
        kind: 'terminal.ended',
        attemptId,
        body: { code: exit.code, signal: exit.signal, reason: exit.reason, bytes: exit.offset },
      })
      const attempt = attemptId ? tx.get('attempts', attemptId) : undefined
      // The end of an agent that was through with its turn says nothing about its work.
      if (!attempt || !occupiesSlot(attempt.status)) return null
      const { event, ...move } = this.#endBy(exit)
      return this.#moveIn(tx, attempt.id, event, move) ? event : null
    })
    if (!attemptId || !ledger.get('attempts', attemptId)) return
    this.#heardAt.delete(attemptId)
    if (moved === 'finish') finisher.begin(attemptId)
    // What it did until then can still be judged: show it.
    else if (moved) scope.run(`look at ${attemptId}`, () => finisher.look(attemptId))
    usage.settle(attemptId)
  }

  /** What such an end of its process is to an attempt that was at work. */
  #endBy(exit: PtyExit): Omit<Move, 'now'> & { event: AttemptEvent } {
    const endedAt = this.#deps.clock.now()
    if (exit.reason === 'killed')
      return {
        event: 'cancel',
        source: 'process',
        reason: 'Stopped.',
        change: { endReason: 'stopped', endedAt, attention: null },
      }
    const lost = exit.reason === 'lost'
    if (!lost && exit.code === 0)
      return { event: 'finish', source: 'process', change: { endReason: 'exited', endedAt, attention: null } }
    const detail = lost
      ? 'Its terminal was lost: the process that held it died. Transcript and worktree are kept.'
      : exit.signal
        ? `The agent was ended by signal ${exit.signal}.`
        : `The agent ended with exit code ${exit.code}.`
    return {
      event: lost ? 'lose' : 'fail',
      source: 'process',
      reason: detail,
      change: {
        endReason: lost ? 'terminal_lost' : 'exited_with_error',
        endedAt,
        attention: this.#attention('crash', detail),
      },
    }
  }

  #onTerminal(event: TerminalEvent): void {
    const terminal = this.#deps.ledger.get('terminals', event.id)
    if (!terminal?.attemptId) return
    switch (event.type) {
      case 'activity': {
        this.#deps.signals.set(terminal.attemptId, { outputAt: event.at })
        this.#deps.diffs.touch(terminal.attemptId)
        this.#deps.screens.touch(terminal.attemptId)
        this.#deps.usage.touch(terminal.attemptId, 'output')
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

  #attention(kind: Attention['kind'], detail: string): Attention {
    return { kind, since: this.#deps.clock.now(), detail: detail.slice(0, 4_000) }
  }

  /** Moves if the machine allows it, and says whether it did. A verdict that stands is not disturbed. */
  #move(id: string, event: AttemptEvent, move: Omit<Move, 'now'>): boolean {
    return this.#deps.ledger.commit((tx) => this.#moveIn(tx, id, event, move))
  }

  #moveIn(tx: Transaction, id: string, event: AttemptEvent, move: Omit<Move, 'now'>): boolean {
    const attempt = tx.require('attempts', id)
    if (attempt.verdict || !canAttempt(attempt.status, event)) return false
    moveAttempt(this.#deps.ledger, tx, id, event, { now: this.#deps.clock.now(), ...move })
    return true
  }
}
