import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { Failure, isFailure } from '../../../shared/domain/failure.ts'
import { canAttempt } from '../../../shared/machines/attempt-machine.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import type { WorktreeAt } from '../git/place.ts'
import { isLoose } from '../git/status.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'
import type { WorkflowHooks } from '../repositories/workflow-hooks.ts'
import type { AttemptFinisher } from './attempt-finisher.ts'
import { worktreeRootOf } from './attempt-names.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { PortBlocks } from './port-blocks.ts'
import { moveAttempt } from './transitions.ts'

export interface RetireDeps {
  ledger: Ledger
  git: Git
  terminals: TerminalRegistry
  finisher: AttemptFinisher
  dispatcher: Dispatcher
  workflowHooks: WorkflowHooks
  ports: PortBlocks
  clock: Clock
  log: Logger
  runRoot: string
}

/** Of a task that is given up, what has to be ended or kept yet; what had no worktree has nothing to keep. */
const GIVEN_UP =
  "(status NOT IN ('landed', 'trashed') OR (status = 'trashed' AND verdict IS NULL AND trashRef IS NULL AND startedAt IS NOT NULL))"

/** Ends what an attempt occupies, without losing any of it. Every step can be repeated after a crash. */
export class Retire {
  readonly #deps: RetireDeps

  constructor(deps: RetireDeps) {
    this.#deps = deps
  }

