import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Environment } from '../agents/driver.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger } from '../db/ledger.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { SettingsStore } from '../settings.ts'
import { AgentReports } from './agent-reports.ts'
import type { AttemptFinisher } from './attempt-finisher.ts'
import { AttemptSupervisor } from './attempt-supervisor.ts'
import { DeliveryWatch } from './delivery-watch.ts'
import type { DiffWatch } from './diff-watch.ts'
import { InterruptWatch } from './interrupt-watch.ts'
import { LimitBook } from './limit-book.ts'
import { MessageDelivery } from './message-delivery.ts'
import { ScreenWatch } from './screen-watch.ts'
import type { Signals } from './signals.ts'
import { StallWatch } from './stall-watch.ts'
import { UsageWatch } from './usage-watch.ts'

export interface WatchAgentsDeps {
  ledger: Ledger
  agents: AgentRegistry
  terminals: TerminalRegistry
  workflows: WorkflowStore
  settings: SettingsStore
  finisher: AttemptFinisher
  diffs: DiffWatch
  signals: Signals
  environment: () => Promise<Environment>
  clock: Clock
  scope: Scope
}

/** Puts together all that listens to agents, and what talks to them: hooks, screens, keys, exits, silence, use and limits. */
export function watchAgents(deps: WatchAgentsDeps): {
  supervisor: AttemptSupervisor
  messages: MessageDelivery
  limits: LimitBook
  usage: UsageWatch
} {
  const { ledger, agents, terminals, clock, scope } = deps
  const delivery = new DeliveryWatch(scope)
  const screens = new ScreenWatch({ ledger, agents, terminals, clock, scope })
  const limits = new LimitBook({ ledger, clock, scope })
  const usage = new UsageWatch({ ledger, agents, environment: deps.environment, clock, scope })
  const interrupts = new InterruptWatch(clock)
  const reports = new AgentReports({ ...deps, delivery, interrupts, limits, usage })
  const supervisor = new AttemptSupervisor({ ...deps, reports, screens, usage })
  new StallWatch({ ...deps, onStall: (attempt, silentMs) => supervisor.onStall(attempt, silentMs) })
  const messages = new MessageDelivery({
    ledger,
    agents,
    terminals,
    screens,
    reports,
    delivery,
    clock,
    scope,
  })
  return { supervisor, messages, limits, usage }
}
