import type { Attempt, Check } from '../../../shared/domain/attempt.ts'
import { Failure, isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import type { Evidence } from '../../../shared/domain/review.ts'
import type { AttemptEvent } from '../../../shared/machines/attempt-machine.ts'
import { canAttempt } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import { isLoose } from '../git/status.ts'
import { isTrusted, type Workflow } from '../repositories/workflow.ts'
import type { WorkflowHooks } from '../repositories/workflow-hooks.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { EvidenceCollector } from '../review/evidence/evidence-collector.ts'
import type { ReviewRound } from '../review/review-round.ts'
import type { VerifyGate } from '../review/verify-gate.ts'
import type { Conversation } from './conversation.ts'
import type { DiffWatch } from './diff-watch.ts'
import { type Move, moveAttempt } from './transitions.ts'

export interface AttemptFinisherDeps {
  ledger: Ledger
  git: Git
  gate: VerifyGate
  evidence: EvidenceCollector
  reviews: ReviewRound
  workflows: WorkflowStore
  workflowHooks: WorkflowHooks
  conversation: Conversation
  diffs: DiffWatch
  clock: Clock
  log: Logger
  scope: Scope
}

interface Run {
  abort: AbortController
  /** Asked for again while it was under way. */
  again: boolean
}

/** `turn`: the agent ended its turn. `verify`: the engineer wants the checks again. `review`: and the reviewers, whatever they said. */
export type FinishKind = 'turn' | 'verify' | 'review'

const UNCOMMITTED =
  'You ended your turn with work that is not committed. Commit what belongs to the task with a message that says why, undo or ignore what does not, and end your turn again.'

/** Takes an attempt whose agent is done to `ready`: its work committed, its head read, checked, shown and reviewed. */
export class AttemptFinisher {
  readonly #deps: AttemptFinisherDeps
  readonly #running = new Map<string, Run>()

  constructor(deps: AttemptFinisherDeps) {
    this.#deps = deps
  }

  /** Begins, once per attempt at a time; asked again while it runs, it looks afterwards whether there is more to do. */
  begin(id: string, kind: FinishKind = 'turn'): void {
    const running = this.#running.get(id)
    if (running) {
      running.again = true
      return
    }
    const run = { abort: new AbortController(), again: false }
    this.#running.set(id, run)
    this.#deps.scope.run(`finishing ${id}`, async () => {
      try {
        await this.#finish(id, kind, AbortSignal.any([run.abort.signal, this.#deps.scope.signal]))
      } finally {
        this.#running.delete(id)
        // An agent that was sent back may be through before we are.
        if (run.again && this.#deps.ledger.get('attempts', id)?.status === 'finished') this.begin(id)
      }
    })
  }

  /** Stops it: the agent went on working, or the attempt was trashed. */
  cancel(id: string): void {
    this.#running.get(id)?.abort.abort()
  }

  /** Reads what an attempt holds whose agent ended without being done: it can be judged and continued all the same. */
  async look(id: string): Promise<void> {
    const { ledger, diffs, scope } = this.#deps
    await diffs.refresh(id)
    const attempt = ledger.require('attempts', id)
    await this.#gather(attempt, attempt.headSha ?? attempt.baseSha, 'agent', scope.signal)
  }

  /** Checks (and with `review` reviews) an attempt again at the head that it has now. Throws `illegal_state`, `worktree_missing`. */
  async verify(id: string, kind: 'verify' | 'review'): Promise<Attempt> {
    const { ledger, git } = this.#deps
    const attempt = ledger.require('attempts', id)
    if (attempt.status !== 'ready' || attempt.verdict || this.#running.has(id))
      throw new Failure(
        'illegal_state',
        `Attempt ${attempt.n} is ${attempt.status}: it can be checked again once it is ready.`,
      )
    const repository = ledger.require('repositories', attempt.repoId)
    await git.verifyWorktree({ repo: repository.path, path: attempt.worktree })
    this.begin(id, kind)
    return ledger.require('attempts', id)
  }

  async #finish(id: string, kind: FinishKind, signal: AbortSignal): Promise<void> {
    const { ledger, workflows, gate, reviews } = this.#deps
    const attempt = ledger.require('attempts', id)
    const repository = ledger.require('repositories', attempt.repoId)
    const settled = await this.#settle(attempt, repository, kind, signal)
    if (!settled || signal.aborted) return
    const { headSha, committedBy } = settled
    const workflow = await workflows.read(repository)
    const trusted = isTrusted(workflow, repository.trustedHash)
    const gathering = this.#gather(attempt, headSha, committedBy, signal)
    let checks: Check[] = []
    if (workflow.checks.length > 0 && trusted && this.#step(id, 'verify'))
      checks = await gate.run(attempt, headSha, workflow.checks, signal)
    const evidence = await gathering
    if (signal.aborted) return
    if (evidence)
      await this.#deps.evidence.addScreenshots(
        evidence,
        attempt.worktree,
        workflow.review.screenshots,
        signal,
      )
    const verified = verifiedNote(workflow, trusted, checks)
    const reviewed = await reviews.run(
      {
        attempt,
        headSha,
        workflow,
        evidence,
        red: checks.some((check) => check.required && check.status !== 'passed'),
        kind,
      },
      () => this.#step(id, 'review'),
      signal,
    )
    if (signal.aborted || reviewed.sentBack) return
    const unchanged = headSha === attempt.baseSha ? 'The agent changed nothing.' : null
    this.#ready(attempt, headSha, [verified, unchanged, reviewed.note].filter(Boolean).join(' ') || null)
  }

  /** The head to judge, everything that the agent left committed; null when it goes on working, or there is nothing to judge. */
  async #settle(
    attempt: Attempt,
    repository: Repository,
    kind: FinishKind,
    signal: AbortSignal,
  ): Promise<{ headSha: string; committedBy: Evidence['committedBy'] } | null> {
    const { ledger, git, workflowHooks, diffs, reviews } = this.#deps
    const { id } = attempt
    const place = { repo: repository.path, path: attempt.worktree }
    try {
      if (kind === 'turn') {
        await workflowHooks.run(repository, 'after_run', attempt, signal)
        reviews.takeAnswers(attempt)
      }
      const status = await git.readStatus(place)
      let headSha = status.headSha ?? attempt.baseSha
      let committedBy: Evidence['committedBy'] = 'agent'
      if (isLoose(status)) {
        if (kind === 'turn' && (await this.#askBack(attempt))) return null
        if (signal.aborted) return null
        headSha = (await git.commitAll({ ...place, message: leftoverMessage(attempt) })).headSha ?? headSha
        committedBy = 'quartet'
        ledger.commit((tx) =>
          tx.fact({
            kind: 'attempt.commit',
            repoId: attempt.repoId,
            taskId: attempt.taskId,
            attemptId: id,
            body: { headSha, by: 'quartet', why: 'the agent left work uncommitted' },
          }),
        )
      }
      ledger.commit((tx) => tx.patch('attempts', id, { headSha }))
      await diffs.refresh(id)
      return { headSha, committedBy }
    } catch (error) {
      if (signal.aborted) return null
      if (!isFailure(error)) this.#deps.log.error('attempt could not be finished', { attemptId: id, error })
      this.#fail(
        id,
        messageOf(error),
        isFailure(error, 'worktree_missing') ? 'worktree_missing' : 'exited_with_error',
      )
      return null
    }
  }

  /** Asks an open agent once to commit what it left; true when it goes on working. */
  async #askBack(attempt: Attempt): Promise<boolean> {
    const { ledger, conversation } = this.#deps
    const key = `commit-asked:${attempt.id}`
    if (!conversation.isOpen(attempt) || ledger.factByKey(key)) return false
    ledger.commit((tx) =>
      tx.fact({
        kind: 'attempt.asked',
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        body: { about: 'uncommitted work' },
        dedupeKey: key,
      }),
    )
    return conversation.type(attempt, UNCOMMITTED)
  }

  async #gather(
    attempt: Attempt,
    headSha: string,
    committedBy: Evidence['committedBy'],
    signal: AbortSignal,
  ): Promise<Evidence | null> {
    try {
      return await this.#deps.evidence.collect(attempt, headSha, committedBy, signal)
    } catch (error) {
      // Evidence that is missing is seen to be missing; it must not cost the attempt its verdict.
      if (!signal.aborted)
        this.#deps.log.error('evidence could not be gathered', { attemptId: attempt.id, error })
      return null
    }
  }

  #ready(attempt: Attempt, headSha: string, reason: string | null): void {
    const { ledger, clock } = this.#deps
    const now = clock.now()
    const before = ledger.require('attempts', attempt.id)
    if (before.status === 'ready' && !before.verdict) {
      ledger.commit((tx) => tx.patch('attempts', attempt.id, { reason }))
      return
    }
    // The clock of the verdict starts anew only for something new to judge.
    const readyAt = attempt.readyAt !== null && attempt.headSha === headSha ? attempt.readyAt : now
    this.#step(attempt.id, 'ready', { reason, change: { readyAt, attention: null } })
  }

  /** Moves on if that can still happen: meanwhile the attempt may have been judged, or its agent went on. */
  #step(id: string, event: AttemptEvent, move: Omit<Move, 'now'> = {}): boolean {
    const { ledger, clock } = this.#deps
    return ledger.commit((tx) => {
      const attempt = tx.require('attempts', id)
      if (attempt.verdict || !canAttempt(attempt.status, event)) return false
      moveAttempt(ledger, tx, id, event, { now: clock.now(), ...move })
      return true
    })
  }

  #fail(id: string, reason: string, endReason: Attempt['endReason']): void {
    const now = this.#deps.clock.now()
    const attention = { kind: 'crash' as const, since: now, detail: reason }
    this.#step(id, 'fail', { reason, change: { endReason, endedAt: now, attention } })
  }
}

function verifiedNote(workflow: Workflow, trusted: boolean, checks: readonly Check[]): string | null {
  if (workflow.checks.length > 0 && !trusted)
    return 'Not verified: the commands in WORKFLOW.md wait for your consent.'
  if (checks.some((check) => check.status === 'cancelled')) return 'Not verified: the checks were stopped.'
  const red = checks.filter((check) => check.required && check.status !== 'passed')
  return red.length > 0 ? `Red: ${red.map((check) => check.name).join(', ')}.` : null
}

function leftoverMessage(attempt: Pick<Attempt, 'n' | 'agent'>): string {
  return `Work that attempt ${attempt.n} left uncommitted\n\nCommitted by Quartet as ${attempt.agent} left it, without running hooks.`
}
