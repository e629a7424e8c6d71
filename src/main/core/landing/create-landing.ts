import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'
import type { SecretStore } from '../../kernel/secret-store.ts'
import type { Ledger } from '../db/ledger.ts'
import { createTokenSource } from '../forge/token.ts'
import type { Git } from '../git/git.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { VerifyGate } from '../review/verify-gate.ts'
import type { SettingsStore } from '../settings.ts'
import type { ContinueAttempt } from './fix-rounds.ts'
import { Forges } from './forges.ts'
import { LandLane } from './land-lane.ts'
import { PullObserver } from './pull-observer.ts'
import { PullService } from './pull-service.ts'
import { PullWatch } from './pull-watch.ts'
import type { StepDeps } from './step.ts'

export interface LandingOptions {
  ledger: Ledger
  git: Git
  gate: VerifyGate
  workflows: Pick<WorkflowStore, 'read'>
  retire: StepDeps['retire']
  settings: SettingsStore
  continueAttempt: ContinueAttempt
  /** Environment of our own process, in which a token may be. */
  env: Readonly<Record<string, string | undefined>>
  commandEnvironment: () => Promise<Readonly<Record<string, string>>>
  secrets?: SecretStore | undefined
  redactor: Redactor
  clock: Clock
  log: Logger
  scope: Scope
  userAgent: string
}

/** Puts the parts of landing together: forges, lane, watch. */
export function createLanding(options: LandingOptions) {
  const { ledger, clock, scope } = options
  const log = options.log.child('landing')
  const pace = paceOf(options.env.QUARTET_LANDING_PACE)
  const tokens = createTokenSource({ ...options, log })
  const forges = new Forges({ ...options, log, tokens, signal: scope.signal, throttle: pace >= 1 })
  const observer = new PullObserver({ ledger, forges, clock })
  const lane = new LandLane({ ...options, log, forges, observer, pace })
  const watch = new PullWatch({ ledger, forges, observer, lane, clock, log, scope, pace })
  const pulls = new PullService({ ledger, forges, tokens, settings: options.settings, watch, clock })
  return { lane, watch, pulls, tokens, forges }
}

/** Waits are multiplied by this: tests and demonstrations against a forge on this machine need not take minutes. */
function paceOf(text: string | undefined): number {
  const pace = Number(text ?? 1)
  return pace > 0 && pace <= 10 ? pace : 1
}
