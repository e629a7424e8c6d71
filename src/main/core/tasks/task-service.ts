import type { Attempt } from '../../../shared/domain/attempt.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import type { Lesson, Round, Slot, Task } from '../../../shared/domain/task.ts'
import { titleOf } from '../../../shared/domain/task.ts'
import { canTask } from '../../../shared/machines/task-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import { mintId } from '../../kernel/ids.ts'
import { attemptNames } from '../attempts/attempt-names.ts'
import type { LimitBook } from '../attempts/limit-book.ts'
import { moveTask } from '../attempts/transitions.ts'
import type { Transaction } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import { isTrusted } from '../repositories/workflow.ts'
import type { WorktreeRoots } from '../repositories/worktree-roots.ts'
import { roundPrompt } from './prompt.ts'
import { RoundSlots, type RoundSlotsDeps } from './round-slots.ts'

export interface TaskServiceDeps extends RoundSlotsDeps {
  git: Git
  limits: LimitBook
  roots: WorktreeRoots
  clock: Clock
  /** Called after a round was written: somebody should start it. */
  onFired: () => void
  /** Ends the analysis of a trashed round: the next one starts without it. */
  stopAnalysis: (taskId: string) => void
  /** Ends all attempts of a task that is given up. */
  retireTask: (taskId: string) => void
}

export interface NewTask {
  repoId: string
  brief: string
  title?: string | undefined
  baseBranch?: string | undefined
}

interface NewRound {
  slots: readonly Slot[]
  baseSha: string
  lessons: readonly Lesson[]
  /** Folder of its worktrees. */
  root: string
}

/** Tasks and their rounds. */
export class TaskService {
  readonly #deps: TaskServiceDeps
  readonly #slots: RoundSlots

  constructor(deps: TaskServiceDeps) {
    this.#deps = deps
    this.#slots = new RoundSlots(deps)
  }

  create(input: NewTask): Task {
    const repo = this.#deps.ledger.require('repositories', input.repoId)
    return this.#deps.ledger.commit((tx) => this.#put(tx, repo, input))
  }

