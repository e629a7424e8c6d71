import type { Attempt } from '../../../shared/domain/attempt.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import { findTree } from '../../kernel/process-tree.ts'
import type { Ledger } from '../db/ledger.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { SettingsStore } from '../settings.ts'
import type { Signals } from './signals.ts'

export interface StallWatchDeps {
  ledger: Ledger
  terminals: TerminalRegistry
  signals: Signals
  settings: SettingsStore
  workflows: Pick<WorkflowStore, 'inForce'>
  clock: Clock
  scope: Scope
  /** Called for an attempt that shows no life; `silentMs` is for how long. */
  onStall: (attempt: Attempt, silentMs: number) => void
}

const SWEEP_MS = 10_000
/** Of one core. Interfaces that wait for a key use some for their cursor and timers; a build uses far more. */
const WORKING_SHARE = 0.05

/** Finds agents that show no life: no output, no signal, and no processor time in anything that they started. */
export class StallWatch {
  readonly #deps: StallWatchDeps
  readonly #cpu = new Map<string, { ms: number; at: number }>()

  constructor(deps: StallWatchDeps) {
    this.#deps = deps
    deps.scope.every('stall watch', SWEEP_MS, () => this.#sweep())
  }

  async #sweep(): Promise<void> {
    const { ledger, clock, onStall } = this.#deps
    const silent = ledger.select('attempts', "status IN ('starting', 'running')").filter((attempt) => {
      const limit = this.#limitOf(attempt)
      return limit > 0 && this.#silence(attempt) >= limit
    })
    for (const id of this.#cpu.keys()) if (!silent.some((attempt) => attempt.id === id)) this.#cpu.delete(id)
    for (const attempt of silent) {
      const ms = await this.#cpuOf(attempt)
      const at = clock.monotonic()
      const before = this.#cpu.get(attempt.id)
      this.#cpu.set(attempt.id, { ms, at })
      // Two measurements make a rate. Less than before: a process of the tree has ended, so something goes on.
      if (!before || ms < before.ms || (ms - before.ms) / (at - before.at) > WORKING_SHARE) continue
      const now = ledger.get('attempts', attempt.id)
      if (now?.status === attempt.status) onStall(now, this.#silence(now))
    }
  }

  /** ms of silence that are too many; ≤ 0 switches it off. A repository's workflow file speaks for its Codex agents. */
  #limitOf(attempt: Attempt): number {
    const { settings, workflows } = this.#deps
    const own = attempt.agent === 'codex' ? workflows.inForce(attempt.repoId).codex.stallTimeoutMs : null
    return own ?? settings.value.stallMinutes * 60_000
  }

  /** ms since it last printed or reported something. */
  #silence(attempt: Attempt): number {
    const { signals, terminals, clock } = this.#deps
    const terminal = attempt.terminalId ? terminals.get(attempt.terminalId) : null
    const output = Math.max(signals.get(attempt.id)?.outputAt ?? 0, terminal?.lastOutputAt ?? 0)
    return clock.now() - Math.max(attempt.statusAt, output)
  }

  /** Processor time of everything in its terminal, ms. */
  async #cpuOf(attempt: Attempt): Promise<number> {
    const terminal = attempt.terminalId ? this.#deps.terminals.get(attempt.terminalId) : null
    if (!terminal?.pid || !terminal.pidStartedAt) return 0
    const root = { pid: terminal.pid, startedAt: terminal.pidStartedAt }
    const tree = await findTree(root, terminal.id)
    return tree.reduce((sum, entry) => sum + entry.cpuMs, 0)
  }
}
