import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Attempt } from '../../../../shared/domain/attempt.ts'
import type { LandRun } from '../../../../shared/domain/landing.ts'
import type { Repository } from '../../../../shared/domain/repository.ts'
import type { Task } from '../../../../shared/domain/task.ts'
import { systemClock } from '../../../kernel/clock.ts'
import { Scope } from '../../../kernel/disposable.ts'
import { mintId } from '../../../kernel/ids.ts'
import { silentLogger } from '../../../kernel/logger.ts'
import { Redactor } from '../../../kernel/redact.ts'
import type { SecretStore } from '../../../kernel/secret-store.ts'
import { Signals } from '../../attempts/signals.ts'
import { moveAttempt, moveTask } from '../../attempts/transitions.ts'
import { Ledger } from '../../db/ledger.ts'
import { openDatabase } from '../../db/open.ts'
import { isolatedEnv, put, sh } from '../../git/fixtures.ts'
import { createGit, type Git } from '../../git/git.ts'
import { childMarks, settleOrphans } from '../../orphans.ts'
import { WorkflowStore } from '../../repositories/workflow-store.ts'
import { VerifyGate } from '../../review/verify-gate.ts'
import { SettingsStore } from '../../settings.ts'
import { createLanding } from '../create-landing.ts'

// A real landing without the agents around it: real git, real SQLite, real checks, a real forge port. What the attempts
// service does (run an agent, commit, come back to `ready`) is played by `agent`, through the same transitions.

/** What the agent does in a fix round; works in the attempt's worktree and commits. */
export type Agent = (attempt: Attempt, message: string) => Promise<void> | void

export interface WorldOptions {
  /** Text of WORKFLOW.md; consented to. */
  workflow?: string
  files?: Record<string, string>
  agent?: Agent
  /** Replaces parts of git, to break it at a chosen moment. */
  wrapGit?: (git: Git) => Git
  env?: Record<string, string>
  /** The keychain of the host. */
  secrets?: SecretStore
  remoteUrl?: string
  forgeHosts?: Record<string, string>
  forge?: Repository['forge']
  dir?: string
  /** Goes on with what lies in `dir`. */
  again?: boolean
  /** Its children carry no mark, as where marks cannot be read: the next core does not find them. */
  unmarked?: boolean
  /** A process of its own: nobody closes it but its end. */
  outsideTests?: boolean
}

export type World = Awaited<ReturnType<typeof openWorld>>

export function worldDir(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'quartet landing ')))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  return dir
}

