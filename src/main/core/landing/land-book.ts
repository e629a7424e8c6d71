import type { Attempt, Attention } from '../../../shared/domain/attempt.ts'
import type { LandPhase, LandRun } from '../../../shared/domain/landing.ts'
import type { Pull } from '../../../shared/domain/pull.ts'
import { canAttempt } from '../../../shared/machines/attempt-machine.ts'
import { canTask } from '../../../shared/machines/task-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import { mintId } from '../../kernel/ids.ts'
import { moveAttempt, moveTask } from '../attempts/transitions.ts'
import type { Ledger, Transaction } from '../db/ledger.ts'
import type { SettingsStore } from '../settings.ts'
import type { Step } from './step.ts'

export interface LandBookDeps {
  ledger: Ledger
  settings: SettingsStore
  clock: Clock
}

/** What a landing writes down: its row, the attempt's and the task's, and the facts, always in one commit. */
export class LandBook {
  readonly #deps: LandBookDeps

  constructor(deps: LandBookDeps) {
    this.#deps = deps
  }

  /** A new run at the end of its lane, for an attempt that was approved. */
  open(attempt: Attempt): LandRun {
    const { ledger, clock } = this.#deps
    return ledger.commit((tx) => {
      moveAttempt(ledger, tx, attempt.id, 'land', { now: clock.now() })
      return this.#put(tx, attempt, 'queued')
    })
  }

  /** A run for a pull request that was merged without us; null when its task cannot land any more. */
  adopt(pull: Pull): LandRun | null {
    const { ledger, clock } = this.#deps
    if (ledger.select('landRuns', 'taskId = ? AND endedAt IS NULL', pull.taskId)[0]) return null
    return ledger.commit((tx) => {
      const attempt = tx.require('attempts', pull.attemptId)
      const task = tx.require('tasks', pull.taskId)
      const now = clock.now()
      if (!canAttempt(attempt.status, 'approve') || !canTask(task.status, 'approve')) return null
      const verdict = {
        kind: 'mergeable' as const,
        headSha: pull.headSha,
        reasons: [],
        note: `Pull request #${pull.number} was merged on the forge.`,
        at: now,
        undoUntil: now,
        from: attempt.status,
      }
      moveTask(tx, task.id, 'approve', now, { winnerAttemptId: attempt.id })
      const change = { verdict, attention: null }
      moveAttempt(ledger, tx, attempt.id, 'approve', { now, actor: 'forge', change })
      const landing = moveAttempt(ledger, tx, attempt.id, 'land', { now, actor: 'forge' })
      return tx.put('landRuns', {
        ...this.#put(tx, landing, 'confirm'),
        pullId: pull.id,
        pushedSha: pull.headSha,
        landedSha: pull.mergedSha,
      })
    })
  }

