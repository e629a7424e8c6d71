import { availableParallelism } from 'node:os'
import { Failure } from '../../../shared/domain/failure.ts'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { Gate } from '../../kernel/gate.ts'
import { KeyedMutex } from '../../kernel/keyed-mutex.ts'
import type { Logger } from '../../kernel/logger.ts'
import * as branches from './branches.ts'
import { type CommitAll, commitAll } from './commit.ts'
import * as changes from './compare-changes.ts'
import type { CallOptions, GitContext } from './context.ts'
import * as diff from './diff.ts'
import { fastForward } from './fast-forward.ts'
import { repositoryFootprint } from './footprint.ts'
import type { ConfigEntry } from './hardening.ts'
import { HeadStart } from './head-start.ts'
import { initRepository } from './init-repository.ts'
import { inspectRepository } from './inspect-repository.ts'
import { type IntegrateBase, integrateBase } from './integrate.ts'
import { commitSubject, keepCommit, resolveRef } from './keep-commit.ts'
import { type LandLocal, landLocal } from './land-local.ts'
import { listIgnored } from './list-ignored.ts'
import { breakStaleLock } from './locks.ts'
import * as log from './log.ts'
import * as merge from './merge.ts'
import { registeredPlace, repositoryPlace, type WorktreeAt } from './place.ts'
import * as remote from './remote.ts'
import { type EmptyTrash, emptyTrash, type RemoveWorktree, removeWorktree } from './remove-worktree.ts'
import { type RestoreSnapshot, restoreSnapshot } from './restore-snapshot.ts'
import { createRunner, DEADLINE_MS, type GitClass, type GitRecord } from './runner.ts'
import * as snapshots from './snapshot.ts'
import { readStatus } from './status.ts'
import { fetchSubmodules } from './submodules.ts'
import * as worktrees from './worktrees.ts'

export interface GitOptions {
  log: Logger
  clock?: Clock
  /** Admits the quick calls of the whole app: as many git processes as cores. */
  gate?: Gate
  /** How far the first checkout of several is ahead of the others. */
  headStart?: HeadStart
  /** Name or path of git. */
  binary?: string
  /** What git processes inherit, before it is stripped. */
  env?: NodeJS.ProcessEnv
  /** Ms per class of call. */
  deadlines?: Partial<Record<GitClass, number>>
  /** Sees every process that was started. */
  onCall?: (record: GitRecord) => void
  /** True for a program in a repository's own configuration that the user has consented to (a `git-crypt` filter, say). `repo` is its folder or that of a worktree of it: these share the answer. */
  allowConfig?: (repo: string, entry: ConfigEntry) => boolean
}

/** merge-tree --write-tree needs 2.38. */
const OLDEST = [2, 38] as const

type Bound<T> = T & CallOptions

/**
 * The app's only way to git. Every verb takes absolute real paths and full SHAs where it says so, checks a worktree before
 * it works in it, runs no program that the repository names (see hardening.ts), and throws `Failure` for what can be
 * expected: `git_failed`, `git_timeout` (the process tree was ended), `git_locked` (which lock, how old, whose),
 * `cancelled`, `repository_missing`, `worktree_missing`, `worktree_tampered`, `disk_full`, besides what each verb names.
 */
