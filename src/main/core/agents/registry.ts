import type { AgentInfo } from '../../../shared/domain/host.ts'
import type { CustomAgent } from '../../../shared/domain/settings.ts'
import type { AgentDriver, Environment } from './driver.ts'

export interface AgentRegistry {
  /** The driver of that name, custom agents included. Throws `agent_missing`. */
  driver(name: string): AgentDriver
  /** All drivers, shipped ones first. */
  all(): readonly AgentDriver[]
  /** Replaces the custom agents (from the settings); a name of a shipped driver is ignored. */
  setCustom(agents: readonly CustomAgent[]): void
  /** All agents as found on this machine; cached for a minute unless `refresh`. */
  detectAll(env: Environment, options?: { refresh?: boolean }): Promise<AgentInfo[]>
}

export interface RegistryOptions {
  /** Node (or Electron run as Node) for the rehearsal. */
  nodePath: string
  resourcesDir: string
}

export declare function createAgentRegistry(options: RegistryOptions): AgentRegistry
