import { Failure } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger } from '../db/ledger.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'
import type { AttemptFinisher } from './attempt-finisher.ts'
import type { AttemptRunner } from './attempt-runner.ts'
import { moveAttempt } from './transitions.ts'

export interface ContinueAttemptDeps {
  ledger: Ledger
  agents: AgentRegistry
  terminals: Pick<TerminalRegistry, 'get'>
  /** Types into an open terminal; `delivered` is the agent's own word. */
  answer: (id: string, text: string) => Promise<{ delivered: boolean }>
  runner: Pick<AttemptRunner, 'resume'>
  finisher: Pick<AttemptFinisher, 'begin'>
  clock: Clock
}

/**
 * Makes the seam by which a landing sends its attempt back to its agent: typed as the next turn where the agent is still
 * open, else by starting it again with the message. The attempt leaves `landing` before the message is given, so that a
 * crash in between never gives it twice. Fails with `not_delivered`, or as a start fails.
 */
export function createContinueAttempt(deps: ContinueAttemptDeps) {
  const { ledger, agents, terminals, clock } = deps
  return async (id: string, message: string): Promise<void> => {
    const attempt = ledger.require('attempts', id)
    const open =
      attempt.terminalId !== null &&
      terminals.get(attempt.terminalId)?.state === 'live' &&
      agents.driver(attempt.agent).endsBy === 'signal'
    if (!open) {
      // Such a command would do the first task again, not what it is told now.
      const { command } = attempt.slot
      if (command !== null && !command.includes('{prompt_file}'))
        throw new Failure(
          'agent_exited',
          'The command of this attempt reads no prompt ({prompt_file}), so it cannot be told what to mend.',
          { id },
        )
      await deps.runner.resume(id, message, 'core')
      return
    }
    const move = (event: 'run' | 'finish', change: { verdict?: null; readyAt?: null } = {}) =>
      ledger.commit((tx) =>
        moveAttempt(ledger, tx, id, event, {
          now: clock.now(),
          reason: event === 'run' ? 'A landing sent it back for a fix.' : 'The fix was not delivered.',
          change: { ...change, attention: null },
        }),
      )
    move('run', { verdict: null, readyAt: null })
    const { delivered } = await deps.answer(id, message)
    if (delivered) return
    // It never heard of it: the attempt is what it was, ready to be judged.
    if (ledger.require('attempts', id).status === 'running') {
      move('finish')
      deps.finisher.begin(id)
    }
    throw new Failure('not_delivered', 'The agent gave no sign that it received the message.', { id })
  }
}
