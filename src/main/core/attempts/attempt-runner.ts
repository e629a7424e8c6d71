import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Attempt, PrepareStep } from '../../../shared/domain/attempt.ts'
import { Failure, isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { AgentEnvironment } from '../agents/agent-environment.ts'
import type { HookListener } from '../agents/hook-listener.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { TelemetryReceiver } from '../agents/telemetry/receiver.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'
import { WORKFLOW_FILE } from '../repositories/workflow.ts'
import type { WorkflowHooks } from '../repositories/workflow-hooks.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import { withMessage } from '../tasks/prompt.ts'
import { renderPrompt } from '../tasks/prompt-template.ts'
import type { PortBlocks } from './port-blocks.ts'
import type { Signals } from './signals.ts'
import { moveAttempt } from './transitions.ts'

export interface AttemptRunnerDeps {
  ledger: Ledger
  git: Git
  agents: AgentRegistry
  environment: AgentEnvironment
  hooks: HookListener
  /** Argv of the hook program. */
  hookCommand: readonly string[]
  telemetry: TelemetryReceiver
  terminals: TerminalRegistry
  workflows: WorkflowStore
  workflowHooks: WorkflowHooks
  signals: Signals
  ports: PortBlocks
  clock: Clock
  log: Logger
  /** `<dataDir>/run`: one private folder per attempt. */
  runRoot: string
  /** `<dataDir>/terminals`. */
  terminalLogDir: string
}

/** For an agent whose process died in the middle of its work. */
const GO_ON = 'You were interrupted. Go on where you left off.'
const AFRESH = 'Started afresh in the same worktree: the old conversation cannot be continued.'

/** A terminal's size until its first viewer says better. */
const FIRST_COLS = 120
const FIRST_ROWS = 32

/** Takes one attempt from `pending` to a running agent. Every step can be repeated after a crash. */
export class AttemptRunner {
  readonly #deps: AttemptRunnerDeps

  constructor(deps: AttemptRunnerDeps) {
    this.#deps = deps
  }

  /**
   * Prepares and starts the attempt; a failure ends it as `failed`, with the reason on its card. While the workflow file
   * is broken a pending attempt stays pending.
   */
  async start(id: string, signal: AbortSignal): Promise<void> {
    const { ledger, clock, workflows } = this.#deps
    const waiting = ledger.require('attempts', id)
    // Read anew: the watch may have missed a change.
    await workflows.read(ledger.require('repositories', waiting.repoId))
    if (waiting.status === 'pending' && workflows.problemOf(waiting.repoId)) return
    if (signal.aborted) return
    const attempt = ledger.commit((tx) => {
      const now = clock.now()
      const before = tx.require('attempts', id)
      // Entered again after a crash in the middle: the steps look at what is there.
      return before.status === 'pending'
        ? moveAttempt(ledger, tx, id, 'prepare', { now, change: { startedAt: now, step: 'worktree' } })
        : before
    })
    try {
      await this.#prepare(attempt, signal)
      // Given up meanwhile: no terminal is opened that nobody would end.
      if (signal.aborted) return
      await this.#launch(attempt, await this.#prompt(attempt, null), null, null)
    } catch (error) {
      if (signal.aborted) return
      if (!isFailure(error)) this.#deps.log.error('attempt could not be started', { attemptId: id, error })
      this.#failed(id, error)
    }
  }

  #failed(id: string, error: unknown): void {
    const { ledger, clock } = this.#deps
    ledger.commit((tx) => {
      const now = clock.now()
      const reason = messageOf(error)
      moveAttempt(ledger, tx, id, 'fail', {
        now,
        reason,
        change: {
          endReason: isFailure(error, 'agent_missing') ? 'agent_missing' : 'prepare_failed',
          endedAt: now,
          attention: { kind: 'crash', since: now, detail: reason },
        },
      })
    })
  }

  /**
   * Starts the agent again in the worktree that is there: the same conversation where its driver can, else from the prompt.
   * Without a message an agent that was cut off is told to go on, and one that was through waits for the next message.
   */
  async resume(id: string, message: string | null, by: 'engineer' | 'core'): Promise<Attempt> {
    const { ledger, git, agents, environment } = this.#deps
    const attempt = ledger.require('attempts', id)
    const repository = ledger.require('repositories', attempt.repoId)
    await git.verifyWorktree({ repo: repository.path, path: attempt.worktree })
    const driver = agents.driver(attempt.agent)
    const { env } = await environment.get()
    const cutOff = attempt.status === 'failed' || attempt.status === 'lost' || attempt.status === 'cancelled'
    const next = message ?? (cutOff ? GO_ON : null)
    const resume = attempt.sessionRef ? { sessionRef: attempt.sessionRef, message: next } : null
    const same =
      resume !== null &&
      (await driver.canResume({ worktree: attempt.worktree, env, resume, runDir: this.runDir(id) }))
    // Before anything changes: a broken template must not cost the attempt its status.
    const prompt = await this.#prompt(attempt, same ? null : message)
    ledger.commit((tx) =>
      moveAttempt(ledger, tx, id, 'start', {
        now: this.#deps.clock.now(),
        actor: by,
        reason: same ? 'The conversation goes on.' : AFRESH,
        change: { attention: null, endReason: null, endedAt: null, verdict: null, readyAt: null },
      }),
    )
    try {
      await this.#launch(ledger.require('attempts', id), prompt, same ? resume : null, same ? null : AFRESH)
    } catch (error) {
      this.#failed(id, error)
      throw error
    }
    if (same && next === null && driver.endsBy === 'signal') this.#waits(id)
    return ledger.require('attempts', id)
  }

  /** Its interface is open, but nobody told it anything. */
  #waits(id: string): void {
    const { ledger, clock } = this.#deps
    ledger.commit((tx) => {
      if (tx.require('attempts', id).status !== 'running') return
      const detail = 'It remembers the conversation and waits for your next message.'
      moveAttempt(ledger, tx, id, 'ask', {
        now: clock.now(),
        change: { attention: { kind: 'question', since: clock.now(), detail } },
      })
    })
  }

  runDir(id: string): string {
    return join(this.#deps.runRoot, id)
  }

  async #prepare(attempt: Attempt, signal: AbortSignal): Promise<void> {
    const { ledger, git, signals, workflowHooks } = this.#deps
    const repository = ledger.require('repositories', attempt.repoId)
    const place = { repo: repository.path, path: attempt.worktree }
    await git.addWorktree({
      ...place,
      branch: attempt.branch,
      baseSha: attempt.baseSha,
      attemptId: attempt.id,
      signal,
    })
    this.#step(attempt, 'checkout')
    await git.checkoutWorktree({
      ...place,
      signal,
      onProgress: (percent) => signals.set(attempt.id, { progress: percent / 100 }),
    })
    await git.fetchSubmodules({ ...place, headSha: attempt.baseSha, signal })
    this.#step(attempt, 'files')
    await workflowHooks.copyFiles(repository, attempt.worktree)
    this.#step(attempt, 'hook')
    await workflowHooks.run(repository, 'after_create', attempt, signal)
    await workflowHooks.run(repository, 'before_run', attempt, signal)
    this.#step(attempt, 'agent')
  }

  /** The slot's prompt from the workflow file's template; `message` is for an agent that starts without its old conversation. */
  async #prompt(attempt: Attempt, message: string | null): Promise<string> {
    const { ledger, workflows } = this.#deps
    const repository = ledger.require('repositories', attempt.repoId)
    const workflow = await workflows.read(repository)
    const runs = (attempt.terminalId && ledger.get('terminals', attempt.terminalId)?.epoch) || 0
    const prompt = renderPrompt(
      { template: workflow.template, file: WORKFLOW_FILE, line: workflow.templateLine },
      {
        task: ledger.require('tasks', attempt.taskId),
        round: ledger.require('rounds', attempt.roundId),
        attempt,
        retry: runs === 0 ? null : runs,
        lessons: ledger.select(
          'lessons',
          'taskId = ? AND round < ? ORDER BY round',
          attempt.taskId,
          attempt.round,
        ),
      },
    )
    return withMessage(prompt, message)
  }

  async #launch(
    attempt: Attempt,
    prompt: string,
    resume: { sessionRef: string; message: string | null } | null,
    /** What stays on the card while it runs. */
    reason: string | null,
  ): Promise<void> {
    const { ledger, clock, agents, environment, hooks, terminals } = this.#deps
    const driver = agents.driver(attempt.agent)
    const runDir = this.runDir(attempt.id)
    await mkdir(runDir, { recursive: true, mode: 0o700 })
    const promptFile = join(runDir, 'prompt.md')
    await writeFile(promptFile, prompt, { mode: 0o600 })
    const door = await hooks.open(attempt.id, runDir)
    const { env } = await environment.get()
    const plan = await driver.plan({
      attemptId: attempt.id,
      taskId: attempt.taskId,
      round: attempt.round,
      n: attempt.n,
      slot: attempt.slot,
      worktree: attempt.worktree,
      branch: attempt.branch,
      baseSha: attempt.baseSha,
      prompt,
      promptFile,
      runDir,
      hook: { file: door.file, command: this.#deps.hookCommand },
      env,
      resume,
      ports: await this.#deps.ports.reserve(attempt.id),
      telemetry: this.#deps.telemetry.accessFor(attempt.id),
    })
    const old = attempt.terminalId ? ledger.get('terminals', attempt.terminalId) : undefined
    const id = old?.id ?? mintId('term', clock.now())
    const epoch = (old?.epoch ?? 0) + 1
    const logPath = join(this.#deps.terminalLogDir, `${id}-${epoch}.log`)
    // The row comes first: should we die before the next line is written, boot finds the process by this id.
    ledger.commit((tx) => {
      tx.put('terminals', {
        id,
        attemptId: attempt.id,
        epoch,
        state: 'live',
        pid: null,
        pidStartedAt: null,
        exitCode: null,
        killRequestedAt: null,
        logPath,
        createdAt: clock.now(),
      })
      tx.patch('attempts', attempt.id, {
        terminalId: id,
        sessionRef: plan.sessionRef ?? (resume ? attempt.sessionRef : null),
      })
      if (tx.require('attempts', attempt.id).status === 'preparing')
        moveAttempt(ledger, tx, attempt.id, 'start', { now: clock.now() })
    })
    try {
      const terminal = await terminals.open({
        id,
        epoch,
        file: plan.file,
        args: plan.args,
        cwd: attempt.worktree,
        env: plan.env,
        cols: FIRST_COLS,
        rows: FIRST_ROWS,
        logPath,
      })
      ledger.commit((tx) => {
        tx.patch('terminals', id, { pid: terminal.pid, pidStartedAt: terminal.pidStartedAt })
        tx.fact({
          kind: 'terminal.opened',
          repoId: attempt.repoId,
          taskId: attempt.taskId,
          attemptId: attempt.id,
          body: { agent: attempt.agent, pid: terminal.pid, resumed: resume !== null },
        })
        // An agent that exits at once may be through before we get here: its exit is handled by the supervisor.
        if (tx.require('attempts', attempt.id).status === 'starting')
          moveAttempt(ledger, tx, attempt.id, 'run', { now: clock.now(), source: 'process', reason })
      })
    } catch (error) {
      ledger.commit((tx) => tx.patch('terminals', id, { state: 'exited' }))
      if (isFailure(error)) throw error
      throw new Failure(
        'pty_failed',
        `The terminal could not be opened: ${messageOf(error)}`,
        {},
        { cause: error },
      )
    }
  }

  #step(attempt: Attempt, step: PrepareStep): void {
    this.#deps.signals.set(attempt.id, { progress: 0 })
    this.#deps.ledger.commit((tx) => {
      tx.patch('attempts', attempt.id, { step })
      tx.fact({
        kind: 'attempt.step',
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        body: { step },
      })
    })
  }
}
