import type { Attempt } from '../../../shared/domain/attempt.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { LandPhase, LandRun } from '../../../shared/domain/landing.ts'
import type { Pull } from '../../../shared/domain/pull.ts'
import type { Disposable, Scope } from '../../kernel/disposable.ts'
import type { Transaction } from '../db/ledger.ts'
import type { SettingsStore } from '../settings.ts'
import { type ContinueAttempt, DEFAULT_BUDGET, FixRounds } from './fix-rounds.ts'
import { FixWatch } from './fix-watch.ts'
import { LandBook } from './land-book.ts'
import { type Step, type StepDeps, type Subject, stop, Tries } from './step.ts'
import { takeStep } from './take-step.ts'

export interface LandLaneDeps extends Omit<StepDeps, 'signal'> {
  settings: SettingsStore
  scope: Scope
  continueAttempt: ContinueAttempt
}

type Lane = Pick<LandRun, 'repoId' | 'baseBranch'>

/** The longest wait that a restart keeps: a clock that was set meanwhile must not make it a day. */
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
  readonly #book: LandBook
  readonly #rounds: FixRounds
  readonly #fixes: FixWatch
  readonly #driving = new Set<string>()
  readonly #again = new Set<string>()
  readonly #timers = new Map<string, Disposable>()
  /** When a waiting run looks again, by the monotonic clock: setting the wall clock neither hurries nor holds it. */
  readonly #due = new Map<string, number>()
  readonly #tries = new Tries()

  constructor(deps: LandLaneDeps) {
    this.#deps = deps
    this.#steps = { ...deps, signal: deps.scope.signal }
    this.#book = new LandBook(deps)
    this.#rounds = new FixRounds(deps)
    this.#fixes = new FixWatch({
      ...deps,
      rounds: this.#rounds,
      onOutcome: (run, outcome) => {
        if (outcome.state === 'stop') this.#stop(run, stop(outcome.reason, outcome.kind))
        this.#drive(run)
      },
    })
  }

  /** Goes on with landings that were under way when the core ended. */
  begin(): void {
    for (const run of this.#deps.ledger.select('landRuns', 'endedAt IS NULL')) {
      if (run.status === 'fixing') this.#fixes.start(run.id)
      this.#drive(run)
    }
  }

  /** Puts an approved attempt at the end of its lane. */
  enqueue(attempt: Attempt): LandRun {
    const run = this.#book.open(attempt)
    this.#drive(run)
    return run
  }

  /** A pull request of ours that was merged on the forge without us: what is left is to see it on the base and clean up. */
  adoptMerged(pull: Pull): void {
    const run = this.#book.adopt(pull)
    if (run) this.#drive(run)
  }

  /** Goes on now with the waiting landing of a task. Throws `illegal_state` when nothing of it is approved. */
  retry(taskId: string): void {
    const { ledger } = this.#deps
    const run = ledger.select('landRuns', 'taskId = ? AND endedAt IS NULL', taskId)[0]
    if (!run) {
      const { status } = ledger.require('tasks', taskId)
      if (status === 'landing' || status === 'landed') return
      throw new Failure(
        'illegal_state',
        'Nothing of this task is landing. Call one of its attempts mergeable: that lands it.',
        { taskId, status },
      )
    }
    if (run.status === 'paused') this.resume(run.id)
    else this.poke(run.id)
  }

  /** Something that a run waits for may have changed: it looks again now. */
  poke(runId: string): void {
    const { ledger } = this.#deps
    const run = ledger.get('landRuns', runId)
    if (!run || run.endedAt !== null || run.status === 'paused') return
    if (run.status === 'fixing') {
      this.#fixes.look(run.id)
      return
    }
    this.#tries.clear(`${run.id} failed`)
    this.#due.delete(runId)
    ledger.commit((tx) => tx.patch('landRuns', runId, { waitUntil: 0 }))
    this.#drive(run)
  }

  pause(runId: string): LandRun {
    return this.#change(runId, ['active', 'waiting'], (tx, run) =>
      tx.patch('landRuns', run.id, { status: 'paused', reason: 'Paused.' }),
    )
  }

  resume(runId: string): LandRun {
    return this.#change(runId, ['paused'], (tx, run) =>
      tx.patch('landRuns', run.id, { status: 'active', reason: null, waitUntil: null }),
    )
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
      if (TOO_LATE.has(run.phase) && run.status === 'active')
        throw new Failure('illegal_state', 'It is being merged already and cannot be taken out any more.')
      const reason = 'Taken out of the lane.'
      this.#book.giveBack(tx, run, reason, null)
      return tx.patch('landRuns', run.id, { status: 'removed', reason, endedAt: this.#deps.clock.now() })
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
      this.#book.fact(tx, after, { status: after.status }, 'engineer')
      return after
    })
    this.#due.delete(runId)
    this.#drive(changed)
    return changed
  }

  #runsOf(lane: Lane): LandRun[] {
    return this.#deps.ledger.select(
      'landRuns',
      'repoId = ? AND baseBranch = ? AND endedAt IS NULL ORDER BY rank',
      lane.repoId,
      lane.baseBranch,
    )
  }

  /** Works through a lane until it has to wait; a second call makes it look once more. */
  #drive(lane: Lane): void {
    const key = `${lane.repoId}:${lane.baseBranch}`
    this.#again.add(key)
    if (this.#driving.has(key)) return
    this.#driving.add(key)
    this.#deps.scope.run(`landing lane ${key}`, async () => {
      try {
        while (this.#again.delete(key) && !this.#deps.scope.disposed) await this.#work(key, lane)
      } finally {
        this.#driving.delete(key)
      }
    })
  }

  async #work(key: string, lane: Lane): Promise<void> {
    this.#timers.get(key)?.dispose()
    this.#timers.delete(key)
    while (!this.#deps.scope.disposed) {
      const next = this.#next(lane)
      if (next.run) {
        await this.#advance(next.run)
        continue
      }
      if (next.waitMs !== null) {
        const timer = this.#deps.scope.after(next.waitMs, () => this.#drive(lane))
        this.#timers.set(key, timer)
      }
      return
    }
  }

  /** The run whose turn it is, or in how many ms to look again. */
  #next(lane: Lane): { run: LandRun | null; waitMs: number | null } {
    let soonest: number | null = null
    for (const run of this.#runsOf(lane)) {
      if (run.status === 'paused' || run.status === 'fixing') continue
      if (run.status === 'waiting' && run.waitUntil === null) continue
      const left = this.#left(run)
      if (left <= 0) return { run, waitMs: null }
      soonest = Math.min(soonest ?? left, left)
      // It holds its place: nobody lands while its checks run.
      if (run.status === 'active') break
    }
    return { run: null, waitMs: soonest }
  }

  #left(run: LandRun): number {
    const { clock } = this.#deps
    const due = this.#due.get(run.id)
    if (due !== undefined) return due - clock.monotonic()
    // Written down before a restart: all that is left of it is the wall clock.
    return Math.min((run.waitUntil ?? 0) - clock.now(), MAX_WAIT_MS)
  }

  async #advance(run: LandRun): Promise<void> {
    this.#due.delete(run.id)
    const taken = await takeStep(this.#steps, run, this.#tries)
    if (taken) this.#apply(run.id, taken.step, taken.subject)
  }

  #apply(runId: string, step: Step, subject: Subject | null): void {
    const run = this.#deps.ledger.require('landRuns', runId)
    // Taken out while the step ran: it was told to somebody else already.
    if (run.endedAt !== null) return
    switch (step.do) {
      case 'go':
        this.#book.change(run, {
          ...step.change,
          phase: step.to,
          ...(run.status === 'waiting' ? { status: 'active' as const } : {}),
          ...(run.status === 'paused' ? {} : { reason: null }),
          waitUntil: null,
        })
        return
      case 'wait':
        this.#wait(run, step, subject)
        return
      case 'fix':
        // Paused while the step ran: an agent is not set to work. What is to be fixed is found again once it goes on.
        if (run.status === 'paused') return
        this.#fix(run, step, subject?.budget ?? DEFAULT_BUDGET)
        return
      case 'stop':
        this.#stop(run, step)
        return
      case 'landed':
        this.#book.landed(run, step)
        return
      case 'done':
        this.#book.done(run, step)
        this.#tries.clear(runId)
        return
    }
  }

  #wait(run: LandRun, step: Extract<Step, { do: 'wait' }>, subject: Subject | null): void {
    const { clock, pace } = this.#deps
    // Whatever raced with us: everything is looked at again.
    if (step.again) this.#book.change(run, { phase: step.again })
    const ms = step.ms === null ? null : Math.round(politely(step.ms, subject, clock.now()) * pace)
    if (ms !== null) this.#due.set(run.id, clock.monotonic() + ms)
    this.#book.wait({ ...run, phase: step.again ?? run.phase }, step, ms === null ? null : clock.now() + ms)
  }

  #fix(run: LandRun, step: Extract<Step, { do: 'fix' }>, budget: number): void {
    if (this.#rounds.begin(run, step.request, budget)) this.#fixes.start(run.id)
    else
      this.#stop(
        run,
        stop(`${budget} fix rounds were not enough.`, step.request.conflict ? 'conflict' : 'ci_stuck'),
      )
  }

  #stop(run: LandRun, step: Extract<Step, { do: 'stop' }>): void {
    this.#deps.log.info('a landing stopped', { run: run.id, phase: run.phase, reason: step.reason })
    this.#fixes.stop(run.id)
    this.#tries.clear(run.id)
    this.#book.stop(run, step)
  }
}

/** Longer while the forge's budget is all but spent. */
function politely(ms: number, subject: Subject | null, now: number): number {
  const rate = subject?.forge.rate()
  const spent = rate && rate.resetsAt > now && rate.remaining / rate.limit < 0.02
  return spent ? Math.max(ms, Math.min(rate.resetsAt - now, MAX_WAIT_MS)) : ms
}
