import type { Attempt } from '../../../shared/domain/attempt.ts'
import { type Failure, isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { LandPhase, LandRun } from '../../../shared/domain/landing.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import { mintId } from '../../kernel/ids.ts'
import { KeyedMutex } from '../../kernel/keyed-mutex.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Retire } from '../attempts/retire.ts'
import { moveAttempt, moveTask } from '../attempts/transitions.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import { readWorkflow } from '../repositories/workflow.ts'
import type { SettingsStore } from '../settings.ts'
import { landMessage } from './land-message.ts'

export interface LandLaneDeps {
  ledger: Ledger
  git: Git
  retire: Retire
  settings: SettingsStore
  clock: Clock
  log: Logger
  scope: Scope
}

/** A dirty base is looked at this often while a change waits for it. */
const RETRY_WAITING_MS = 15_000
/** The base may move under a landing (another lane, the engineer): then it is integrated anew, this often at most. */
const MAX_BASE_MOVES = 5

/** Lands approved attempts, one at a time per repository and base branch. Its phases are rows: any crash is gone on from. */
export class LandLane {
  readonly #deps: LandLaneDeps
  readonly #lanes = new KeyedMutex()

  constructor(deps: LandLaneDeps) {
    this.#deps = deps
    deps.scope.every('waiting landings', RETRY_WAITING_MS, () => {
      for (const run of deps.ledger.select('landRuns', "status = 'waiting'")) this.#go(run.id)
    })
  }

  /** Goes on with landings that were under way when the core ended. */
  begin(): void {
    for (const run of this.#deps.ledger.select('landRuns', "status IN ('active', 'waiting') ORDER BY rank"))
      this.#go(run.id)
  }

  /** Puts an approved attempt at the end of its lane. */
  enqueue(attempt: Attempt): void {
    const { ledger, clock, settings } = this.#deps
    const task = ledger.require('tasks', attempt.taskId)
    const run = ledger.commit((tx) => {
      const now = clock.now()
      moveAttempt(ledger, tx, attempt.id, 'land', { now })
      return tx.put('landRuns', {
        id: mintId('land', now),
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        baseBranch: task.baseBranch,
        phase: 'queued',
        status: 'active',
        reason: null,
        method: settings.value.landMethod,
        allowFixes: false,
        rank: now,
        fixes: 0,
        verdict: attempt.verdict,
        reviewedSha: attempt.verdict?.headSha ?? null,
        headSha: attempt.verdict?.headSha ?? null,
        pushedSha: null,
        pullId: null,
        waitUntil: null,
        fixMessage: null,
        expectedBaseSha: null,
        landedSha: null,
        startedAt: now,
        endedAt: null,
      })
    })
    this.#go(run.id)
  }

  /** Tries a waiting landing again now. */
  retry(taskId: string): void {
    const run = this.#deps.ledger.select('landRuns', 'taskId = ? AND endedAt IS NULL', taskId)[0]
    if (run) this.#go(run.id)
  }

  #go(runId: string): void {
    const run = this.#deps.ledger.require('landRuns', runId)
    this.#deps.scope.run(`landing ${runId}`, () =>
      this.#lanes.run(`${run.repoId}:${run.baseBranch}`, () => this.#advance(runId)),
    )
  }

  async #advance(runId: string): Promise<void> {
    const run = this.#deps.ledger.require('landRuns', runId)
    if (run.endedAt !== null || this.#deps.scope.disposed) return
    try {
      if (run.landedSha === null) await this.#merge(run)
      this.#confirm(runId)
    } catch (error) {
      if (!isFailure(error)) throw error
      this.#stop(run, error)
      return
    }
    await this.#deps.retire.stopAgent(this.#deps.ledger.require('attempts', run.attemptId), 'landed')
    await this.#deps.retire.keepAndRemove(run.attemptId, 'landed')
    this.#phase(runId, 'done')
  }

  async #merge(run: LandRun): Promise<void> {
    const { ledger, git } = this.#deps
    const attempt = ledger.require('attempts', run.attemptId)
    const task = ledger.require('tasks', run.taskId)
    const repository = ledger.require('repositories', run.repoId)
    const headSha = attempt.verdict?.headSha
    if (!headSha) throw new Error(`landing ${run.id} has no judged head`)
    const method = (await readWorkflow(repository.path).catch(() => null))?.landMethod ?? run.method
    this.#phase(run.id, 'merge')
    for (let moves = 0; ; moves++) {
      const baseSha = await git.resolveBase(repository.path, run.baseBranch)
      ledger.commit((tx) =>
        tx.patch('landRuns', run.id, { expectedBaseSha: baseSha, status: 'active', reason: null }),
      )
      try {
        const landed = await git.landLocal({
          repo: repository.path,
          baseBranch: run.baseBranch,
          expectedBaseSha: baseSha,
          headSha,
          method,
          message: landMessage(task, attempt),
          attemptId: attempt.id,
        })
        ledger.commit((tx) => tx.patch('landRuns', run.id, { landedSha: landed.sha }))
        return
      } catch (error) {
        if (!isFailure(error, 'base_moved') || moves >= MAX_BASE_MOVES) throw error
      }
    }
  }

  #confirm(runId: string): void {
    const { ledger, clock } = this.#deps
    this.#phase(runId, 'cleanup')
    ledger.commit((tx) => {
      const now = clock.now()
      const run = tx.require('landRuns', runId)
      const task = tx.require('tasks', run.taskId)
      if (task.status === 'landing') {
        moveAttempt(ledger, tx, run.attemptId, 'landed', { now, change: { endedAt: now, attention: null } })
        moveTask(tx, run.taskId, 'landed', now, { landedSha: run.landedSha })
      }
      tx.patch('landRuns', runId, { status: 'landed', reason: null })
    })
  }

  /** The engineer is needed: for a dirty base the landing waits in its place, for anything else the verdict is asked again. */
  #stop(run: LandRun, failure: Failure): void {
    const { ledger, clock } = this.#deps
    this.#deps.log.info('landing stopped', { run: run.id, code: failure.code, message: failure.message })
    ledger.commit((tx) => {
      const now = clock.now()
      const waits =
        failure.code === 'base_dirty' ||
        failure.code === 'git_locked' ||
        failure.code === 'repository_missing'
      const attention = {
        kind: waits ? ('base_dirty' as const) : ('conflict' as const),
        since: now,
        detail: messageOf(failure),
      }
      const before = tx.require('attempts', run.attemptId)
      if (waits && before.attention?.detail === attention.detail) return
      tx.fact({
        kind: 'land.phase',
        repoId: run.repoId,
        taskId: run.taskId,
        attemptId: run.attemptId,
        body: { phase: run.phase, status: waits ? 'waiting' : 'failed', reason: attention.detail },
      })
      if (waits) {
        tx.patch('landRuns', run.id, { status: 'waiting', reason: attention.detail })
        tx.patch('attempts', run.attemptId, { attention })
        tx.patch('tasks', run.taskId, { reason: attention.detail })
        return
      }
      tx.patch('landRuns', run.id, { status: 'failed', reason: attention.detail, endedAt: now })
      moveTask(tx, run.taskId, 'return', now, { winnerAttemptId: null, reason: attention.detail })
      moveAttempt(ledger, tx, run.attemptId, 'undo', {
        now,
        reason: attention.detail,
        change: { verdict: null, attention },
      })
    })
  }

  #phase(runId: string, phase: LandPhase): void {
    const { ledger, clock } = this.#deps
    ledger.commit((tx) => {
      const run = tx.require('landRuns', runId)
      if (run.phase === phase) return
      tx.patch('landRuns', runId, { phase, ...(phase === 'done' ? { endedAt: clock.now() } : {}) })
      tx.fact({
        kind: 'land.phase',
        repoId: run.repoId,
        taskId: run.taskId,
        attemptId: run.attemptId,
        body: { phase },
      })
    })
  }
}
