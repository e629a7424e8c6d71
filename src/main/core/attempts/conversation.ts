import type { Attempt } from '../../../shared/domain/attempt.ts'
import { Failure, isFailure } from '../../../shared/domain/failure.ts'
import { canAttempt } from '../../../shared/machines/attempt-machine.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Environment } from '../agents/driver.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger } from '../db/ledger.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'

export interface ConversationDeps {
  ledger: Ledger
  agents: AgentRegistry
  terminals: TerminalRegistry
  environment: () => Promise<Environment>
  log: Logger
  /** Types into a live agent; true once it confirmed. */
  send: (attempt: Attempt, text: string, by: 'engineer' | 'core') => Promise<boolean>
  /** Starts the agent again in its worktree. */
  resume: (id: string, message: string, by: 'engineer' | 'core') => Promise<Attempt>
  runDir: (id: string) => string
}

/** A remark on a line of the diff. */
export interface LineComment {
  path: string
  line: number | null
  text: string
}

/** How a message reached the agent. */
export interface Continued {
  /** Its agent confirmed it, or was started with it. */
  delivered: boolean
  /** `typed` into the open agent, `resumed` its conversation, or started `afresh` in the same worktree. */
  way: 'typed' | 'resumed' | 'afresh'
}

/** Goes on with an attempt: a message to the agent that made it, typed where it is open, else by starting it again. */
export class Conversation {
  readonly #deps: ConversationDeps

  constructor(deps: ConversationDeps) {
    this.#deps = deps
  }

  /** True when the agent is open and takes messages as turns of the same conversation. */
  isOpen(attempt: Pick<Attempt, 'agent' | 'terminalId'>): boolean {
    return this.#isLive(attempt) && this.#deps.agents.driver(attempt.agent).endsBy === 'signal'
  }

  /** Types the app's own `text` into an open agent; true once the agent itself says that it took it. */
  type(attempt: Attempt, text: string): Promise<boolean> {
    return this.#deps.send(attempt, text, 'core')
  }

  /** Continues the same conversation on the app's own account: false when its agent cannot be reached. */
  async tell(attempt: Attempt, text: string): Promise<boolean> {
    try {
      if (this.isOpen(attempt)) return await this.#deps.send(attempt, text, 'core')
      if (attempt.verdict || !canAttempt(attempt.status, 'start') || !(await this.#canResume(attempt)))
        return false
      await this.#deps.resume(attempt.id, text, 'core')
      return true
    } catch (error) {
      if (!isFailure(error)) throw error
      this.#deps.log.warn('the author could not be reached', { attemptId: attempt.id, error })
      return false
    }
  }

  /**
   * The engineer wants the same attempt to go on, as a new turn. Throws `illegal_state` while a verdict stands or nothing
   * can be continued, and what starting the agent throws.
   */
  async continue(id: string, message: string, comments: readonly LineComment[]): Promise<Continued> {
    const { ledger } = this.#deps
    const attempt = ledger.require('attempts', id)
    if (attempt.verdict)
      throw new Failure('illegal_state', `There is a verdict on attempt ${attempt.n}. Undo it first.`)
    const text = withComments(message, comments)
    if (text === '') throw new Failure('invalid_input', 'Say what to do next.')
    if (this.#isLive(attempt))
      return { delivered: await this.#deps.send(attempt, text, 'engineer'), way: 'typed' }
    // One whose agent never ran may not even be prepared.
    if (!canAttempt(attempt.status, 'start') || attempt.terminalId === null)
      throw new Failure(
        'illegal_state',
        `Attempt ${attempt.n} is ${attempt.status}: there is nothing to go on with.`,
      )
    const way = (await this.#canResume(attempt)) ? 'resumed' : 'afresh'
    await this.#deps.resume(id, text, 'engineer')
    ledger.commit((tx) =>
      tx.fact({
        kind: 'attempt.answered',
        actor: 'engineer',
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: id,
        body: { text, delivered: true, way, comments: comments.length },
      }),
    )
    return { delivered: true, way }
  }

  #isLive(attempt: Pick<Attempt, 'terminalId'>): boolean {
    return attempt.terminalId !== null && this.#deps.terminals.get(attempt.terminalId)?.state === 'live'
  }

  async #canResume(attempt: Attempt): Promise<boolean> {
    if (!attempt.sessionRef) return false
    return this.#deps.agents.driver(attempt.agent).canResume({
      worktree: attempt.worktree,
      env: await this.#deps.environment(),
      resume: { sessionRef: attempt.sessionRef, message: null },
      runDir: this.#deps.runDir(attempt.id),
    })
  }
}

/** One message of the engineer's words and remarks on lines. */
export function withComments(message: string, comments: readonly LineComment[]): string {
  const listed = comments
    .filter((comment) => comment.text.trim() !== '')
    .map((comment) => {
      const place = comment.line === null ? comment.path : `${comment.path}:${comment.line}`
      return `- ${place}: ${comment.text.trim().replaceAll('\n', '\n  ')}`
    })
  return [message.trim(), listed.length > 0 ? `Comments on your change:\n${listed.join('\n')}` : '']
    .filter(Boolean)
    .join('\n\n')
}