/** Opens the world of a folder: a repository, a database, a lane. `close` it and open it again to restart the core. */
export async function openWorld(options: WorldOptions) {
  const dir = options.dir ?? worldDir()
  const repo = join(dir, 'app')
  const root = join(dir, 'worktrees')
  if (!options.again) {
    mkdirSync(root)
    mkdirSync(repo)
    sh(repo, 'init', '-q', '-b', 'main')
    put(repo, options.files ?? { 'a.txt': 'one\n', 'b.txt': 'two\n' })
    if (options.workflow) put(repo, { 'WORKFLOW.md': options.workflow })
    sh(repo, 'add', '-A')
    sh(repo, 'commit', '-q', '-m', 'first')
  }
  const scope = new Scope(silentLogger)
  // A wall clock that a test can set; durations go on undisturbed, as in a laptop that slept.
  let skew = 0
  const clock = { now: () => systemClock.now() + skew, monotonic: systemClock.monotonic }
  const redactor = new Redactor()
  const ledger = new Ledger(await openDatabase(join(dir, 'quartet.db')), clock, redactor)
  // As the core does it: what a killed one left running is seen to first.
  const marks = options.unmarked ? { git: {}, commands: {} } : childMarks(dir)
  if (!options.unmarked) await settleOrphans(marks, { log: silentLogger, clock })
  const plain = createGit({ log: silentLogger, env: { ...isolatedEnv(dir), ...marks.git } })
  const git = options.wrapGit?.(plain) ?? plain
  const settings = new SettingsStore(ledger)
  if (options.forgeHosts) settings.save({ forgeHosts: options.forgeHosts })
  const commandEnvironment = async () => ({ PATH: process.env.PATH ?? '', HOME: dir, ...marks.commands })
  const workflows = new WorkflowStore({ ledger, clock, log: silentLogger, scope })
  const gate = new VerifyGate({
    ledger,
    signals: new Signals(),
    clock,
    redactor,
    logDir: join(dir, 'checks'),
    environment: commandEnvironment,
    parallel: 2,
  })
  const repository = options.again
    ? (ledger.select('repositories')[0] as Repository)
    : ledger.commit((tx) =>
        tx.put('repositories', {
          id: mintId('repo'),
          path: repo,
          name: 'app',
          baseBranch: 'main',
          remoteUrl: options.remoteUrl ?? null,
          forge: options.forge ?? 'local',
          trustedHash: null,
          problem: null,
          createdAt: clock.now(),
        }),
      )
  if (!options.again && options.workflow) {
    const { hash } = await workflows.read(repository)
    ledger.commit((tx) => tx.patch('repositories', repository.id, { trustedHash: hash }))
  }
  let agent = options.agent
  const fixes: string[] = []
  /** The attempts service in small: the same way of statuses, with `agent` as the process. */
  const continueAttempt = async (id: string, message: string): Promise<void> => {
    const now = () => ({ now: clock.now() })
    if (!agent) throw new Error('no agent in this test')
    fixes.push(message)
    ledger.commit((tx) => {
      moveAttempt(ledger, tx, id, 'start', {
        ...now(),
        change: { verdict: null, readyAt: null, attention: null },
      })
      moveAttempt(ledger, tx, id, 'run', now())
    })
    work(id, message)
  }
  const work = (id: string, message: string) => {
    const run = agent
    if (!run) throw new Error('no agent in this test')
    scope.run('the agent', async () => {
      const attempt = ledger.require('attempts', id)
      await run(attempt, message)
      if (scope.disposed) return
      const headSha = sh(attempt.worktree, 'rev-parse', 'HEAD')
      const now = { now: clock.now() }
      ledger.commit((tx) => {
        moveAttempt(ledger, tx, id, 'finish', { ...now, change: { headSha } })
        moveAttempt(ledger, tx, id, 'ready', { ...now, change: { readyAt: clock.now() } })
      })
    })
  }
  const retire = {
    stopAgent: async () => {},
    keepAndRemove: async (id: string) => {
      const attempt = ledger.require('attempts', id)
      if (!attempt.trashRef) {
        const ref = await git.keepCommit({
          repo,
          attemptId: id,
          kind: 'landed',
          sha: attempt.headSha ?? attempt.baseSha,
        })
        ledger.commit((tx) => tx.patch('attempts', id, { trashRef: ref }))
      }
      await git.removeWorktree({ root, repo, path: attempt.worktree, attemptId: id })
      const expectedSha = await git.resolveRef(repo, `refs/heads/${attempt.branch}`)
      if (expectedSha) await git.deleteBranch({ repo, branch: attempt.branch, expectedSha })
    },
  }
  const landing = createLanding({
    ledger,
    git,
    gate,
    workflows,
    retire,
    settings,
    continueAttempt,
    env: { QUARTET_LANDING_PACE: '0.01', ...options.env },
    commandEnvironment,
    secrets: options.secrets,
    redactor,
    clock,
    log: silentLogger,
    scope,
    userAgent: 'quartet-test',
  })

  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    scope.dispose()
    await scope.settled()
    plain.dispose()
    ledger.close()
  }
  if (!options.outsideTests) onTestFinished(close)

  /** A task with one attempt that is ready: its worktree holds `files`, committed. */
  const ready = async (title: string, files: Record<string, string>): Promise<Attempt> => {
    const baseSha = sh(repo, 'rev-parse', 'main')
    const now = clock.now()
    const taskId = mintId('task', now)
    const attemptId = mintId('att', now)
    const roundId = mintId('round', now)
    const branch = `quartet/${taskId}/r1a1`
    const path = join(root, attemptId)
    await git.addWorktree({ repo, path, branch, baseSha, attemptId })
    await git.checkoutWorktree({ repo, path })
    put(path, files)
    sh(path, 'add', '-A')
    sh(path, 'commit', '-q', '--allow-empty', '-m', `${title}: the agent's commit`)
    const headSha = sh(path, 'rev-parse', 'HEAD')
    const slot = { agent: 'shell', command: 'true', scenario: null, model: null, hint: null }
    return ledger.commit((tx) => {
      tx.put('tasks', {
        id: taskId,
        repoId: repository.id,
        title,
        brief: `${title}\n\nPlease.`,
        status: 'deciding',
        reason: null,
        round: 1,
        baseBranch: 'main',
        baseSha,
        winnerAttemptId: null,
        landedSha: null,
        createdAt: now,
        statusAt: now,
        closedAt: null,
      } satisfies Omit<Task, 'rev'>)
      tx.put('rounds', { id: roundId, taskId, n: 1, baseSha, slots: [slot], prompt: title, firedAt: now })
      return tx.put('attempts', {
        id: attemptId,
        taskId,
        repoId: repository.id,
        roundId,
        round: 1,
        n: 1,
        agent: 'shell',
        slot,
        status: 'ready',
        statusAt: now,
        statusSource: 'core',
        reason: null,
        step: null,
        endReason: 'exited',
        attention: null,
        worktree: path,
        branch,
        baseSha,
        headSha,
        diffstat: null,
        terminalId: null,
        sessionRef: null,
        usage: null,
        verdict: null,
        trashRef: null,
        ignoredFiles: null,
        portBase: null,
        createdAt: now,
        startedAt: now,
        readyAt: now,
        endedAt: null,
      } satisfies Omit<Attempt, 'rev'>)
    })
  }

  /** The engineer's verdict, its undo window over. */
  const approve = (attemptId: string, options: { allowFixes?: boolean } = {}): LandRun => {
    const approved = ledger.commit((tx) => {
      const attempt = tx.require('attempts', attemptId)
      const at = clock.now()
      moveTask(tx, attempt.taskId, 'approve', at, { winnerAttemptId: attemptId })
      return moveAttempt(ledger, tx, attemptId, 'approve', {
        now: at,
        change: {
          verdict: {
            kind: 'mergeable',
            headSha: attempt.headSha,
            reasons: [],
            note: '',
            at,
            undoUntil: at,
            from: 'ready',
            ...options,
          },
        },
      })
    })
    return landing.lane.enqueue(approved)
  }

  const runOf = (taskId: string) =>
    ledger.select('landRuns', 'taskId = ? ORDER BY startedAt DESC', taskId)[0] as LandRun

  return {
    dir,
    repo,
    root,
    ledger,
    git,
    ...landing,
    repository: () => ledger.require('repositories', repository.id),
    ready,
    approve,
    /** A ready attempt, approved at once. */
    land: async (title: string, files: Record<string, string>, more: { allowFixes?: boolean } = {}) => {
      const attempt = await ready(title, files)
      approve(attempt.id, more)
      return attempt
    },
    runOf,
    /** Agents outlive the core: those that were at work when it ended still are. */
    carryOn: () => {
      for (const fact of ledger.select('attempts', "status = 'running'")) {
        const told = ledger
          .facts({ attemptId: fact.id, limit: 1_000 })
          .find((each) => each.kind === 'land.fix')
        const threads = told?.body.threads
        const review = Array.isArray(threads) && threads.length > 0
        work(fact.id, review ? '## Review comments' : '## Red checks')
      }
    },
    skip: (ms: number) => {
      skew += ms
    },
    fixes,
    setAgent: (next: Agent) => {
      agent = next
    },
    /** Resolves when `condition` gives a truthy value, looked at after each commit. */
    until: <T>(condition: () => T | undefined | null | false, ms = 100_000): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        const look = () => {
          let value: T | undefined | null | false
          try {
            value = condition()
          } catch (error) {
            finish()
            reject(error)
            return
          }
          if (value) {
            finish()
            resolve(value)
          }
        }
        const timer = setTimeout(() => {
          finish()
          const state = ledger
            .select('landRuns')
            .map((run) => `${run.phase} ${run.status} ${run.reason ?? ''}`)
            .join('; ')
          reject(new Error(`waited ${ms} ms in vain; landings: ${state}`))
        }, ms)
        const listener = ledger.committed.on(() => queueMicrotask(look))
        const finish = () => {
          clearTimeout(timer)
          listener.dispose()
        }
        look()
      }),
    phases: (taskId: string) =>
      ledger
        .facts({ taskId, limit: 1_000 })
        .reverse()
        .filter((fact) => fact.kind === 'land.phase' && fact.body.phase)
        .map((fact) => String(fact.body.phase)),
    close,
  }
}

/** The agent's commit of some files. */
export function commits(
  attempt: Pick<Attempt, 'worktree'>,
  files: Record<string, string>,
  message = 'fix',
): void {
  put(attempt.worktree, files)
  sh(attempt.worktree, 'add', '-A')
  sh(attempt.worktree, 'commit', '-q', '--allow-empty', '-m', message)
}

export const log = (repo: string, ref = 'main') =>
  sh(repo, 'log', '--first-parent', '--format=%s', ref).split('\n')