  /** Ends the agent and everything it started. The intent is durable: a crash in between is finished at the next boot. */
  async stopAgent(attempt: Pick<Attempt, 'id' | 'terminalId'>, reason: string): Promise<void> {
    const { ledger, terminals, clock, dispatcher, finisher } = this.#deps
    dispatcher.cancel(attempt.id)
    finisher.cancel(attempt.id)
    const terminal = attempt.terminalId ? ledger.get('terminals', attempt.terminalId) : undefined
    if (terminal?.state !== 'live') return
    ledger.commit((tx) => tx.patch('terminals', terminal.id, { killRequestedAt: clock.now() }))
    const report = await terminals.kill(terminal.id, reason)
    if (report.survivors.length > 0)
      this.#deps.log.error('processes survived their end', {
        terminalId: terminal.id,
        survivors: report.survivors,
      })
  }

  /** Ends every agent, those that wait for their next message too, and gives up what is being prepared; nothing starts any more. */
  async stopAll(reason: string): Promise<void> {
    const { ledger, clock, dispatcher } = this.#deps
    // One that is just being started would open its terminal behind our back.
    await dispatcher.stop()
    const live = ledger.select('attempts', "terminalId IN (SELECT id FROM terminals WHERE state = 'live')")
    await Promise.all(live.map((attempt) => this.stopAgent(attempt, reason)))
    // What has no process yet has no end that would tell of it: the next start would prepare it again.
    ledger.commit((tx) => {
      for (const { id } of ledger.select('attempts', "status = 'preparing'"))
        moveAttempt(ledger, tx, id, 'cancel', {
          now: clock.now(),
          actor: 'engineer',
          reason: `Stopped: ${reason}.`,
          change: { endReason: 'stopped', endedAt: clock.now(), attention: null },
        })
    })
  }

  /** Ends and keeps all attempts of a task that was given up; asked again, what is left of them. */
  async task(taskId: string): Promise<void> {
    const { ledger, clock } = this.#deps
    const reason = 'The task was abandoned.'
    await Promise.all(
      ledger.select('attempts', `taskId = ? AND ${GIVEN_UP}`, taskId).map(async (attempt) => {
        await this.stopAgent(attempt, reason)
        ledger.commit((tx) => {
          if (canAttempt(tx.require('attempts', attempt.id).status, 'trash'))
            moveAttempt(ledger, tx, attempt.id, 'trash', {
              now: clock.now(),
              reason,
              change: { attention: null },
            })
        })
        await this.keepAndRemove(attempt.id, 'trash')
      }),
    )
  }

  /** Tasks that were given up, and the core ended before all of their attempts were. */
  unfinishedTasks(): string[] {
    const left = `SELECT taskId FROM attempts WHERE ${GIVEN_UP}`
    return this.#deps.ledger.select('tasks', `status = 'abandoned' AND id IN (${left})`).map(({ id }) => id)
  }

  /**
   * Keeps the attempt's full state under `ref` and removes its worktree and branch. What cannot be kept is not removed;
   * a worktree that is already gone leaves the branch's head under the ref.
   */
  async keepAndRemove(id: string, kind: 'trash' | 'landed'): Promise<void> {
    const { ledger, git, log } = this.#deps
    const attempt = ledger.require('attempts', id)
    const repository = ledger.require('repositories', attempt.repoId)
    const place = { repo: repository.path, path: attempt.worktree }
    try {
      // The branch goes last: while it is there, a crash has cut off a removal after the work was kept.
      if (attempt.trashRef && !(await git.resolveRef(repository.path, `refs/heads/${attempt.branch}`))) return
      const kept = await this.#keep(attempt, place, kind)
      if (kept) {
        const again = attempt.trashRef !== null && (kept.worktreeMissing || kept.ref === attempt.trashRef)
        ledger.commit((tx) => {
          if (again) return
          tx.patch('attempts', id, { trashRef: kept.ref, ignoredFiles: kept.ignoredFiles })
          tx.fact({
            kind: 'attempt.kept',
            repoId: attempt.repoId,
            taskId: attempt.taskId,
            attemptId: id,
            body: { ...kept },
          })
        })
        if (!kept.worktreeMissing)
          await this.#deps.workflowHooks.run(
            repository,
            'before_remove',
            attempt,
            AbortSignal.timeout(120_000),
          )
        await git.removeWorktree({ ...place, root: worktreeRootOf(attempt.worktree), attemptId: id })
        const expectedSha = await git.resolveRef(repository.path, `refs/heads/${attempt.branch}`)
        if (expectedSha)
          await git.deleteBranch({ repo: repository.path, branch: attempt.branch, expectedSha })
      }
      await this.#deps.ports.release(id)
      // Prompt, hook descriptor and per-launch settings have served; the transcript stays.
      await rm(join(this.#deps.runRoot, id), { recursive: true, force: true })
    } catch (error) {
      if (!isFailure(error)) throw error
      log.warn('attempt stays where it is', { attemptId: id, error })
      ledger.commit((tx) => {
        const attention = {
          kind: 'tamper' as const,
          since: this.#deps.clock.now(),
          detail: `Its worktree was not removed: ${error.message}`,
        }
        tx.patch('attempts', id, { attention })
        tx.fact({
          kind: 'attempt.attention',
          repoId: attempt.repoId,
          taskId: attempt.taskId,
          attemptId: id,
          body: { ...attention },
        })
      })
    }
  }

  /** Makes worktree and branch of a kept attempt again, as they were. */
  async bringBack(attempt: Attempt, repo: string): Promise<void> {
    const { git } = this.#deps
    const place = { repo, path: attempt.worktree }
    if (!attempt.trashRef?.startsWith('refs/quartet/heads/')) {
      await git.restoreSnapshot({ ...place, attemptId: attempt.id })
      return
    }
    const baseSha = await git.resolveRef(repo, attempt.trashRef)
    if (!baseSha)
      throw new Failure(
        'not_found',
        `What was kept of attempt ${attempt.n} is gone: ${attempt.trashRef} does not exist.`,
      )
    await git.addWorktree({ ...place, branch: attempt.branch, baseSha, attemptId: attempt.id })
    await git.checkoutWorktree(place)
  }

  /** Puts the attempt's state under a ref; null when it never had a worktree nor a branch. */
  async #keep(attempt: Attempt, place: WorktreeAt, kind: 'trash' | 'landed'): Promise<Kept | null> {
    const { git } = this.#deps
    try {
      const status = kind === 'landed' ? await git.readStatus(place) : null
      if (status?.headSha && status.headSha === attempt.headSha && !isLoose(status)) {
        return {
          ref: await git.keepCommit({
            repo: place.repo,
            attemptId: attempt.id,
            kind: 'landed',
            sha: status.headSha,
          }),
          ignoredFiles: 0,
          worktreeMissing: false,
        }
      }
      const snapshot = await git.snapshot({ ...place, attemptId: attempt.id, branch: attempt.branch })
      return { ref: snapshot.ref, ignoredFiles: snapshot.ignored.count, worktreeMissing: false }
    } catch (error) {
      if (!isFailure(error, 'worktree_missing')) throw error
      const head = await git.resolveRef(place.repo, `refs/heads/${attempt.branch}`)
      if (!head) return null
      return {
        ref: await git.keepCommit({ repo: place.repo, attemptId: attempt.id, kind: 'heads', sha: head }),
        ignoredFiles: 0,
        worktreeMissing: true,
      }
    }
  }
}

interface Kept {
  ref: string
  /** Ignored files (build output, `.env`) that the ref does not hold. */
  ignoredFiles: number
  worktreeMissing: boolean
}
