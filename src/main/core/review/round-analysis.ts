import { z } from 'zod'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { Lesson, Task } from '../../../shared/domain/task.ts'
import { stripEscapes } from '../../../shared/terminal/plain-text.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'
import { worktreeRootOf } from '../attempts/attempt-names.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { SettingsStore } from '../settings.ts'
import { analysisPrompt, type SiblingMaterial } from './analysis-prompt.ts'
import { headOf } from './attempt-head.ts'
import type { HeadlessAgents } from './headless-agents.ts'
import type { HeadlessRunner, JsonSchema } from './headless-run.ts'
import type { ScratchCheckout } from './scratch-checkout.ts'

export interface RoundAnalysisDeps {
  ledger: Ledger
  git: Git
  terminals: Pick<TerminalRegistry, 'readLog'>
  settings: SettingsStore
  workflows: WorkflowStore
  agents: HeadlessAgents
  runner: HeadlessRunner
  scratch: ScratchCheckout
  log: Logger
  redactor: Redactor
  scope: Scope
}

const TIMEOUT_MS = 300_000
/** Of all diffs together: eight attempts must fit into one prompt. */
const MAX_PATCHES_BYTES = 240 * 1024
const TRANSCRIPT_BYTES = 64 * 1024
const TRANSCRIPT_CHARS = 6_000
const MAX_TEXT_CHARS = 8_000

const SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    wentWrong: { type: 'string' },
    doDifferently: { type: 'string' },
    doNotRepeat: { type: 'string' },
    openQuestion: { type: ['string', 'null'] },
  },
  required: ['wentWrong', 'doDifferently', 'doNotRepeat', 'openQuestion'],
  additionalProperties: false,
}
const Answer = z.object({
  wentWrong: z.string(),
  doDifferently: z.string(),
  doNotRepeat: z.string(),
  openQuestion: z.string().nullable(),
})

/**
 * Lets an agent look at all attempts of a trashed round together. Until it has answered, and if it does not, the lesson
 * holds what the facts alone teach and says that it does.
 */
export class RoundAnalysis {
  readonly #deps: RoundAnalysisDeps
  /** By task: a task has one round in rework at a time. */
  readonly #running = new Map<string, { abort: AbortController; again: number | null }>()

  constructor(deps: RoundAnalysisDeps) {
    this.#deps = deps
  }

