import { setTimeout as sleep } from 'node:timers/promises'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import { mintId } from '../../kernel/ids.ts'
import type { AgentQuestion } from '../agents/driver.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger } from '../db/ledger.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'
import type { AgentReports } from './agent-reports.ts'
import type { DeliveryWatch } from './delivery-watch.ts'
import type { ScreenWatch } from './screen-watch.ts'

export interface MessageDeliveryDeps {
  ledger: Ledger
  agents: AgentRegistry
  terminals: TerminalRegistry
  screens: ScreenWatch
  reports: AgentReports
  delivery: DeliveryWatch
  clock: Clock
  scope: Scope
}

/** Between two writes: interfaces take what comes in one piece for one paste or one key. */
const BETWEEN_WRITES_MS = 80
/** An agent reports a message well within this; its first Enter may have gone into a menu or a redraw. */
const FIRST_WAIT_MS = 4_000
const SECOND_WAIT_MS = 6_000
/** A dialog is drawn after the hook that announced it has ended. */
const DIALOG_MS = 5_000
const POLL_MS = 250
const ENTER = '\r'

/** The entries of a dialog that can be chosen by a digit or with the arrows. */
const ENTRY = /^[\s│|]*(?:[❯›>●]\s*)?\d{1,2}[.)]\s+\S/

/** Types messages and answers into agents' terminals, and says whether they arrived. */
export class MessageDelivery {
  readonly #deps: MessageDeliveryDeps

  constructor(deps: MessageDeliveryDeps) {
    this.#deps = deps
  }

  /**
   * Sends `text` as one message, or as the answer to what the agent asks. True once the agent itself confirmed it, or its
   * dialog went away; false leaves the attempt with an attention that says so. Throws `agent_exited`.
   */
  async send(attempt: Attempt, text: string, by: 'engineer' | 'core' = 'engineer'): Promise<boolean> {
    const { ledger, agents, terminals, reports, delivery } = this.#deps
    const terminal = attempt.terminalId ? terminals.get(attempt.terminalId) : null
    if (terminal?.state !== 'live')
      throw new Failure(
        'agent_exited',
        `Attempt ${attempt.n} has no agent that could read this. Resume it first.`,
      )
    const driver = agents.driver(attempt.agent)
    const question = reports.questionOf(attempt)
    let obstacle = question ? null : await this.#obstacle(attempt)
    if (obstacle !== null) {
      this.#told(attempt, text, by, false, null)
      this.#complain(attempt.id, inTheWay(obstacle))
      return false
    }
    // Keys that are pressed before the dialog is drawn would land in the message line.
    const entries = question && question.options.length > 0 ? await this.#dialog(attempt) : null
    const confirmed = delivery.expect(attempt.id, question ? 'any' : 'prompt')
    try {
      const parts = question ? driver.answer(question, text) : driver.followUp(text)
      await this.#type(terminal.id, parts)
      // An agent without a conversation of its own has no way to confirm anything: a second Enter would be one too many. A
      // dialog on start comes before there is one.
      const confirms = attempt.sessionRef !== null || question !== null
      let delivered = confirms && (await this.#arrived(attempt, confirmed, entries, FIRST_WAIT_MS))
      if (!delivered && confirms) {
        // One that opened while we typed must not be answered by our Enter.
        obstacle = question ? null : await this.#obstacle(attempt)
        if (parts.at(-1) === ENTER && obstacle === null) await this.#type(terminal.id, [ENTER])
        if (obstacle === null) delivered = await this.#arrived(attempt, confirmed, entries, SECOND_WAIT_MS)
      }
      this.#told(attempt, text, by, delivered, question)
      if (!delivered && confirms)
        this.#complain(
          attempt.id,
          obstacle !== null
            ? inTheWay(obstacle)
            : question
              ? `Your answer was not taken. It asks: ${question.text}`
              : ledger.require('attempts', attempt.id).status === 'running'
                ? 'Your message is not confirmed: the agent is busy and has not said that it took it.'
                : 'Your message was not confirmed by the agent. Look into its terminal.',
        )
      return delivered
    } finally {
      confirmed.dispose()
    }
  }

