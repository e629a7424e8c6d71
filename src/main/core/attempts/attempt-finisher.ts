import type { Attempt, Check } from '../../../shared/domain/attempt.ts'
import { isFailure, messageOf } from '../../../shared/domain/failure.ts'
import { canAttempt } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import { isLoose } from '../git/status.ts'
import { isTrusted } from '../repositories/workflow.ts'
import type { WorkflowHooks } from '../repositories/workflow-hooks.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { VerifyGate } from '../review/verify-gate.ts'
import type { DiffWatch } from './diff-watch.ts'
import { moveAttempt } from './transitions.ts'

export interface AttemptFinisherDeps {
  ledger: Ledger
  git: Git
  gate: VerifyGate
  workflows: WorkflowStore
  workflowHooks: WorkflowHooks
  diffs: DiffWatch
  clock: Clock
  log: Logger
  scope: Scope
}

/** Takes an attempt whose agent is done to `ready`: commits what it left, reads its head, runs the checks. */
export class AttemptFinisher {
  readonly #deps: AttemptFinisherDeps
  readonly #running = new Map<string, AbortController>()

  constructor(deps: AttemptFinisherDeps) {
    this.#deps = deps
  }

  /** Begins, once per attempt at a time. */
  begin(id: string): void {
    if (this.#running.has(id)) return
    const abort = new AbortController()
    this.#running.set(id, abort)
    this.#deps.scope.run(`finishing ${id}`, async () => {
      try {
        await this.#finish(id, AbortSignal.any([abort.signal, this.#deps.scope.signal]))
      } finally {
        this.#running.delete(id)
      }
    })
  }

  /** Stops it: the agent went on working, or the attempt was trashed. */
  cancel(id: string): void {
    this.#running.get(id)?.abort()
  }

  async #finish(id: string, signal: AbortSignal): Promise<void> {
    const { ledger, git, clock, workflowHooks, diffs } = this.#deps
    const attempt = ledger.require('attempts', id)
    const repository = ledger.require('repositories', attempt.repoId)
    const place = { repo: repository.path, path: attempt.worktree }
    let headSha: string
    try {
      await workflowHooks.run(repository, 'after_run', attempt, signal)
      const status = await git.readStatus(place)
      headSha = status.headSha ?? attempt.baseSha
      if (isLoose(status)) {
        headSha = (await git.commitAll({ ...place, message: leftoverMessage(attempt) })).headSha ?? headSha
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
    } catch (error) {
      if (signal.aborted) return
      if (!isFailure(error)) this.#deps.log.error('attempt could not be finished', { attemptId: id, error })
      this.#move(
        id,
        'fail',
        messageOf(error),
        isFailure(error, 'worktree_missing') ? 'worktree_missing' : 'exited_with_error',
      )
      return
    }
    if (signal.aborted) return
    const workflow = await this.#deps.workflows.read(repository)
    const trusted = isTrusted(workflow, repository.trustedHash)
    let checks: Check[] = []
    if (workflow.checks.length > 0 && trusted) {
      ledger.commit((tx) => moveAttempt(ledger, tx, id, 'verify', { now: clock.now() }))
      checks = await this.#deps.gate.run(attempt, headSha, workflow.checks, signal)
    }
    if (signal.aborted) return
    const red = checks.filter((check) => check.required && check.status !== 'passed')
    const reason =
      workflow.checks.length > 0 && !trusted
        ? 'Not verified: the commands in WORKFLOW.md wait for your consent.'
        : red.length > 0
          ? `Red: ${red.map((check) => check.name).join(', ')}.`
          : headSha === attempt.baseSha
            ? 'The agent changed nothing.'
            : null
    ledger.commit((tx) => {
      const now = clock.now()
      moveAttempt(ledger, tx, id, 'ready', { now, reason, change: { readyAt: now, attention: null } })
    })
  }

  #move(id: string, event: 'fail', reason: string, endReason: Attempt['endReason']): void {
    const { ledger, clock } = this.#deps
    ledger.commit((tx) => {
      const now = clock.now()
      if (!canAttempt(tx.require('attempts', id).status, event)) return
      moveAttempt(ledger, tx, id, event, {
        now,
        reason,
        change: { endReason, endedAt: now, attention: { kind: 'crash', since: now, detail: reason } },
      })
    })
  }
}

function leftoverMessage(attempt: Pick<Attempt, 'n' | 'agent'>): string {
  return `Work that attempt ${attempt.n} left uncommitted\n\nCommitted by Quartet as ${attempt.agent} left it, without running hooks.`
}
