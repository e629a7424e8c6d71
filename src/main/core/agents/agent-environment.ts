import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Environment } from './driver.ts'

/** The login shell's environment and where it came from. */
export interface ProbedEnvironment {
  env: Environment
  source: 'shell' | 'cache' | 'floor'
  /** ms since the epoch when the shell was last asked with success; null for `floor`. */
  probedAt: number | null
  /** Why the shell could not be asked, as one sentence. */
  problem: string | null
}

export interface AgentEnvironment {
  /** The environment, from memory after the first call; callers at the same time share one probe. */
  get(): Promise<ProbedEnvironment>
  /** Asks the shell again. */
  reprobe(): Promise<ProbedEnvironment>
}

export interface AgentEnvironmentOptions {
  /** Our own environment: the floor, and HOME/USER for the probe. */
  hostEnv: Readonly<Record<string, string | undefined>>
  /** Where the last good answer is kept (0600). */
  cacheFile: string
  log: Logger
  clock: Clock
  /** Tests: a shell instead of that of the user database. */
  shell?: string
  timeoutMs?: number
}

export declare function createAgentEnvironment(options: AgentEnvironmentOptions): AgentEnvironment