  /** Goes on with what was under way when the core ended. */
  begin(): void {
    for (const lesson of this.#deps.ledger.select('lessons', "state = 'analysing'"))
      this.start(lesson.taskId, lesson.round)
  }

  /** Analyses the round in the background; its lesson is there already, from the facts. */
  start(taskId: string, round: number): void {
    const running = this.#running.get(taskId)
    if (running) {
      // One that was stopped (a verdict was undone and given again) may still be on its way out.
      running.again = round
      return
    }
    const run: { abort: AbortController; again: number | null } = {
      abort: new AbortController(),
      again: null,
    }
    this.#running.set(taskId, run)
    this.#deps.scope.run(`analysis of ${taskId}`, async () => {
      try {
        await this.#analyse(taskId, round, AbortSignal.any([run.abort.signal, this.#deps.scope.signal]))
      } finally {
        this.#running.delete(taskId)
        if (run.again !== null) this.start(taskId, run.again)
      }
    })
  }

  /** Ends it: the engineer goes on without, or took the verdict back. */
  stop(taskId: string): void {
    const running = this.#running.get(taskId)
    running?.abort.abort()
    if (running) running.again = null
    for (const lesson of this.#deps.ledger.select('lessons', "taskId = ? AND state = 'analysing'", taskId))
      this.#settle(lesson, null, 'it was stopped')
  }

  async #analyse(taskId: string, round: number, signal: AbortSignal): Promise<void> {
    const { ledger, agents, settings, workflows, runner, scratch, redactor } = this.#deps
    const task = ledger.require('tasks', taskId)
    const repository = ledger.require('repositories', task.repoId)
    const lesson = ledger.select('lessons', 'taskId = ? AND round = ?', taskId, round)[0]
    const siblings = ledger.select('attempts', 'taskId = ? AND round = ? ORDER BY n', taskId, round)
    const first = siblings[0]
    if (lesson?.state !== 'analysing' || !first) return
    const { reviewAgent, defaultAgents } = settings.value
    const workflow = await workflows.read(repository)
    const driver = await agents.first([
      reviewAgent,
      ...(workflow.attempts.agents ?? []),
      ...defaultAgents,
      // Who worked on the round can also look back on it.
      ...siblings.map((attempt) => attempt.agent),
    ])
    if (!driver) return this.#settle(lesson, null, 'no agent that can look back is named or installed')
    try {
      const material = await Promise.all(
        siblings.map((attempt) => this.#materialOf(attempt, repository.path, siblings.length, signal)),
      )
      const prompt = analysisPrompt(task, this.#before(task, round), material)
      const at = { repo: repository.path, root: worktreeRootOf(first.worktree), sha: first.baseSha }
      const answer = await scratch.use(at, signal, (cwd) =>
        runner.run({
          driver,
          prompt: redactor.text(prompt),
          schema: SCHEMA,
          parse: (value) => Answer.parse(value),
          cwd,
          model: null,
          scenario: null,
          timeoutMs: TIMEOUT_MS,
          signal,
        }),
      )
      this.#settle(lesson, { source: driver.name, answer: answer.value }, null)
    } catch (error) {
      // The core ends: the next start takes it up again.
      if (this.#deps.scope.disposed) return
      if (!isFailure(error)) this.#deps.log.error('analysis failed', { taskId, error })
      this.#settle(lesson, null, messageOf(error))
    }
  }

  #before(task: Task, round: number): Lesson[] {
    return this.#deps.ledger.select('lessons', 'taskId = ? AND round < ? ORDER BY round', task.id, round)
  }

  /** Writes the outcome, unless the lesson is gone (the verdict was undone) or somebody wrote it meanwhile. */
  #settle(
    lesson: Lesson,
    result: { source: string; answer: z.infer<typeof Answer> } | null,
    problem: string | null,
  ): void {
    const { ledger, redactor } = this.#deps
    const clean = (text: string) => redactor.text(text).trim().slice(0, MAX_TEXT_CHARS)
    ledger.commit((tx) => {
      const now = tx.get('lessons', lesson.id)
      if (now?.state !== 'analysing') return
      const task = tx.require('tasks', now.taskId)
      tx.patch('lessons', now.id, {
        state: 'done',
        ...(result
          ? {
              source: result.source,
              wentWrong: clean(result.answer.wentWrong),
              doDifferently: clean(result.answer.doDifferently),
              doNotRepeat: clean(result.answer.doNotRepeat),
              // What the facts ask is asked still: an agent that saw no question does not answer it.
              openQuestion: clean(result.answer.openQuestion ?? '') || now.openQuestion,
              facts: [now.wentWrong, now.doNotRepeat].filter(Boolean).join('\n'),
            }
          : {}),
      })
      tx.fact({
        kind: 'lesson.written',
        actor: result ? 'agent' : 'core',
        repoId: task.repoId,
        taskId: now.taskId,
        body: { round: now.round, source: result?.source ?? 'facts', problem },
      })
    })
  }

  async #materialOf(
    attempt: Attempt,
    repo: string,
    count: number,
    signal: AbortSignal,
  ): Promise<SiblingMaterial> {
    const { ledger, git } = this.#deps
    const to = await headOf(git, repo, attempt)
    const patch =
      to === attempt.baseSha
        ? { patch: '', truncated: false }
        : await git
            .diffPatch({
              repo,
              from: attempt.baseSha,
              to,
              maxBytes: Math.floor(MAX_PATCHES_BYTES / count),
              signal,
            })
            .catch(() => null)
    return {
      attempt,
      checks: ledger.select('checks', 'attemptId = ?', attempt.id),
      findings: ledger.select('findings', 'attemptId = ?', attempt.id),
      patch,
      transcript: await this.#transcriptOf(attempt),
    }
  }

  /** The end of what its terminal showed, as text; null when it cannot be read. */
  async #transcriptOf(attempt: Attempt): Promise<string | null> {
    if (!attempt.terminalId) return null
    const { terminals } = this.#deps
    try {
      const { end } = await terminals.readLog(attempt.terminalId, 0, 1)
      const slice = await terminals.readLog(
        attempt.terminalId,
        Math.max(0, end - TRANSCRIPT_BYTES),
        TRANSCRIPT_BYTES,
      )
      return stripEscapes(slice.bytes).trim().slice(-TRANSCRIPT_CHARS)
    } catch (error) {
      this.#deps.log.warn('transcript cannot be read for the analysis', { attemptId: attempt.id, error })
      return null
    }
  }
}
