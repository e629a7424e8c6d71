import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import type { Round, Task } from '../../../shared/domain/task.ts'
import type { Clock } from '../../kernel/clock.ts'
import { systemClock } from '../../kernel/clock.ts'
import { Scope } from '../../kernel/disposable.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { Redactor } from '../../kernel/redact.ts'
import { Ledger } from '../db/ledger.ts'
import { openDatabase } from '../db/open.ts'

/** A real ledger on a real database that goes with the test, and a scope for what runs beside it. */
export async function openLedger(clock: Clock = systemClock): Promise<{
  dir: string
  ledger: Ledger
  scope: Scope
  redactor: Redactor
}> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'quartet ledger ü-')))
  const redactor = new Redactor()
  const ledger = new Ledger(await openDatabase(join(dir, 'quartet.db')), clock, redactor)
  const scope = new Scope(silentLogger)
  onTestFinished(async () => {
    scope.dispose()
    await scope.settled()
    ledger.close()
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  })
  return { dir, ledger, scope, redactor }
}

/** Waits until what `pick` gives is truthy, and gives it. */
export async function eventually<T>(
  pick: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  what: string,
  ms = 30_000,
): Promise<T> {
  const deadline = performance.now() + ms
  for (;;) {
    const found = await pick()
    if (found) return found
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export function putRepository(ledger: Ledger, path: string, change: Partial<Repository> = {}): Repository {
  return ledger.commit((tx) =>
    tx.put('repositories', {
      id: 'repo_1',
      path,
      name: 'repo',
      baseBranch: 'main',
      remoteUrl: null,
      forge: 'local',
      trustedHash: null,
      problem: null,
      createdAt: 1,
      ...change,
    }),
  )
}

export function putTask(
  ledger: Ledger,
  repoId: string,
  change: Partial<Task> & { baseSha: string },
): { task: Task; round: Round } {
  return ledger.commit((tx) => {
    const task = tx.put('tasks', {
      id: 'task_1',
      repoId,
      title: 'Add a greeting',
      brief: 'Add a greeting.\n\nIt says hello.',
      status: 'working',
      reason: null,
      round: 1,
      baseBranch: 'main',
      winnerAttemptId: null,
      landedSha: null,
      createdAt: 1,
      statusAt: 1,
      closedAt: null,
      ...change,
    })
    const round = tx.put('rounds', {
      id: `round_${task.id}_${task.round}`,
      taskId: task.id,
      n: task.round,
      baseSha: change.baseSha,
      slots: [],
      prompt: task.brief,
      firedAt: 1,
    })
    return { task, round }
  })
}

export function putAttempt(
  ledger: Ledger,
  round: Round,
  repoId: string,
  change: Partial<Attempt> & { worktree: string },
): Attempt {
  const n = change.n ?? 1
  return ledger.commit((tx) =>
    tx.put('attempts', {
      id: `att_${round.taskId}_${n}`,
      taskId: round.taskId,
      repoId,
      roundId: round.id,
      round: round.n,
      n,
      agent: 'shell',
      slot: { agent: 'shell', command: null, scenario: null, model: null, hint: null },
      status: 'finished',
      statusAt: 1,
      statusSource: 'core',
      reason: null,
      step: null,
      endReason: null,
      attention: null,
      branch: `quartet/${round.taskId}-${n}`,
      baseSha: round.baseSha,
      headSha: null,
      diffstat: null,
      terminalId: null,
      sessionRef: null,
      usage: null,
      verdict: null,
      trashRef: null,
      ignoredFiles: null,
      portBase: null,
      createdAt: 1,
      startedAt: 1,
      readyAt: null,
      endedAt: null,
      ...change,
    }),
  )
}