export function createGit(options: GitOptions) {
  const clock = options.clock ?? systemClock
  const cores = availableParallelism()
  const runner = createRunner({
    log: options.log,
    clock,
    gate: options.gate ?? new Gate(cores),
    longGate: new Gate(cores),
    binary: options.binary ?? 'git',
    env: options.env ?? process.env,
    deadlines: { ...DEADLINE_MS, ...options.deadlines },
    onCall: options.onCall ?? (() => {}),
    allowConfig: options.allowConfig ?? (() => false),
  })
  const ctx: GitContext = {
    runner,
    log: options.log,
    clock,
    mutex: new KeyedMutex(),
    headStart: options.headStart ?? new HeadStart(cores),
    plainCommits: new Set(),
    creations: { count: 0 },
  }

  return {
    /** Git's version. Throws `git_failed` when git is missing or older than 2.38. */
    version: async (): Promise<{ text: string; major: number; minor: number }> => {
      const place = { cwd: process.cwd(), gitDir: null, commonDir: null, workTree: null }
      const text = await runner.text(place, {
        operation: 'Asking for git’s version',
        kind: 'probe',
        args: ['version'],
      })
      const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(text)?.slice(1) ?? []).map(Number)
      if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
        throw new Failure('git_failed', `Quartet needs git ${OLDEST.join('.')} or newer; this is ${text}.`, {
          text,
        })
      }
      return { text, major, minor }
    },
    inspectRepository: (request: { path: string; baseBranch?: string | undefined } & CallOptions) =>
      inspectRepository(ctx, request),
    /** Changes whenever the repository or that branch may have; starts no process. */
    repositoryFootprint,
    /** Keys of the repository's own configuration that name programs (filters, hooks, merge drivers): our calls leave them out. */
    shutConfig: async (repo: string): Promise<string[]> =>
      (await runner.guard(await repositoryPlace(repo))).shut,
    initRepository: (request: Parameters<typeof initRepository>[1]) => initRepository(ctx, request),

    isValidBranchName: (repo: string, name: string, call?: CallOptions) =>
      branches.isValidBranchName(ctx, repo, name, call),
    resolveBase: (repo: string, branch: string, call?: CallOptions) =>
      branches.resolveBase(ctx, repo, branch, call),
    resolveCommit: (repo: string, text: string, call?: CallOptions) =>
      branches.resolveCommit(ctx, repo, text, call),
    listBranches: (repo: string, call?: CallOptions) => branches.listBranches(ctx, repo, call),
    resolveRef: (repo: string, ref: string, call?: CallOptions) => resolveRef(ctx, repo, ref, call),
    commitSubject: (repo: string, sha: string, call?: CallOptions) => commitSubject(ctx, repo, sha, call),
    keepCommit: (request: Parameters<typeof keepCommit>[1]) => keepCommit(ctx, request),
    listIgnored: (request: Parameters<typeof listIgnored>[1]) => listIgnored(ctx, request),
    deleteBranch: (request: { repo: string; branch: string; expectedSha: string } & CallOptions) =>
      branches.deleteBranch(ctx, request),

    addWorktree: (request: worktrees.AddWorktree) => worktrees.addWorktree(ctx, request),
    checkoutWorktree: (request: worktrees.CheckoutWorktree) => worktrees.checkoutWorktree(ctx, request),
    listWorktrees: (repo: string, call?: CallOptions) => worktrees.listWorktrees(ctx, repo, call),
    verifyWorktree: (at: WorktreeAt) => worktrees.verifyWorktree(ctx, at),
    readHead: (request: Bound<WorktreeAt>) => worktrees.readHead(ctx, request),
    fetchSubmodules: (request: Bound<WorktreeAt & { headSha?: string }>) => fetchSubmodules(ctx, request),
    removeWorktree: (request: RemoveWorktree) => removeWorktree(ctx, request),
    emptyTrash: (request: EmptyTrash) => emptyTrash(ctx, request),
    /** Removes a lock that a killed git left: see locks.ts. Give `path` for a lock of one worktree. */
    breakStaleLock: async (request: WorktreeAt & { lockFile: string; minAgeMs?: number }) => {
      const place = await registeredPlace(request)
      return breakStaleLock(request.lockFile, place.commonDir, [place.workTree], clock, request.minAgeMs)
    },

    snapshot: (request: WorktreeAt & { attemptId: string; branch: string } & CallOptions) =>
      snapshots.snapshot(ctx, request),
    captureTree: (request: Bound<WorktreeAt>) => snapshots.captureTree(ctx, request),
    listSnapshots: (repo: string, call?: CallOptions) => snapshots.listSnapshots(ctx, repo, call),
    restoreSnapshot: (request: RestoreSnapshot) => restoreSnapshot(ctx, request),

    readStatus: (request: Bound<WorktreeAt>) => readStatus(ctx, request),
    diffStat: (request: Parameters<typeof diff.diffStat>[1]) => diff.diffStat(ctx, request),
    diffStatBetween: (request: Parameters<typeof diff.diffStatBetween>[1]) =>
      diff.diffStatBetween(ctx, request),
    diffPatch: (request: Parameters<typeof diff.diffPatch>[1]) => diff.diffPatch(ctx, request),
    logBetween: (request: Parameters<typeof log.logBetween>[1]) => log.logBetween(ctx, request),
    readFileAt: (request: Parameters<typeof log.readFileAt>[1]) => log.readFileAt(ctx, request),

    commitAll: (request: CommitAll) => commitAll(ctx, request),
    mergeTree: (request: Parameters<typeof merge.mergeTree>[1]) => merge.mergeTree(ctx, request),
    mergeBase: (request: Parameters<typeof merge.mergeBase>[1]) => merge.mergeBase(ctx, request),
    isAncestor: (request: Parameters<typeof merge.isAncestor>[1]) => merge.isAncestor(ctx, request),
    landLocal: (request: LandLocal) => landLocal(ctx, request),
    integrateBase: (request: IntegrateBase) => integrateBase(ctx, request),
    sameChange: (request: Parameters<typeof changes.sameChange>[1]) => changes.sameChange(ctx, request),
    bringsNothing: (request: Parameters<typeof changes.bringsNothing>[1]) =>
      changes.bringsNothing(ctx, request),
    aheadBehind: (request: Parameters<typeof changes.aheadBehind>[1]) => changes.aheadBehind(ctx, request),

    fetchBranch: (request: Parameters<typeof remote.fetchBranch>[1]) => remote.fetchBranch(ctx, request),
    remoteHead: (request: Parameters<typeof remote.remoteHead>[1]) => remote.remoteHead(ctx, request),
    pushBranch: (request: remote.PushBranch) => remote.pushBranch(ctx, request),
    deleteRemoteBranch: (request: Parameters<typeof remote.deleteRemoteBranch>[1]) =>
      remote.deleteRemoteBranch(ctx, request),
    fastForward: (request: Parameters<typeof fastForward>[1]) => fastForward(ctx, request),

    /** Call it when no verb is under way any more. */
    dispose: () => runner.dispose(),
  }
}

export type Git = ReturnType<typeof createGit>
