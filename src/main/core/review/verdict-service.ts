import type {
  Attempt,
  AttemptStatus,
  TrashReason,
  Verdict,
  VerdictKind,
} from '../../../shared/domain/attempt.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { AttemptEvent } from '../../../shared/machines/attempt-machine.ts'
import { canAttempt } from '../../../shared/machines/attempt-machine.ts'
import { canTask } from '../../../shared/machines/task-machine.ts'
import { mintId } from '../../kernel/ids.ts'
import type { AttemptFinisher } from '../attempts/attempt-finisher.ts'
import { moveAttempt, moveTask } from '../attempts/transitions.ts'
import type { Transaction } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import { isLoose } from '../git/status.ts'
import { lessonFromFacts } from '../tasks/lesson.ts'
import type { RoundAnalysis } from './round-analysis.ts'
import { VerdictEffect, type VerdictEffectDeps } from './verdict-effect.ts'
import { objections } from './verdict-guard.ts'

export interface VerdictServiceDeps extends VerdictEffectDeps {
  git: Git
  finisher: AttemptFinisher
  analysis: RoundAnalysis
  undoMs: number
}

export interface VerdictInput {
  id: string
  kind: VerdictKind
  headSha?: string | undefined
  reasons: readonly TrashReason[]
  note: string
  overrideReason?: string | undefined
  allowFixes?: boolean | undefined
}

/** What an undo does, by the status in which the verdict was given. */
const BACK: Partial<Record<AttemptStatus, AttemptEvent>> = {
  failed: 'fail',
  lost: 'lose',
  cancelled: 'cancel',
  ready: 'undo',
}

/**
 * Verdicts. One is saved at once and takes effect when its undo window is over: until then no agent is stopped and no
 * file is moved, so that an undo has nothing to repair.
 */
export class VerdictService {
  readonly #deps: VerdictServiceDeps
  readonly #effect: VerdictEffect

  constructor(deps: VerdictServiceDeps) {
    this.#deps = deps
    this.#effect = new VerdictEffect(deps)
  }

  /** Goes on with verdicts that had not taken effect when the core ended. */
  begin(): void {
    const { ledger } = this.#deps
    for (const attempt of ledger.select(
      'attempts',
      "status = 'mergeable' OR (status = 'trashed' AND trashRef IS NULL)",
    ))
      this.#effect.schedule(attempt)
  }

  async give(input: VerdictInput): Promise<Attempt> {
    const attempt = this.#deps.ledger.require('attempts', input.id)
    return input.kind === 'mergeable' ? this.#approve(attempt, input) : this.#trash(attempt, input)
  }

