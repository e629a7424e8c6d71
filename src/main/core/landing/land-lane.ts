import type { Attempt, Attention } from '../../../shared/domain/attempt.ts'
import { Failure, isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { LandPhase, LandRun } from '../../../shared/domain/landing.ts'
import type { Pull } from '../../../shared/domain/pull.ts'
import { canAttempt } from '../../../shared/machines/attempt-machine.ts'
import { canTask } from '../../../shared/machines/task-machine.ts'
import type { Disposable, Scope } from '../../kernel/disposable.ts'
import { mintId } from '../../kernel/ids.ts'
import { moveAttempt, moveTask } from '../attempts/transitions.ts'
import type { Transaction } from '../db/ledger.ts'
import type { SettingsStore } from '../settings.ts'
import { stepAfter } from './failed-step.ts'
import { cleanupPhase, confirmPhase, mergePhase } from './finish-phases.ts'
import { type ContinueAttempt, DEFAULT_BUDGET, FixRounds } from './fix-rounds.ts'
import { gatePhase, integratePhase, verifyPhase } from './prepare-phases.ts'
import { checksPhase, pullPhase, pushPhase } from './publish-phases.ts'
import { type Step, type StepDeps, type Subject, stop, Tries } from './step.ts'

export interface LandLaneDeps extends Omit<StepDeps, 'signal'> {
  settings: SettingsStore
  scope: Scope
  continueAttempt: ContinueAttempt
}

/** The longest wait that survives a restart: a clock that was set meanwhile must not make it a day. */
const MAX_WAIT_MS = 60 * 60_000
/** From here on it cannot be taken out any more. */
const TOO_LATE: ReadonlySet<LandPhase> = new Set(['merge', 'confirm', 'cleanup', 'done'])

/**
 * Lands approved attempts. One lane per repository and base branch: its runs go through their phases in order, one at a
 * time, each verified on the base that the one before left. A run that waits for a person or for its agent lets the next
 * one pass. Each phase reads what is already done, so that any crash is gone on from.
 */
export class LandLane {
  readonly #deps: LandLaneDeps
  readonly #steps: StepDeps
  readonly #fixes: FixRounds
  readonly #driving = new Set<string>()
  readonly #again = new Set<string>()
  readonly #timers = new Map<string, Disposable>()
  readonly #fixing = new Set<string>()
  readonly #tries = new Tries()

  constructor(deps: LandLaneDeps) {
    this.#deps = deps
    this.#steps = { ...deps, signal: deps.scope.signal }
    this.#fixes = new FixRounds(deps)
    deps.scope.own(
      deps.ledger.committed.on(() => {
        for (const id of this.#fixing) this.#lookAtFix(id)
      }),
    )
  }

  /** Goes on with landings that were under way when the core ended. */
  begin(): void {
    for (const run of this.#deps.ledger.select('landRuns', 'endedAt IS NULL')) {
      if (run.status === 'fixing') this.#startWatching(run.id)
      this.#drive(run)
    }
  }

  /** Puts an approved attempt at the end of its lane. */
  enqueue(attempt: Attempt): LandRun {
    const { ledger, clock } = this.#deps
    const run = ledger.commit((tx) => {
      moveAttempt(ledger, tx, attempt.id, 'land', { now: clock.now() })
      return this.#put(tx, attempt, 'queued')
    })
    this.#drive(run)
    return run
  }

  /** A pull request of ours that was merged on the forge without us: what is left is to see it on the base and clean up. */
  adoptMerged(pull: Pull): void {
    const { ledger, clock } = this.#deps
    if (ledger.select('landRuns', 'taskId = ? AND endedAt IS NULL', pull.taskId)[0]) return
    const run = ledger.commit((tx) => {
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
      moveAttempt(ledger, tx, attempt.id, 'approve', {
        now,
        actor: 'forge',
        change: { verdict, attention: null },
      })
      const landing = moveAttempt(ledger, tx, attempt.id, 'land', { now, actor: 'forge' })
      return tx.put('landRuns', {
        ...this.#put(tx, landing, 'confirm'),
        pullId: pull.id,
        pushedSha: pull.headSha,
        landedSha: pull.mergedSha,
      })
    })
    if (run) this.#drive(run)
  }

  /** Goes on now with the waiting landing of a task. */
  retry(taskId: string): void {
    const run = this.#deps.ledger.select('landRuns', 'taskId = ? AND endedAt IS NULL', taskId)[0]
    if (!run) return
    if (run.status === 'paused') this.resume(run.id)
    else this.poke(run.id)
  }

  /** Something that a run waits for may have changed: it looks again now. */
  poke(runId: string): void {
    const { ledger } = this.#deps
    const run = ledger.get('landRuns', runId)
    if (!run || run.endedAt !== null) return
    if (run.status === 'fixing') this.#lookAtFix(run.id)
    else if (run.status === 'active' || run.status === 'waiting' || run.status === 'landed') {
      this.#tries.clear(`${run.id} failed`)
      ledger.commit((tx) => tx.patch('landRuns', runId, { waitUntil: 0 }))
      this.#drive(run)
    }
  }

  pause(runId: string): LandRun {
    return this.#change(runId, ['active', 'waiting'], (tx, run) =>
      tx.patch('landRuns', run.id, { status: 'paused', reason: 'Paused.' }),
    )
  }

  resume(runId: string): LandRun {
    const run = this.#change(runId, ['paused'], (tx, before) =>
      tx.patch('landRuns', before.id, { status: 'active', reason: null, waitUntil: null }),
    )
    this.#drive(run)
    return run
  }

  /** Moves a run before another of its lane, or to the end. */
  reorder(runId: string, before: string | null): LandRun {
    const { ledger } = this.#deps
    const run = ledger.require('landRuns', runId)
    const others = this.#runsOf(run).filter((other) => other.id !== runId)
    const at = before === null ? others.length : others.findIndex((other) => other.id === before)
    if (at < 0) throw new Failure('invalid_input', 'That landing is not in the same lane.', { before })
    const low = others[at - 1]?.rank ?? (others[0]?.rank ?? run.rank) - 2
    const high = others[at]?.rank ?? low + 2
    const moved = ledger.commit((tx) => tx.patch('landRuns', runId, { rank: (low + high) / 2 }))
    this.#drive(moved)
    return moved
  }

  /** Takes a run out of its lane: the attempt is judged again. What is on the forge stays there. */
  remove(runId: string): LandRun {
    return this.#change(runId, ['active', 'waiting', 'paused', 'fixing'], (tx, run) => {
      if (TOO_LATE.has(run.phase) && run.status !== 'waiting' && run.status !== 'paused')
        throw new Failure('illegal_state', 'It is being merged already and cannot be taken out any more.')
      this.#giveBack(tx, run, 'Taken out of the lane.', null)
      return tx.patch('landRuns', run.id, {
        status: 'removed',
        reason: 'Taken out of the lane.',
        endedAt: this.#deps.clock.now(),
      })
    })
  }

  #change(
    runId: string,
    from: readonly LandRun['status'][],
    work: (tx: Transaction, run: LandRun) => LandRun,
  ): LandRun {
    const changed = this.#deps.ledger.commit((tx) => {
      const run = tx.require('landRuns', runId)
      if (run.endedAt !== null || !from.includes(run.status))
        throw new Failure('illegal_state', `A landing that is ${run.status} cannot do that.`, { runId })
      const after = work(tx, run)
      this.#fact(tx, after, { status: after.status, by: 'engineer' }, 'engineer')
      return after
    })
    this.#fixing.delete(runId)
    this.#drive(changed)
    return changed
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

  #runsOf(run: Pick<LandRun, 'repoId' | 'baseBranch'>): LandRun[] {
    return this.#deps.ledger.select(
      'landRuns',
      'repoId = ? AND baseBranch = ? AND endedAt IS NULL ORDER BY rank',
      run.repoId,
      run.baseBranch,
    )
  }

  /** Works through a lane until it has to wait; a second call makes it look once more. */
  #drive(run: Pick<LandRun, 'repoId' | 'baseBranch'>): void {
    const lane = `${run.repoId}:${run.baseBranch}`
    if (this.#driving.has(lane)) {
      this.#again.add(lane)
      return
    }
    this.#driving.add(lane)
    this.#deps.scope.run(`landing lane ${lane}`, async () => {
      try {
        do {
          this.#again.delete(lane)
          await this.#work(lane, run)
        } while (this.#again.has(lane) && !this.#deps.scope.disposed)
      } finally {
        this.#driving.delete(lane)
      }
    })
  }

  async #work(lane: string, run: Pick<LandRun, 'repoId' | 'baseBranch'>): Promise<void> {
    this.#timers.get(lane)?.dispose()
    this.#timers.delete(lane)
    while (!this.#deps.scope.disposed) {
      const next = this.#next(run)
      if (next.run) {
        await this.#advance(next.run)
        continue
      }
      if (next.waitMs !== null) {
        this.#timers.set(
          lane,
          this.#deps.scope.after(next.waitMs, () => this.#drive(run)),
        )
      }
      return
    }
  }

  /** The run whose turn it is, or in how many ms to look again. */
  #next(lane: Pick<LandRun, 'repoId' | 'baseBranch'>): { run: LandRun | null; waitMs: number | null } {
    const now = this.#deps.clock.now()
    let soonest: number | null = null
    for (const run of this.#runsOf(lane)) {
      if (run.status === 'paused' || run.status === 'fixing') continue
      if (run.status === 'waiting' && run.waitUntil === null) continue
      const left = Math.min((run.waitUntil ?? 0) - now, MAX_WAIT_MS)
      if (left <= 0) return { run, waitMs: null }
      soonest = Math.min(soonest ?? left, left)
      // It holds its place: nobody lands while its checks run.
      if (run.status === 'active') break
    }
    return { run: null, waitMs: soonest }
  }

  async #advance(run: LandRun): Promise<void> {
    let step: Step
    let subject: Subject | null = null
    try {
      subject = await this.#subjectOf(run)
      const left = subject.attempt.status !== 'landing' && run.status !== 'landed'
      step = left
        ? { do: 'stop', reason: 'The attempt left the landing.', attention: 'conflict' }
        : await this.#phase(subject)
      this.#tries.clear(`${run.id} failed`)
    } catch (error) {
      if (this.#deps.scope.disposed || isFailure(error, 'cancelled')) return
      const count = this.#tries.next(`${run.id} failed`)
      if (!isFailure(error)) {
        this.#deps.log.error('landing failed', { run: run.id, phase: run.phase, error })
        step = {
          do: 'wait',
          ms: null,
          reason: `Something went wrong in Quartet itself (${messageOf(error)}).`,
          hold: false,
          attention: 'crash',
        }
      } else {
        this.#deps.log.info('landing met a failure', {
          run: run.id,
          phase: run.phase,
          code: error.code,
          message: error.message,
        })
        const now = this.#deps.clock.now()
        step = stepAfter(error, { ...run, count, now, baseSha: run.expectedBaseSha })
        if (error.code === 'forge_unauthorized')
          this.#deps.forges.refused(this.#deps.ledger.require('repositories', run.repoId))
      }
      // Whatever raced with us: look at everything again.
      if (step.do === 'wait' && step.change) this.#patch(run, { phase: 'gate' })
    }
    if (this.#deps.scope.disposed) return
    await this.#apply(run.id, step, subject)
  }

  async #subjectOf(run: LandRun): Promise<Subject> {
    const { ledger, forges, workflows } = this.#deps
    const attempt = ledger.require('attempts', run.attemptId)
    const repository = ledger.require('repositories', run.repoId)
    const method = (await workflows.read(repository)).land.method ?? run.method
    return {
      run: { ...run, method },
      attempt,
      task: ledger.require('tasks', run.taskId),
      repository,
      place: { repo: repository.path, path: attempt.worktree },
      ...(await forges.of(repository)),
    }
  }

  #phase(subject: Subject): Promise<Step> {
    const deps = this.#steps
    switch (subject.run.phase) {
      case 'queued':
      case 'gate':
        return gatePhase(deps, subject)
      case 'integrate':
        return integratePhase(deps, subject)
      case 'verify':
        return verifyPhase(deps, subject)
      case 'push':
        return pushPhase(deps, subject)
      case 'pull':
        return pullPhase(deps, subject)
      case 'checks':
        return checksPhase(deps, subject, this.#tries)
      case 'merge':
        return mergePhase(deps, subject, this.#tries)
      case 'confirm':
        return confirmPhase(deps, subject, this.#tries)
      case 'cleanup':
      case 'done':
        return cleanupPhase(deps, subject)
    }
  }

  async #apply(runId: string, step: Step, subject: Subject | null): Promise<void> {
    const { ledger, clock } = this.#deps
    const run = ledger.require('landRuns', runId)
    // Taken out while the step ran: it was told to somebody else already.
    if (run.endedAt !== null) return
    switch (step.do) {
      case 'go':
        this.#patch(run, {
          ...step.change,
          phase: step.to,
          ...(run.status === 'paused'
            ? {}
            : { status: run.status === 'landed' ? 'landed' : 'active', reason: null }),
          waitUntil: null,
        })
        return
      case 'wait':
        this.#wait(run, step, subject)
        return
      case 'fix': {
        const budget = subject
          ? (await this.#deps.workflows.read(subject.repository)).land.budget
          : DEFAULT_BUDGET
        if (!this.#fixes.begin(run, step.request, budget)) {
          this.#stop(
            run,
            stop(`${budget} fix rounds were not enough.`, step.request.conflict ? 'conflict' : 'ci_stuck'),
          )
          return
        }
        this.#startWatching(run.id)
        return
      }
      case 'stop':
        this.#stop(run, step)
        return
      case 'landed':
        ledger.commit((tx) => {
          const now = clock.now()
          tx.patch('landRuns', runId, {
            phase: 'cleanup',
            status: 'landed',
            reason: null,
            waitUntil: null,
            landedSha: step.sha,
          })
          this.#fact(tx, run, { phase: 'confirm', landedSha: step.sha, ...step.note })
          this.#fact(tx, run, { phase: 'cleanup' })
          if (tx.require('tasks', run.taskId).status !== 'landing') return
          moveAttempt(ledger, tx, run.attemptId, 'landed', { now, change: { endedAt: now, attention: null } })
          moveTask(tx, run.taskId, 'landed', now, { landedSha: step.sha })
        })
        return
      case 'done':
        ledger.commit((tx) => {
          tx.patch('landRuns', runId, { phase: 'done', endedAt: clock.now(), reason: step.note ?? null })
          this.#fact(tx, run, { phase: 'done', ...(step.note ? { note: step.note } : {}) })
        })
        this.#tries.clear(runId)
        return
    }
  }

  #patch(run: LandRun, change: Partial<Omit<LandRun, 'id' | 'rev'>>): void {
    const { ledger } = this.#deps
    ledger.commit((tx) => {
      const after = tx.patch('landRuns', run.id, change)
      if (after.headSha && after.headSha !== run.headSha)
        tx.patch('attempts', run.attemptId, { headSha: after.headSha })
      if (run.status === 'waiting' && after.status === 'active') {
        tx.patch('attempts', run.attemptId, { attention: null })
        tx.patch('tasks', run.taskId, { reason: null })
      }
      if (after.phase !== run.phase) this.#fact(tx, after, { phase: after.phase })
    })
  }

  #wait(run: LandRun, step: Extract<Step, { do: 'wait' }>, subject: Subject | null): void {
    const { ledger, clock, pace } = this.#deps
    ledger.commit((tx) => {
      const now = clock.now()
      const attention: Attention | null = step.attention
        ? { kind: step.attention, since: now, detail: step.reason }
        : null
      const attempt = tx.require('attempts', run.attemptId)
      const waitUntil = step.ms === null ? null : now + Math.round(politely(step.ms, subject, now) * pace)
      tx.patch('landRuns', run.id, {
        ...(run.status === 'paused' || run.status === 'landed'
          ? {}
          : { status: step.hold ? 'active' : 'waiting' }),
        reason: step.reason,
        waitUntil,
      })
      if (run.reason === step.reason && attempt.attention?.detail === attention?.detail) return
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
  #stop(run: LandRun, step: Extract<Step, { do: 'stop' }>): void {
    const { ledger, clock } = this.#deps
    this.#deps.log.info('landing stopped', { run: run.id, phase: run.phase, reason: step.reason })
    this.#fixing.delete(run.id)
    ledger.commit((tx) => {
      const now = clock.now()
      tx.patch('landRuns', run.id, {
        status: 'failed',
        reason: step.reason,
        waitUntil: null,
        fixMessage: null,
        endedAt: now,
      })
      this.#fact(tx, run, { phase: run.phase, status: 'failed', reason: step.reason })
      this.#giveBack(tx, run, step.reason, { kind: step.attention, since: now, detail: step.reason })
    })
  }

  #giveBack(tx: Transaction, run: LandRun, reason: string, attention: Attention | null): void {
    const { ledger, clock } = this.#deps
    const now = clock.now()
    const attempt = tx.require('attempts', run.attemptId)
    if (tx.require('tasks', run.taskId).status === 'landing')
      moveTask(tx, run.taskId, 'return', now, { winnerAttemptId: null, reason })
    if (attempt.status === 'landing')
      moveAttempt(ledger, tx, attempt.id, 'undo', { now, reason, change: { verdict: null, attention } })
    else if (attention) tx.patch('attempts', attempt.id, { attention })
  }

  #startWatching(runId: string): void {
    this.#fixing.add(runId)
    this.#lookAtFix(runId)
  }

  /** Called at every commit while an agent is at a fix: cheap unless something changed for it. */
  #lookAtFix(runId: string): void {
    const { ledger, scope } = this.#deps
    const run = ledger.get('landRuns', runId)
    if (!run || run.endedAt !== null || run.status !== 'fixing') {
      this.#fixing.delete(runId)
      return
    }
    const status = ledger.require('attempts', run.attemptId).status
    if (
      status !== 'landing' &&
      status !== 'ready' &&
      status !== 'failed' &&
      status !== 'lost' &&
      status !== 'cancelled'
    )
      return
    const key = `fix ${runId}`
    if (this.#driving.has(key)) {
      this.#again.add(key)
      return
    }
    this.#driving.add(key)
    this.#again.delete(key)
    scope.run(`fix round of ${runId}`, async () => {
      try {
        const outcome = await this.#fixes.look(runId)
        if (scope.disposed || outcome.state === 'busy') return
        const now = ledger.require('landRuns', runId)
        if (now.endedAt !== null) return
        this.#fixing.delete(runId)
        if (outcome.state === 'stop')
          this.#stop(now, { do: 'stop', reason: outcome.reason, attention: outcome.kind })
        else this.#drive(now)
      } finally {
        this.#driving.delete(key)
        // A quick agent was through before its message was noted as given.
        if (this.#again.delete(key) && !scope.disposed) this.#lookAtFix(runId)
      }
    })
  }

  #fact(
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
}

/** Longer while the forge's budget is all but spent. */
function politely(ms: number, subject: Subject | null, now: number): number {
  const rate = subject?.forge.rate()
  const spent = rate && rate.resetsAt > now && rate.remaining / rate.limit < 0.02
  return spent ? Math.max(ms, Math.min(rate.resetsAt - now, MAX_WAIT_MS)) : ms
}
