import type { Clock } from '../../kernel/clock.ts'
import type { KeyedMutex } from '../../kernel/keyed-mutex.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { HeadStart } from './head-start.ts'
import type { GitPriority, GitRunner } from './runner.ts'

/** What every verb works with. */
export interface GitContext {
  runner: GitRunner
  log: Logger
  clock: Clock
  /** One writer of a repository's worktree list, or of one base branch, at a time; keys are `worktrees:DIR`, `land:DIR`. */
  mutex: KeyedMutex
  /** The first checkout of several; keys are the repositories' git folders. */
  headStart: HeadStart
  /** Commits (with their repository's git folder) that have no submodules. */
  plainCommits: Set<string>
  /** Worktrees that are being created right now: nothing is unlinked beside them. */
  creations: { count: number }
}

/** Accepted by every verb. */
export interface CallOptions {
  signal?: AbortSignal | undefined
  priority?: GitPriority
}

/** The options of a verb as part of a git call: absent keys stay absent. */
export function callOptions(options: CallOptions): { signal?: AbortSignal; priority?: GitPriority } {
  return {
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.priority ? { priority: options.priority } : {}),
  }
}
