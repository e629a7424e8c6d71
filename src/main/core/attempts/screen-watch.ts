import { occupiesSlot } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Disposable, Scope } from '../../kernel/disposable.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger } from '../db/ledger.ts'
import { readScreen } from '../pty/screen-text.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'

export interface ScreenWatchDeps {
  ledger: Ledger
  agents: AgentRegistry
  terminals: TerminalRegistry
  clock: Clock
  scope: Scope
}

/** What a look at a screen found. */
export interface ScreenLook {
  attemptId: string
  text: string
  /** Nothing was written for some seconds before: an agent at work draws its spinner. */
  quiet: boolean
}

const TICK_MS = 500
const QUIET_MS = 2_500
/** A screen that never rests (a countdown to a retry is drawn every second) is looked at this often all the same. */
const BUSY_MS = 15_000
const IMPATIENT_MS = 3_000

interface Watched {
  outputAt: number
  readAt: number
  /** Something was written, or a look was asked for, since the last look. */
  due: boolean
  impatient: boolean
  reading: boolean
}

/**
 * Looks at the screens of agents that live on after their work: once whenever one came to rest, and now and then while it
 * does not. Nothing is looked at as long as nothing is written.
 */
export class ScreenWatch {
  readonly #deps: ScreenWatchDeps
  readonly #watched = new Map<string, Watched>()
  readonly #wake: () => void
  #listener: ((look: ScreenLook) => void) | null = null

  constructor(deps: ScreenWatchDeps) {
    this.#deps = deps
    this.#wake = deps.scope.whileBusy('screen watch', TICK_MS, () => this.#tick())
  }

  /** Who hears of every look; one at a time. */
  onLook(listener: (look: ScreenLook) => void): Disposable {
    this.#listener = listener
    return { dispose: () => (this.#listener = null) }
  }

  /** The attempt's terminal wrote something. */
  touch(attemptId: string): void {
    const watched = this.#of(attemptId)
    watched.outputAt = this.#deps.clock.monotonic()
    watched.due = true
    this.#wake()
  }

  /** Asks for a look once the screen is quiet; `impatient` also soon when it is not. */
  ask(attemptId: string, impatient: boolean): void {
    const watched = this.#of(attemptId)
    // A key takes a moment to show.
    watched.outputAt = this.#deps.clock.monotonic()
    watched.due = true
    watched.impatient = impatient
    this.#wake()
  }

  /** The attempt's screen now; null when it has none that lives. */
  async read(attemptId: string): Promise<string | null> {
    const terminalId = this.#deps.ledger.get('attempts', attemptId)?.terminalId
    return terminalId ? ((await readScreen(this.#deps.terminals, terminalId))?.text ?? null) : null
  }

  #of(attemptId: string): Watched {
    const known = this.#watched.get(attemptId)
    if (known) return known
    const fresh = { outputAt: 0, readAt: 0, due: false, impatient: false, reading: false }
    this.#watched.set(attemptId, fresh)
    return fresh
  }

  /** True while something is to be looked at. */
  #tick(): boolean {
    const { ledger, agents, clock, scope } = this.#deps
    const now = clock.monotonic()
    for (const [id, watched] of this.#watched) {
      if (!watched.due || watched.reading) continue
      const quiet = now - watched.outputAt >= QUIET_MS
      if (!quiet && now - watched.readAt < (watched.impatient ? IMPATIENT_MS : BUSY_MS)) continue
      const attempt = ledger.get('attempts', id)
      if (!attempt || !occupiesSlot(attempt.status)) {
        this.#watched.delete(id)
        continue
      }
      // One whose work ends with its process says with that how it is.
      if (agents.driver(attempt.agent).endsBy !== 'signal') {
        watched.due = false
        continue
      }
      watched.due = !quiet
      watched.reading = true
      watched.readAt = now
      scope.run(`reading the screen of ${id}`, async () => {
        try {
          const text = await this.read(id)
          if (text !== null) this.#listener?.({ attemptId: id, text, quiet })
        } finally {
          watched.reading = false
        }
      })
    }
    return [...this.#watched.values()].some((watched) => watched.due)
  }
}
