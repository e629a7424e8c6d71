import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import type { Task } from '../../../shared/domain/task.ts'
import { systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/logger.ts'
import type { AgentDriver } from '../agents/driver.ts'
import { shellDriver } from '../agents/drivers/shell.ts'
import { readJsonAnswer } from '../agents/headless-answer.ts'
import { type AgentRegistry, createAgentRegistry } from '../agents/registry.ts'
import { AttemptFinisher } from '../attempts/attempt-finisher.ts'
import { Conversation } from '../attempts/conversation.ts'
import { DiffWatch } from '../attempts/diff-watch.ts'
import { Signals } from '../attempts/signals.ts'
import { attempt as addWorktree, agentCommits, fixture, sh } from '../git/fixtures.ts'
import { WorkflowHooks } from '../repositories/workflow-hooks.ts'
import { WorkflowStore } from '../repositories/workflow-store.ts'
import { createReviewing } from '../review/create-reviewing.ts'
import { VerifyGate } from '../review/verify-gate.ts'
import { SettingsStore } from '../settings.ts'
import { eventually, openLedger, putAttempt, putRepository, putTask } from './ledger-fixture.ts'

const resources = resolve(import.meta.dirname, '../../../../resources')

/** An agent whose headless answer is what a shell command prints; the prompt comes on its standard input. */
export function scriptedDriver(name: string, script: string): AgentDriver {
  return {
    ...shellDriver,
    name,
    label: name,
    needsCommand: false,
    detect: async () => ({
      name,
      label: name,
      installed: true,
      path: '/bin/bash',
      version: '1',
      problem: null,
      scenarios: [],
      needsCommand: false,
    }),
    headless: async (request) => ({
      file: 'bash',
      args: ['-c', script],
      env: { ...request.env, RUN_DIR: request.runDir },
      input: request.prompt,
      read: async (run) => ({ value: readJsonAnswer(name, run), usage: null }),
    }),
  }
}

/** The shipped agents and `extra` ones. */
export function registryWith(extra: readonly AgentDriver[]): AgentRegistry {
  const shipped = createAgentRegistry({
    nodePath: process.execPath,
    resourcesDir: resources,
    rehearsalPace: '0',
    clock: systemClock,
  })
  return {
    all: () => [...shipped.all(), ...extra],
    driver: (name) => extra.find((driver) => driver.name === name) ?? shipped.driver(name),
    setCustom: (agents) => shipped.setCustom(agents),
    detectAll: async (env) => [
      ...(await shipped.detectAll(env)),
      ...(await Promise.all(extra.map((driver) => driver.detect(env, AbortSignal.timeout(1_000))))),
    ],
  }
}

export interface WorldOptions {
  /** WORKFLOW.md of the repository. */
  workflow?: string
  files?: Record<string, string | Buffer>
  drivers?: readonly AgentDriver[]
  /** Plays the author that is sent findings; false when it cannot be reached. */
  author?: (attempt: Attempt, text: string) => Promise<boolean>
  transcript?: string
  /** Takes what is typed into an agent that is open (one whose driver ends by a signal); without it none is. */
  typed?: (attempt: Attempt, text: string) => Promise<boolean>
}

/** Everything that judges attempts, on a real repository, a real database and real processes; only terminals are missing. */
export async function reviewWorld(options: WorldOptions = {}) {
  const git = fixture({}, { 'src/app.js': 'export const one = 1\n', ...options.files })
  if (options.workflow) writeFileSync(join(git.repo, 'WORKFLOW.md'), options.workflow)
  const { dir, ledger, scope, redactor } = await openLedger()
  const settings = new SettingsStore(ledger)
  const signals = new Signals()
  const log = silentLogger
  const clock = systemClock
  const env = { PATH: process.env.PATH ?? '', HOME: git.dir, OUT: dir }
  const environment = async () => env
  const workflows = new WorkflowStore({ ledger, clock, log, scope })
  const repository = putRepository(ledger, git.repo)
  const workflow = await workflows.read(repository)
  ledger.commit((tx) => tx.patch('repositories', repository.id, { trustedHash: workflow.hash }))
  const agents = registryWith(options.drivers ?? [])
  const drafts: { title: string; brief: string }[] = []
  const runDir = join(dir, 'run')
  mkdirSync(runDir)
  const transcript = Buffer.from(options.transcript ?? '')
  const reviewing = createReviewing({
    ledger,
    git: git.git,
    agents,
    terminals: {
      readLog: async (_id, from, max) => ({
        offset: from,
        bytes: transcript.subarray(from, from + max),
        end: transcript.length,
      }),
    },
    settings,
    workflows,
    environment,
    clock,
    log,
    redactor,
    scope,
    root: dir,
    runDir,
    tellAuthor: options.author ?? (async () => false),
    createDraft: (input) => {
      drafts.push(input)
      return { ...ledger.require('tasks', 'task_1'), id: `draft_${drafts.length}`, ...input } satisfies Task
    },
  })
  const hooks = new WorkflowHooks({ git: git.git, workflows, log, environment })
  const diffs = new DiffWatch({ ledger, git: git.git, clock, scope })
  const gate = new VerifyGate({
    ledger,
    signals,
    clock,
    redactor,
    logDir: join(dir, 'checks'),
    environment,
    parallel: 2,
  })
  const unreachable = async (): Promise<never> => {
    throw new Error('there is no terminal in this world')
  }
  const finisher = new AttemptFinisher({
    ledger,
    git: git.git,
    gate,
    evidence: reviewing.evidence,
    reviews: reviewing.round,
    workflows,
    workflowHooks: hooks,
    conversation: new Conversation({
      ledger,
      agents,
      terminals: { get: () => (options.typed ? ({ state: 'live' } as never) : null) } as never,
      environment,
      log,
      send: options.typed ?? unreachable,
      resume: unreachable,
      runDir: () => runDir,
    }),
    diffs,
    clock,
    log,
    scope,
  })
  const { task, round } = putTask(ledger, repository.id, { baseSha: git.base })

  /** An attempt whose agent has ended, with these files committed; null commits nothing. */
  const attempt = async (n: number, files: Record<string, string> | null, change: Partial<Attempt> = {}) => {
    const worktree = await addWorktree(git, `a${n}`)
    const headSha = files ? agentCommits(worktree, files) : git.base
    return putAttempt(ledger, round, repository.id, {
      n,
      worktree,
      headSha,
      branch: `quartet/a${n}`,
      ...change,
    })
  }
  const ready = (id: string) =>
    eventually(() => {
      const now = ledger.require('attempts', id)
      return now.status === 'ready' || now.status === 'failed' ? now : null
    }, 'the attempt to be ready')
  return {
    ...git,
    data: dir,
    ledger,
    scope,
    settings,
    signals,
    workflows,
    repository,
    task,
    round,
    agents,
    drafts,
    reviewing,
    finisher,
    gate,
    attempt,
    ready,
    sh,
  }
}
