import type { Attempt, Attention, Finding } from '../../../shared/domain/attempt.ts'
import { messageOf } from '../../../shared/domain/failure.ts'
import type { LandRun } from '../../../shared/domain/landing.ts'
import type { ThreadAnswer } from '../../../shared/domain/pull.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/logger.ts'
import { moveAttempt } from '../attempts/transitions.ts'
import type { Ledger, Transaction } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import { type FixRequest, fixMessage, fixReason } from './fix-message.ts'
import { parseReplies } from './replies.ts'
import { short } from './step.ts'
import { lastHeard } from './threads.ts'

/**
 * Sends an attempt that is landing back to its own agent. It resolves when the agent has the message; from then on the
 * attempt is on its usual way (running → finished → verifying → ready), and its status has left `landing` before the
 * message left us: that is how a restarted core knows that the message was given. Fails when the agent cannot be reached.
 */
export type ContinueAttempt = (attemptId: string, message: string) => Promise<void>

export interface FixRoundsDeps {
  ledger: Ledger
  git: Git
  continueAttempt: ContinueAttempt
  clock: Clock
  log: Logger
}

export const DEFAULT_BUDGET = 3

/** What came of a fix round. */
export type FixOutcome =
  /** It lands on. */
  | { state: 'again' }
  /** Not yet: the agent is at it. */
  | { state: 'busy' }
  | { state: 'stop'; reason: string; kind: Attention['kind'] }

const FINDING_STATUS: Record<ThreadAnswer['kind'], Finding['status']> = {
  accept: 'accepted',
  clarify: 'clarified',
  push_back: 'pushed_back',
}

/** Fix rounds of a landing: the same agent, one message, a bounded number of times. */
export class FixRounds {
  readonly #deps: FixRoundsDeps
  readonly #delivering = new Set<string>()

  constructor(deps: FixRoundsDeps) {
    this.#deps = deps
  }

  /** Writes down that a fix round begins, and what was told in it. False when the budget is spent. */
  begin(run: LandRun, request: FixRequest, budget: number): boolean {
    if (run.fixes >= budget) return false
    const { ledger, clock } = this.#deps
    const n = run.fixes + 1
    ledger.commit((tx) => {
      const now = clock.now()
      const reason = fixReason(request)
      tx.patch('landRuns', run.id, {
        status: 'fixing',
        fixes: n,
        reason: `Fix round ${n} of ${budget}: ${reason}.`,
        waitUntil: null,
        fixMessage: fixMessage(request, { n, budget, allowFixes: run.allowFixes }),
      })
      if (run.pullId) {
        const pull = tx.require('pulls', run.pullId)
        const rows = ledger.select('pullChecks', 'pullId = ? AND headSha = ?', pull.id, pull.headSha)
        for (const check of rows) {
          if (request.checks.some((each) => each.name === check.name))
            tx.patch('pullChecks', check.id, { sentAt: now })
        }
      }
      for (const thread of request.threads)
        tx.patch('reviewThreads', thread.id, { sentThrough: lastHeard(thread), updatedAt: now })
      tx.patch('attempts', run.attemptId, { attention: null })
      tx.patch('tasks', run.taskId, { reason: `Being fixed: ${reason}.` })
      tx.fact({
        kind: 'land.fix',
        repoId: run.repoId,
        taskId: run.taskId,
        attemptId: run.attemptId,
        body: { n, budget, reason, phase: run.phase, threads: request.threads.map((thread) => thread.name) },
        dedupeKey: `fix:${run.id}:${n}`,
      })
    })
    return true
  }

  /** Looks how far a fix round is, gives the message if the agent has not got it, and takes the attempt back when it is ready. */
  async look(runId: string): Promise<FixOutcome> {
    const { ledger } = this.#deps
    const run = ledger.require('landRuns', runId)
    const attempt = ledger.require('attempts', run.attemptId)
    switch (attempt.status) {
      case 'landing':
        return run.fixMessage === null
          ? { state: 'stop', ...unfixed(run, 'The fix round did not begin.') }
          : this.#deliver(run, run.fixMessage)
      case 'ready':
        return this.#takeBack(run, attempt)
      case 'failed':
      case 'lost':
      case 'cancelled':
        return {
          state: 'stop',
          ...unfixed(run, `It ended ${attempt.status}${attempt.reason ? `: ${attempt.reason}` : '.'}`),
        }
      default:
        return { state: 'busy' }
    }
  }

