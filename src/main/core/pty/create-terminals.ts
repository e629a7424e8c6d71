import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/logger.ts'
import { Launcher } from './launcher.ts'
import { Terminals } from './terminals.ts'

export interface CreateTerminalsOptions {
  dataDir: string
  /** Script of the detached pty-host. */
  entry: string
  nodePath: string
  /** `nodePath` is an Electron binary, to be run as Node. */
  electron: boolean
  log: Logger
  clock: Clock
  /** Of this process by default; the host gets a handful of names from it. */
  env?: NodeJS.ProcessEnv
  /** Tests let an unused host leave sooner. */
  idleMs?: number
}

/** The terminals of one data directory, in its detached pty-host. Starts nothing before it is needed. */
export function createTerminals(options: CreateTerminalsOptions): Terminals {
  const { log, clock } = options
  return new Terminals({ hosts: new Launcher({ ...options, env: options.env ?? process.env }), clock, log })
}