  async #type(terminalId: string, parts: readonly string[]): Promise<void> {
    const { terminals, scope } = this.#deps
    const writer = mintId('answer')
    for (const [i, part] of parts.entries()) {
      if (i > 0) await sleep(BETWEEN_WRITES_MS, undefined, { signal: scope.signal })
      await terminals.write(terminalId, { writer, seq: i + 1, bytes: Buffer.from(part) })
    }
  }

  /** The entries of the dialog on the screen, as soon as there are some. */
  async #dialog(attempt: Attempt): Promise<string | null> {
    const { screens, clock, scope } = this.#deps
    const until = clock.monotonic() + DIALOG_MS
    for (;;) {
      const entries = this.#entriesOf(attempt, (await screens.read(attempt.id)) ?? '')
      if (entries !== '') return entries
      if (clock.monotonic() > until) return null
      await sleep(POLL_MS, undefined, { signal: scope.signal })
    }
  }

  /** True once the agent confirmed, or the dialog that was answered is gone: a permission's tool may run for long before it reports. */
  async #arrived(
    attempt: Attempt,
    confirmed: { within(ms: number): Promise<boolean> },
    entries: string | null,
    ms: number,
  ): Promise<boolean> {
    const { screens, clock } = this.#deps
    if (entries === null) return confirmed.within(ms)
    const until = clock.monotonic() + ms
    while (clock.monotonic() < until) {
      if (await confirmed.within(POLL_MS * 2)) return true
      const screen = await screens.read(attempt.id)
      if (screen !== null && this.#entriesOf(attempt, screen) !== entries) return true
    }
    return false
  }

  #entriesOf(attempt: Attempt, screen: string): string {
    return entriesOf(screen, this.#deps.agents.driver(attempt.agent).dialogEntry ?? ENTRY)
  }

  /**
   * The dialog that has the keys, when one was opened after the agent's turn: typing into it could choose one of its entries,
   * and agents ask in such dialogs for permission to change the engineer's own settings.
   */
  async #obstacle(attempt: Attempt): Promise<string | null> {
    const { agents, screens, clock } = this.#deps
    const screen = await screens.read(attempt.id)
    if (screen === null) return null
    const events = agents.driver(attempt.agent).readScreen(screen, clock.now())
    return events.find((event) => event.kind === 'question')?.text ?? null
  }

  #told(
    attempt: Attempt,
    text: string,
    actor: 'engineer' | 'core',
    delivered: boolean,
    question: AgentQuestion | null,
  ): void {
    const { repoId, taskId, id } = attempt
    const body = { text, delivered, ...(question ? { question: question.text } : {}) }
    this.#deps.ledger.commit((tx) =>
      tx.fact({ kind: 'attempt.answered', actor, repoId, taskId, attemptId: id, body }),
    )
  }

  #complain(id: string, detail: string): void {
    const { ledger, clock } = this.#deps
    ledger.commit((tx) => {
      const { verdict, repoId, taskId, attention: before } = tx.require('attempts', id)
      if (verdict) return
      const attention = {
        kind: 'not_delivered' as const,
        since: clock.now(),
        detail: detail.slice(0, 4_000),
        // What it asks can still be answered.
        ...(before?.options ? { options: before.options } : {}),
      }
      tx.patch('attempts', id, { attention })
      tx.fact({ kind: 'attempt.attention', repoId, taskId, attemptId: id, body: { ...attention } })
    })
  }
}

const inTheWay = (dialog: string): string =>
  `A dialog of the agent stands in the way of your message. Answer it in its terminal: ${dialog}`

function entriesOf(screen: string, shape: RegExp): string {
  return screen
    .split('\n')
    .filter((line) => shape.test(line))
    .map((line) => line.replace(/[\s│┃|❯›>●]+/g, ' ').trim())
    .join('\n')
}
