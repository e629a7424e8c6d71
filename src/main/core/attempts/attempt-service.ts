import { stripVTControlCharacters } from 'node:util'
import type { FileChange, ReplayMark } from '../../../shared/contract/attempts.ts'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import { canAttempt, isOver } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'
import type { AttemptRunner } from './attempt-runner.ts'
import type { MessageDelivery } from './message-delivery.ts'
import { replayMarks, wholeLetters } from './replay-marks.ts'
import type { Retire } from './retire.ts'
import { moveAttempt } from './transitions.ts'

export interface AttemptServiceDeps {
  ledger: Ledger
  git: Git
  terminals: TerminalRegistry
  runner: AttemptRunner
  retire: Retire
  messages: MessageDelivery
  clock: Clock
}

/** A diff beyond this is cut: nobody reads it at once, and it must cross the wire. */
const MAX_PATCH_BYTES = 4 * 1024 * 1024

/** Lines above the screen that a jump within a replay brings along. */
const REPLAY_LINES = 1_000

/** Git's letters for what happened to a file. */
const CHANGE_OF: Record<string, FileChange['status']> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
  R: 'renamed',
  C: 'copied',
  T: 'typechange',
  U: 'modified',
  '?': 'untracked',
}

/** What the engineer can do with one attempt apart from judging it. */
export class AttemptService {
  readonly #deps: AttemptServiceDeps

  constructor(deps: AttemptServiceDeps) {
    this.#deps = deps
  }

  /** Ends the agent; worktree and branch stay and can be judged or resumed. */
  async stop(id: string): Promise<Attempt> {
    const { ledger, retire, clock } = this.#deps
    const attempt = ledger.require('attempts', id)
    if (!canAttempt(attempt.status, 'cancel'))
      throw new Failure(
        'illegal_state',
        `Attempt ${attempt.n} is ${attempt.status}: nothing runs that could be stopped.`,
      )
    await retire.stopAgent(attempt, 'stopped by the engineer')
    const now = ledger.require('attempts', id)
    if (now.status === 'cancelled' || !canAttempt(now.status, 'cancel')) return now
    return ledger.commit((tx) =>
      moveAttempt(ledger, tx, id, 'cancel', {
        now: clock.now(),
        actor: 'engineer',
        source: 'engineer',
        reason: 'Stopped.',
        change: { endReason: 'stopped', endedAt: clock.now(), attention: null },
      }),
    )
  }