  edit(id: string, change: { brief?: string | undefined; title?: string | undefined }): Task {
    return this.#deps.ledger.commit((tx) => {
      const task = tx.require('tasks', id)
      if (task.status !== 'draft' && task.status !== 'rework') {
        throw new Failure(
          'illegal_state',
          `A task that is ${task.status} keeps its brief: its agents already work from it.`,
        )
      }
      tx.fact({
        kind: 'task.edited',
        actor: 'engineer',
        repoId: task.repoId,
        taskId: id,
        body: { fields: Object.keys(change) },
      })
      return tx.patch('tasks', id, { brief: change.brief ?? task.brief, title: change.title ?? task.title })
    })
  }

  /** Creates a task and fires its first round. The same `requestId` twice gives the same task. */
  async fire(
    input: NewTask & { slots: readonly Slot[]; requestId?: string | undefined },
  ): Promise<{ task: Task; attempts: Attempt[] }> {
    const { ledger } = this.#deps
    const repo = ledger.require('repositories', input.repoId)
    this.#slots.check(input.slots)
    const root = await this.#deps.roots.of(repo)
    const key = input.requestId ? `fire:${input.requestId}` : undefined
    const base = await this.#deps.git.resolveBase(repo.path, input.baseBranch ?? repo.baseBranch)
    const done = key && ledger.factByKey(key)
    if (done) {
      const task = ledger.require('tasks', done.taskId ?? '')
      return { task, attempts: this.attemptsOf(task) }
    }
    const result = ledger.commit((tx) => {
      const task = this.#put(tx, repo, input, key)
      return this.#putRound(tx, repo, task, { slots: input.slots, baseSha: base, lessons: [], root })
    })
    this.#deps.onFired()
    return result
  }

  /** Fires a draft, or the next round of a task in rework, from where its base is now. */
  async fireRound(
    id: string,
    wanted: { slots?: readonly Slot[] | undefined; attempts?: number | undefined },
  ): Promise<{ task: Task; attempts: Attempt[] }> {
    const { ledger } = this.#deps
    const task = ledger.require('tasks', id)
    if (!canTask(task.status, 'fire'))
      throw new Failure(
        'illegal_state',
        `A task that is ${task.status} cannot be fired: only drafts and tasks in rework can.`,
      )
    const lessons = ledger.select('lessons', 'taskId = ? ORDER BY round', id)
    const open = lessons.find((lesson) => lesson.openQuestion && !lesson.answer)
    if (open)
      throw new Failure('illegal_state', `Answer the open question first: ${open.openQuestion}`, {
        lessonId: open.id,
      })
    const repo = ledger.require('repositories', task.repoId)
    const slots = wanted.slots ?? (await this.#slots.again(task, repo, wanted.attempts))
    this.#slots.check(slots)
    const root = await this.#deps.roots.of(repo)
    const baseSha = await this.#deps.git.resolveBase(repo.path, task.baseBranch)
    this.#deps.stopAnalysis(id)
    const result = ledger.commit((tx) =>
      this.#putRound(tx, repo, tx.require('tasks', id), {
        slots,
        baseSha,
        // As they are now: an analysis or the engineer may have written them anew while git was asked.
        lessons: ledger.select('lessons', 'taskId = ? ORDER BY round', id),
        root,
      }),
    )
    this.#deps.onFired()
    return result
  }

  async preview(input: { repoId: string; baseBranch?: string | undefined; slots: readonly Slot[] }): Promise<{
    baseBranch: string
    baseSha: string
    subject: string
    freeSlots: number
    problems: string[]
  }> {
    const { ledger, git, settings } = this.#deps
    const repo = ledger.require('repositories', input.repoId)
    const baseBranch = input.baseBranch ?? repo.baseBranch
    const baseSha = await git.resolveBase(repo.path, baseBranch)
    const busy = ledger.select(
      'attempts',
      "status IN ('preparing', 'starting', 'running', 'waiting', 'stalled')",
    ).length
    const problems: string[] = []
    for (const name of new Set(input.slots.map((slot) => slot.agent))) {
      try {
        const { label } = this.#deps.agents.driver(name)
        const limit = this.#deps.limits.reason(name, label)
        if (limit) problems.push(limit)
      } catch (error) {
        problems.push((error as Error).message)
      }
    }
    const workflow = await this.#deps.workflows.read(repo)
    const broken = this.#deps.workflows.problemOf(repo.id)
    if (broken) problems.push(`Nothing starts until this is mended: ${broken}`)
    if (!isTrusted(workflow, repo.trustedHash)) {
      problems.push('The commands in WORKFLOW.md wait for your consent: hooks and checks will not run.')
    }
    return {
      baseBranch,
      baseSha,
      subject: await git.commitSubject(repo.path, baseSha),
      freeSlots: Math.max(0, settings.value.slots - busy),
      problems,
    }
  }

  abandon(id: string): Task {
    const task = this.#deps.ledger.commit((tx) => moveTask(tx, id, 'abandon', this.#deps.clock.now()))
    this.#deps.retireTask(id)
    return task
  }

  editLesson(input: {
    id: string
    wentWrong: string
    doDifferently: string
    doNotRepeat: string
    answer: string | null
  }): Lesson {
    // What the engineer writes stands.
    this.#deps.stopAnalysis(this.#deps.ledger.require('lessons', input.id).taskId)
    return this.#deps.ledger.commit((tx) => {
      const lesson = tx.require('lessons', input.id)
      tx.fact({
        kind: 'lesson.written',
        actor: 'engineer',
        taskId: lesson.taskId,
        body: { round: lesson.round },
      })
      return tx.patch('lessons', input.id, {
        wentWrong: input.wentWrong,
        doDifferently: input.doDifferently,
        doNotRepeat: input.doNotRepeat,
        answer: input.answer,
      })
    })
  }

  attemptsOf(task: Pick<Task, 'id' | 'round'>): Attempt[] {
    return this.#deps.ledger.select('attempts', 'taskId = ? AND round = ? ORDER BY n', task.id, task.round)
  }

  roundsOf(taskId: string): Round[] {
    return this.#deps.ledger.select('rounds', 'taskId = ? ORDER BY n', taskId)
  }

  lessonsOf(taskId: string): Lesson[] {
    return this.#deps.ledger.select('lessons', 'taskId = ? ORDER BY round', taskId)
  }

  #put(tx: Transaction, repo: Repository, input: NewTask, dedupeKey?: string): Task {
    const now = this.#deps.clock.now()
    const task = tx.put('tasks', {
      id: mintId('task', now),
      repoId: repo.id,
      title: input.title?.trim() || titleOf(input.brief),
      brief: input.brief,
      status: 'draft',
      reason: null,
      round: 0,
      baseBranch: input.baseBranch ?? repo.baseBranch,
      baseSha: null,
      winnerAttemptId: null,
      landedSha: null,
      createdAt: now,
      statusAt: now,
      closedAt: null,
    })
    tx.fact({
      kind: 'task.created',
      actor: 'engineer',
      repoId: repo.id,
      taskId: task.id,
      body: { title: task.title },
      ...(dedupeKey ? { dedupeKey } : {}),
    })
    return task
  }

  #putRound(
    tx: Transaction,
    repo: Repository,
    task: Task,
    { slots, baseSha, lessons, root }: NewRound,
  ): { task: Task; attempts: Attempt[] } {
    const now = this.#deps.clock.now()
    const n = task.round + 1
    const moved = moveTask(tx, task.id, 'fire', now, { round: n, baseSha })
    const round = tx.put('rounds', {
      id: mintId('round', now),
      taskId: task.id,
      n,
      baseSha,
      slots: [...slots],
      prompt: roundPrompt(task, n, lessons),
      firedAt: now,
    })
    tx.fact({
      kind: 'round.fired',
      actor: 'engineer',
      repoId: repo.id,
      taskId: task.id,
      body: { round: n, baseSha, agents: slots.map((slot) => slot.agent) },
    })
    const attempts = slots.map((slot, i) =>
      tx.put('attempts', {
        id: mintId('att', now),
        taskId: task.id,
        repoId: repo.id,
        roundId: round.id,
        round: n,
        n: i + 1,
        agent: slot.agent,
        slot,
        status: 'pending',
        statusAt: now,
        statusSource: 'core',
        reason: null,
        step: null,
        endReason: null,
        attention: null,
        ...attemptNames({
          root,
          repoName: repo.name,
          repoId: repo.id,
          title: task.title,
          taskId: task.id,
          round: n,
          n: i + 1,
        }),
        baseSha,
        headSha: null,
        diffstat: null,
        terminalId: null,
        sessionRef: null,
        usage: null,
        verdict: null,
        trashRef: null,
        ignoredFiles: null,
        portBase: null,
        createdAt: now,
        startedAt: null,
        readyAt: null,
        endedAt: null,
      }),
    )
    return { task: moved, attempts }
  }
}