  undo(id: string): Attempt {
    const { ledger, clock, finisher } = this.#deps
    const attempt = ledger.require('attempts', id)
    const verdict = attempt.verdict
    if (!verdict) throw new Failure('illegal_state', 'There is no verdict to undo.')
    if (clock.now() > verdict.undoUntil || this.#effect.isUnderWay(id)) {
      throw new Failure('undo_expired', 'The verdict has taken effect. A trashed attempt can be restored.', {
        id,
      })
    }
    this.#deps.analysis.stop(attempt.taskId)
    const undone = ledger.commit((tx) => {
      const now = clock.now()
      const task = tx.require('tasks', attempt.taskId)
      if (task.status === 'landing') moveTask(tx, task.id, 'return', now, { winnerAttemptId: null })
      for (const lesson of ledger.select('lessons', 'taskId = ? AND round = ?', task.id, attempt.round))
        tx.remove('lessons', lesson.id)
      tx.fact({
        kind: 'verdict.undone',
        actor: 'engineer',
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: id,
        body: { n: attempt.n, kind: verdict.kind },
      })
      return moveAttempt(ledger, tx, id, this.#wayBack(attempt, verdict), {
        now,
        source: 'engineer',
        actor: 'engineer',
        change: { verdict: null },
      })
    })
    if (undone.status === 'finished') finisher.begin(id)
    return undone
  }

  /** Brings a kept attempt back: worktree and branch as they were, ready to be judged again. */
  async restore(id: string): Promise<Attempt> {
    const { ledger, clock } = this.#deps
    const attempt = ledger.require('attempts', id)
    if (attempt.status !== 'trashed' || !attempt.trashRef)
      throw new Failure('illegal_state', 'Only a trashed attempt that was kept can be restored.')
    const repository = ledger.require('repositories', attempt.repoId)
    await this.#deps.retire.bringBack(attempt, repository.path)
    return ledger.commit((tx) => {
      const now = clock.now()
      tx.fact({
        kind: 'attempt.restored',
        actor: 'engineer',
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: id,
        body: { ref: attempt.trashRef },
      })
      const task = tx.require('tasks', attempt.taskId)
      if (task.status === 'abandoned' && canTask(task.status, 'reopen')) moveTask(tx, task.id, 'reopen', now)
      return moveAttempt(ledger, tx, id, 'undo', {
        now,
        source: 'engineer',
        actor: 'engineer',
        reason: 'Restored from trash.',
        change: { verdict: null, trashRef: null, readyAt: now },
      })
    })
  }

  async #approve(attempt: Attempt, input: VerdictInput): Promise<Attempt> {
    const { ledger, git, clock } = this.#deps
    if (!canAttempt(attempt.status, 'approve')) {
      throw new Failure(
        'illegal_state',
        `Attempt ${attempt.n} is ${attempt.status}: it can be called mergeable when it is ready.`,
      )
    }
    const repository = ledger.require('repositories', attempt.repoId)
    const place = { repo: repository.path, path: attempt.worktree }
    const status = await git.readStatus(place)
    // One that failed or was stopped was never finished: what it left uncommitted would not land.
    const committed = isLoose(status)
      ? await git.commitAll({ ...place, message: `Work that attempt ${attempt.n} left uncommitted` })
      : status
    const headSha = committed.headSha ?? attempt.baseSha
    if (input.headSha && input.headSha !== headSha) {
      ledger.commit((tx) => tx.patch('attempts', attempt.id, { headSha }))
      throw new Failure(
        'stale_head',
        `Attempt ${attempt.n} has moved on to ${headSha.slice(0, 7)} since you looked. Look again.`,
        { headSha },
      )
    }
    if (headSha === attempt.baseSha)
      throw new Failure('nothing_to_land', `Attempt ${attempt.n} changed nothing: there is nothing to land.`)
    const against = objections(
      { headSha },
      ledger.select('checks', 'attemptId = ?', attempt.id),
      ledger.select('findings', 'attemptId = ?', attempt.id),
    )
    if (against.length > 0 && !input.overrideReason?.trim()) {
      throw new Failure(
        'blocked_by_findings',
        `${against.join(' ')} Give a reason to call it mergeable all the same.`,
        { objections: against },
      )
    }
    const approved = ledger.commit((tx) => {
      const now = clock.now()
      const winner = ledger.select(
        'attempts',
        "taskId = ? AND status IN ('mergeable', 'landing', 'landed')",
        attempt.taskId,
      )[0]
      if (winner)
        throw new Failure(
          'illegal_state',
          `Attempt ${winner.n} of this task is ${winner.status} already. Undo that first.`,
        )
      moveTask(tx, attempt.taskId, 'approve', now, { winnerAttemptId: attempt.id })
      return this.#record(tx, attempt, 'approve', { ...input, headSha }, now)
    })
    this.#effect.schedule(approved)
    return approved
  }

  #trash(attempt: Attempt, input: VerdictInput): Attempt {
    const { ledger, clock } = this.#deps
    if (attempt.status === 'mergeable' || attempt.status === 'landing') {
      throw new Failure('illegal_state', `Attempt ${attempt.n} is ${attempt.status}. Undo its verdict first.`)
    }
    const trashed = ledger.commit((tx) => {
      const now = clock.now()
      const after = this.#record(tx, attempt, 'trash', input, now)
      if (tx.require('tasks', attempt.taskId).status === 'rework') this.#learn(tx, attempt)
      return after
    })
    this.#effect.schedule(trashed)
    if (ledger.require('tasks', attempt.taskId).status === 'rework')
      this.#deps.analysis.start(attempt.taskId, attempt.round)
    return trashed
  }

  #record(
    tx: Transaction,
    attempt: Attempt,
    event: 'approve' | 'trash',
    input: VerdictInput,
    now: number,
  ): Attempt {
    const { ledger } = this.#deps
    const verdict: Verdict = {
      kind: input.kind,
      headSha: input.headSha ?? attempt.headSha,
      reasons: [...input.reasons],
      note: [input.note, input.overrideReason].filter(Boolean).join('\n'),
      ...(input.allowFixes === undefined ? {} : { allowFixes: input.allowFixes }),
      at: now,
      undoUntil: now + this.#deps.undoMs,
      from: attempt.status,
    }
    tx.fact({
      kind: 'verdict.given',
      actor: 'engineer',
      repoId: attempt.repoId,
      taskId: attempt.taskId,
      attemptId: attempt.id,
      body: {
        n: attempt.n,
        kind: input.kind,
        headSha: verdict.headSha,
        reasons: verdict.reasons,
        note: verdict.note,
        override: input.overrideReason ?? null,
        decidedInMs: attempt.readyAt === null ? null : now - attempt.readyAt,
      },
    })
    return moveAttempt(ledger, tx, attempt.id, event, {
      now,
      source: 'engineer',
      actor: 'engineer',
      change: { verdict, headSha: verdict.headSha, attention: null },
    })
  }

  #learn(tx: Transaction, attempt: Attempt): void {
    const { ledger, clock } = this.#deps
    const siblings = ledger.select(
      'attempts',
      'taskId = ? AND round = ? ORDER BY n',
      attempt.taskId,
      attempt.round,
    )
    const checks = siblings.flatMap((sibling) => ledger.select('checks', 'attemptId = ?', sibling.id))
    const old = ledger.select('lessons', 'taskId = ? AND round = ?', attempt.taskId, attempt.round)[0]
    tx.put('lessons', {
      id: old?.id ?? mintId('lesson', clock.now()),
      taskId: attempt.taskId,
      round: attempt.round,
      ...lessonFromFacts(siblings, checks),
      answer: null,
      source: 'facts',
      // Until an agent has looked back on the round, or it is clear that none will.
      state: 'analysing',
      facts: '',
      createdAt: clock.now(),
    })
    tx.fact({
      kind: 'lesson.written',
      taskId: attempt.taskId,
      repoId: attempt.repoId,
      body: { round: attempt.round, source: 'facts' },
    })
  }

  #wayBack(attempt: Attempt, verdict: Verdict): AttemptEvent {
    const decided = BACK[verdict.from]
    if (decided) return decided
    // It was at work when it was trashed. Its agent was not touched; it may have ended by itself meanwhile.
    const terminal = attempt.terminalId ? this.#deps.ledger.get('terminals', attempt.terminalId) : undefined
    if (terminal?.state === 'live') return 'run'
    if (terminal?.state === 'lost') return 'lose'
    if (!terminal) return 'cancel'
    return terminal.exitCode === 0 ? 'finish' : 'fail'
  }
}