  /** Types `text` as one message into the agent's terminal; `delivered` says whether the agent itself confirmed it. */
  async answer(id: string, text: string): Promise<{ delivered: boolean }> {
    const attempt = this.#deps.ledger.require('attempts', id)
    return { delivered: await this.#deps.messages.send(attempt, text) }
  }

  /** Starts the agent again; one that never ran is prepared anew before, as soon as a slot is free. */
  async resume(id: string): Promise<Attempt> {
    const { ledger, runner, clock } = this.#deps
    const attempt = ledger.require('attempts', id)
    if (!canAttempt(attempt.status, 'start'))
      throw new Failure('illegal_state', `Attempt ${attempt.n} is ${attempt.status}: it cannot be resumed.`)
    // What is kept in the trash has its worktree no more: it is restored first.
    if (attempt.terminalId !== null || attempt.trashRef !== null) return runner.resume(id, null, 'engineer')
    return ledger.commit((tx) =>
      moveAttempt(ledger, tx, id, 'queue', {
        now: clock.now(),
        actor: 'engineer',
        change: { step: null, attention: null, endReason: null, startedAt: null, endedAt: null },
      }),
    )
  }

  async changes(id: string) {
    const attempt = this.#deps.ledger.require('attempts', id)
    const { repo, from, to, worktree } = this.#range(attempt)
    const stat = worktree
      ? await this.#deps.git.diffStat({ repo, path: worktree, baseSha: from })
      : await this.#deps.git.diffStatBetween({ repo, from, to })
    return {
      baseSha: attempt.baseSha,
      headSha: attempt.headSha,
      files: stat.perFile.map((file) => ({ ...file, status: CHANGE_OF[file.status] ?? 'modified' })),
    }
  }

  async patch(
    id: string,
    paths: readonly string[] | undefined,
  ): Promise<{ patch: string; truncated: boolean }> {
    const { repo, from, to } = this.#range(this.#deps.ledger.require('attempts', id))
    if (from === to) return { patch: '', truncated: false }
    return this.#deps.git.diffPatch({
      repo,
      from,
      to,
      maxBytes: MAX_PATCH_BYTES,
      ...(paths ? { paths } : {}),
    })
  }

  /** What a run of the attempt's terminal wrote (the newest by default), from a byte offset on. Throws `not_found`. */
  async log(
    id: string,
    from: number,
    maxBytes: number,
    raw: boolean,
    run?: number,
  ): Promise<{ text: string; next: number; end: boolean; live: boolean; run: number; runs: number }> {
    const { ledger, terminals } = this.#deps
    const attempt = ledger.require('attempts', id)
    const runs = this.#requireRun(attempt, run)
    // Its row is written before its program is started.
    if (!attempt.terminalId || runs === 0)
      return { text: '', next: 0, end: true, live: !isOver(attempt.status), run: 0, runs }
    const slice = await terminals.readLog(attempt.terminalId, from, maxBytes, run)
    const end = slice.offset + slice.bytes.length >= slice.end
    const terminal = terminals.get(attempt.terminalId)
    const live = terminal?.state === 'live' && (run ?? terminal.epoch) === terminal.epoch
    // A letter that goes on in the next slice belongs there; the last bytes of an ended log go nowhere else.
    const bytes = end && !live ? slice.bytes : wholeLetters(slice.bytes)
    const text = Buffer.from(bytes).toString('utf8')
    return {
      text: raw ? text : plainText(text),
      next: slice.offset + bytes.length,
      end,
      live,
      run: run ?? runs,
      runs,
    }
  }

  /** How many runs there are. Throws `not_found` for one that there is not. */
  #requireRun(attempt: Attempt, run: number | undefined): number {
    const runs = (attempt.terminalId && this.#deps.terminals.get(attempt.terminalId)?.epoch) || 0
    if (run !== undefined && run > runs) {
      const there = runs === 0 ? 'none yet' : runs === 1 ? 'only run 1' : `runs 1 to ${runs}`
      throw new Failure(
        'not_found',
        `There is no run ${run} of this attempt: there ${runs > 1 ? 'are' : 'is'} ${there}.`,
        {
          attempt: attempt.id,
          runs,
        },
      )
    }
    return runs
  }

  /** When what was written in the attempt's terminal; nothing when it never had one. */
  async marks(
    id: string,
    run?: number,
  ): Promise<{ marks: ReplayMark[]; bytes: number; live: boolean; runs: number }> {
    const { ledger, terminals } = this.#deps
    const attempt = ledger.require('attempts', id)
    const { terminalId } = attempt
    this.#requireRun(attempt, run)
    if (!terminalId) return { marks: [], bytes: 0, live: false, runs: 0 }
    const [marks, { end }] = await Promise.all([
      terminals.readMarks(terminalId, run),
      terminals.readLog(terminalId, 0, 0, run),
    ])
    const terminal = terminals.get(terminalId)
    const runs = terminal?.epoch ?? 0
    return {
      marks: replayMarks(marks),
      bytes: end,
      live: terminal?.state === 'live' && (run ?? runs) === runs,
      runs,
    }
  }

  /** The screen as a person saw it once `offset` bytes were written. Throws `terminal_missing`. */
  async screenAt(
    id: string,
    offset: number,
    run?: number,
  ): Promise<{ offset: number; cols: number; rows: number; text: string }> {
    const attempt = this.#deps.ledger.require('attempts', id)
    const { terminalId } = attempt
    this.#requireRun(attempt, run)
    if (!terminalId)
      throw new Failure('terminal_missing', 'This attempt never had a terminal.', { attempt: id })
    const { data, ...screen } = await this.#deps.terminals.replay(terminalId, {
      want: 'screen',
      scrollback: REPLAY_LINES,
      until: offset,
      ...(run === undefined ? {} : { epoch: run }),
    })
    return { ...screen, text: Buffer.from(data).toString('utf8') }
  }

  /** Where the attempt's work is: in its worktree, or, once that is gone, in the state that was kept. */
  #range(attempt: Attempt): { repo: string; from: string; to: string; worktree: string | null } {
    const repository = this.#deps.ledger.require('repositories', attempt.repoId)
    const gone = attempt.trashRef !== null || attempt.status === 'landed'
    return {
      repo: repository.path,
      from: attempt.baseSha,
      to: (gone && attempt.trashRef) || attempt.headSha || attempt.baseSha,
      worktree: gone ? null : attempt.worktree,
    }
  }
}

/** Terminal output as lines of plain text: escapes removed, a line that was drawn over keeps its last state. */
function plainText(output: string): string {
  return stripVTControlCharacters(output)
    .split('\n')
    .map((line) => line.replace(/\r+$/, '').split('\r').at(-1))
    .join('\n')
}