  async #deliver(run: LandRun, message: string): Promise<FixOutcome> {
    if (this.#delivering.has(run.id)) return { state: 'busy' }
    this.#delivering.add(run.id)
    try {
      await this.#deps.continueAttempt(run.attemptId, message)
      this.#deps.ledger.commit((tx) => tx.patch('landRuns', run.id, { fixMessage: null }))
      return { state: 'busy' }
    } catch (error) {
      this.#deps.log.warn('a fix round could not begin', { run: run.id, error })
      return { state: 'stop', ...unfixed(run, `Its agent could not go on: ${messageOf(error)}`) }
    } finally {
      this.#delivering.delete(run.id)
    }
  }

  async #takeBack(run: LandRun, attempt: Attempt): Promise<FixOutcome> {
    const { ledger, git, clock } = this.#deps
    const repository = ledger.require('repositories', run.repoId)
    const before = run.headSha ?? attempt.baseSha
    const head = attempt.headSha ?? before
    const commits =
      head === before
        ? []
        : await git.logBetween({ repo: repository.path, from: before, to: head, limit: 50 })
    const same = await git.sameChange({
      repo: repository.path,
      base: run.expectedBaseSha ?? attempt.baseSha,
      before: run.reviewedSha ?? before,
      after: head,
    })
    return ledger.commit((tx): FixOutcome => {
      const now = clock.now()
      this.#answer(tx, run, commits, now)
      if (!same && !run.allowFixes) {
        return {
          state: 'stop',
          reason: `The fix round changed the diff (${short(head)}), and the verdict did not allow that: judge it again.`,
          kind: 'verdict',
        }
      }
      const { verdict } = run
      if (!verdict) throw new Error(`landing ${run.id} has no verdict`)
      moveAttempt(ledger, tx, attempt.id, 'approve', {
        now,
        reason: 'Back from a fix round.',
        change: { verdict: { ...verdict, headSha: head }, attention: null },
      })
      moveAttempt(ledger, tx, attempt.id, 'land', { now })
      tx.patch('landRuns', run.id, {
        status: run.status === 'fixing' ? 'active' : run.status,
        phase: 'gate',
        reason: null,
        fixMessage: null,
        waitUntil: null,
        headSha: head,
        reviewedSha: head,
      })
      tx.patch('tasks', run.taskId, { reason: null })
      return { state: 'again' }
    })
  }

  /** Keeps the agent's answers until they are posted, and in the ledger of findings. */
  #answer(tx: Transaction, run: LandRun, commits: Parameters<typeof parseReplies>[0], now: number): void {
    if (!run.pullId) return
    const threads = this.#deps.ledger.select('reviewThreads', 'pullId = ?', run.pullId)
    for (const reply of parseReplies(commits)) {
      const thread = threads.find((each) => each.name === reply.thread)
      if (!thread || thread.answer) continue
      tx.patch('reviewThreads', thread.id, {
        answer: { kind: reply.kind, text: reply.text, by: reply.sha, postedAt: null },
        updatedAt: now,
      })
      if (!thread.findingId) continue
      tx.patch('findings', thread.findingId, {
        status: FINDING_STATUS[reply.kind],
        answer: reply.text,
        answeredBy: 'author',
      })
      tx.fact({
        kind: 'finding.answered',
        actor: 'agent',
        repoId: run.repoId,
        taskId: run.taskId,
        attemptId: run.attemptId,
        body: { finding: thread.findingId, status: FINDING_STATUS[reply.kind], text: reply.text },
      })
    }
  }
}

/** What needed the fix still does: that is what the engineer must know, and then why the agent did not mend it. */
const unfixed = (run: LandRun, why: string): { reason: string; kind: Attention['kind'] } => ({
  reason: `${run.reason ?? 'A fix round was needed.'} ${why}`,
  kind: run.phase === 'integrate' ? 'conflict' : 'ci_stuck',
})