  /** The next phase, or what a phase found out. A reason to wait that is over leaves the cards. */
  change(run: LandRun, change: Partial<Omit<LandRun, 'id' | 'rev'>>): void {
    this.#deps.ledger.commit((tx) => {
      const after = tx.patch('landRuns', run.id, change)
      if (after.headSha && after.headSha !== run.headSha)
        tx.patch('attempts', run.attemptId, { headSha: after.headSha })
      if (run.reason !== null && after.reason === null && run.status !== 'landed') {
        tx.patch('attempts', run.attemptId, { attention: null })
        tx.patch('tasks', run.taskId, { reason: null })
      }
      if (after.phase !== run.phase) this.fact(tx, after, { phase: after.phase })
    })
  }

  wait(run: LandRun, step: Extract<Step, { do: 'wait' }>, waitUntil: number | null): void {
    const { ledger, clock } = this.#deps
    ledger.commit((tx) => {
      const attention: Attention | null = step.attention
        ? { kind: step.attention, since: clock.now(), detail: step.reason }
        : null
      const still = run.status === 'paused' || run.status === 'landed'
      tx.patch('landRuns', run.id, {
        ...(still ? {} : { status: step.hold ? 'active' : 'waiting' }),
        reason: step.reason,
        waitUntil,
      })
      const known = tx.require('attempts', run.attemptId).attention
      if (run.reason === step.reason && known?.detail === attention?.detail) return
      if (run.status !== 'landed') {
        tx.patch('attempts', run.attemptId, { attention })
        tx.patch('tasks', run.taskId, { reason: step.reason })
      }
      tx.fact({
        kind: 'land.waits',
        repoId: run.repoId,
        taskId: run.taskId,
        attemptId: run.attemptId,
        body: { phase: run.phase, reason: step.reason, attention: step.attention ?? null },
      })
    })
  }

  /** The engineer is needed: the attempt is judged again. */
  stop(run: LandRun, step: Extract<Step, { do: 'stop' }>): void {
    const { ledger, clock } = this.#deps
    ledger.commit((tx) => {
      const now = clock.now()
      const over = { reason: step.reason, waitUntil: null, fixMessage: null, endedAt: now }
      tx.patch('landRuns', run.id, { status: 'failed', ...over })
      this.fact(tx, run, { phase: run.phase, status: 'failed', reason: step.reason })
      this.giveBack(tx, run, step.reason, { kind: step.attention, since: now, detail: step.reason })
    })
  }

  landed(run: LandRun, step: Extract<Step, { do: 'landed' }>): void {
    const { ledger, clock } = this.#deps
    ledger.commit((tx) => {
      const now = clock.now()
      tx.patch('landRuns', run.id, {
        phase: 'cleanup',
        status: 'landed',
        reason: null,
        waitUntil: null,
        landedSha: step.sha,
      })
      this.fact(tx, run, { phase: 'cleanup', landedSha: step.sha, ...step.note })
      if (tx.require('tasks', run.taskId).status !== 'landing') return
      const change = { endedAt: now, attention: null }
      moveAttempt(ledger, tx, run.attemptId, 'landed', { now, change })
      moveTask(tx, run.taskId, 'landed', now, { landedSha: step.sha })
    })
  }

  done(run: LandRun, step: Extract<Step, { do: 'done' }>): void {
    const { ledger, clock } = this.#deps
    ledger.commit((tx) => {
      const reason = step.note ?? null
      tx.patch('landRuns', run.id, { phase: 'done', endedAt: clock.now(), waitUntil: null, reason })
      this.fact(tx, run, { phase: 'done', ...(step.note ? { note: step.note } : {}) })
    })
  }

  /** The task goes back to be decided; an attempt that is at a fix goes on and is judged when it is ready. */
  giveBack(tx: Transaction, run: LandRun, reason: string, attention: Attention | null): void {
    const { ledger, clock } = this.#deps
    const now = clock.now()
    const attempt = tx.require('attempts', run.attemptId)
    if (tx.require('tasks', run.taskId).status === 'landing')
      moveTask(tx, run.taskId, 'return', now, { winnerAttemptId: null, reason })
    if (attempt.status === 'landing')
      moveAttempt(ledger, tx, attempt.id, 'undo', { now, reason, change: { verdict: null, attention } })
    else if (attention) tx.patch('attempts', attempt.id, { attention })
  }

  fact(
    tx: Transaction,
    run: LandRun,
    body: Record<string, unknown>,
    actor: 'core' | 'engineer' = 'core',
  ): void {
    tx.fact({
      kind: 'land.phase',
      actor,
      repoId: run.repoId,
      taskId: run.taskId,
      attemptId: run.attemptId,
      body,
    })
  }

  #put(tx: Transaction, attempt: Attempt, phase: LandPhase): LandRun {
    const { ledger, settings, clock } = this.#deps
    const task = tx.require('tasks', attempt.taskId)
    const verdict = attempt.verdict
    if (!verdict?.headSha) throw new Error(`attempt ${attempt.id} has no judged head`)
    const red = ledger
      .select('checks', 'attemptId = ? AND headSha = ?', attempt.id, verdict.headSha)
      .filter((check) => check.required && check.status !== 'passed')
    const now = clock.now()
    const lane = ledger.select('landRuns', 'repoId = ? AND endedAt IS NULL', attempt.repoId)
    return tx.put('landRuns', {
      id: mintId('land', now),
      repoId: attempt.repoId,
      taskId: attempt.taskId,
      attemptId: attempt.id,
      baseBranch: task.baseBranch,
      phase,
      status: 'active',
      reason: null,
      method: settings.value.landMethod,
      allowFixes: verdict.allowFixes ?? false,
      // Two that are approved in the same millisecond still have an order.
      rank: Math.max(now, ...lane.map((run) => run.rank + 1)),
      fixes: 0,
      verdict: { ...verdict, acceptedChecks: red.map((check) => check.name) },
      reviewedSha: verdict.headSha,
      headSha: verdict.headSha,
      pushedSha: null,
      pullId: null,
      waitUntil: null,
      fixMessage: null,
      expectedBaseSha: null,
      landedSha: null,
      startedAt: now,
      endedAt: null,
    })
  }
}
