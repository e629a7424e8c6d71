import { join } from 'node:path'
import { Failure, messageOf } from '../../../shared/domain/failure.ts'
import type { AgentInfo } from '../../../shared/domain/host.ts'
import type { CustomAgent, ModelPrice } from '../../../shared/domain/settings.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { AgentDriver, Environment } from './driver.ts'
import { claudeDriver } from './drivers/claude.ts'
import { codexDriver } from './drivers/codex.ts'
import { geminiDriver } from './drivers/gemini.ts'
import { openCodeDriver } from './drivers/opencode.ts'
import { rehearsalDriver } from './drivers/rehearsal.ts'
import { customDriver, shellDriver } from './drivers/shell.ts'
import { claudeUsage } from './usage/claude-usage.ts'
import { codexUsage } from './usage/codex-usage.ts'
import { geminiUsage } from './usage/gemini-usage.ts'
import { openCodeUsage } from './usage/opencode-usage.ts'
import { readPrices } from './usage/prices.ts'

export interface AgentRegistry {
  /** The driver of that name, custom agents included. Throws `agent_missing`. */
  driver(name: string): AgentDriver
  /** All drivers, shipped ones first. */
  all(): readonly AgentDriver[]
  /** Replaces the custom agents (from the settings); a name of a shipped driver is ignored. */
  setCustom(agents: readonly CustomAgent[]): void
  /** All agents as found on this machine; cached for a minute unless `refresh`. One that does not answer in time has a problem. */
  detectAll(env: Environment, options?: { refresh?: boolean }): Promise<AgentInfo[]>
}

export interface RegistryOptions {
  /** Node (or Electron run as Node) for the rehearsal. */
  nodePath: string
  resourcesDir: string
  /** `nodePath` is Electron's binary. */
  electron?: boolean
  /** QUARTET_REHEARSAL_PACE of the host: a factor for the rehearsal's waits. */
  rehearsalPace?: string | undefined
  /** The engineer's own prices, over the shipped ones. */
  ownPrices?: () => readonly ModelPrice[]
  clock: Clock
}

const CACHE_MS = 60_000
/** Two version questions of 8 s at most, one after the other. */
const DETECT_TIMEOUT_MS = 20_000

/** All agents that this installation can drive. */
export function createAgentRegistry(options: RegistryOptions): AgentRegistry {
  // Read anew each time: the table is data that can be edited while we run, and it is small.
  const prices = () => readPrices(join(options.resourcesDir, 'prices.json'), options.ownPrices?.() ?? [])
  const shipped: readonly AgentDriver[] = [
    codexDriver(codexUsage(prices)),
    claudeDriver(claudeUsage(prices)),
    geminiDriver(geminiUsage(prices)),
    openCodeDriver(openCodeUsage(prices), { resourcesDir: options.resourcesDir }),
    shellDriver,
    rehearsalDriver({
      nodePath: options.nodePath,
      resourcesDir: options.resourcesDir,
      electron: options.electron ?? false,
      pace: options.rehearsalPace ?? null,
    }),
  ]
  let custom: readonly AgentDriver[] = []
  let cache: { at: number; env: Environment; found: Promise<AgentInfo[]> } | null = null

  const detect = async (driver: AgentDriver, env: Environment): Promise<AgentInfo> => {
    try {
      return await driver.detect(env, AbortSignal.timeout(DETECT_TIMEOUT_MS))
    } catch (error) {
      return {
        name: driver.name,
        label: driver.label,
        installed: false,
        path: null,
        version: null,
        problem: messageOf(error),
        scenarios: [],
        needsCommand: driver.needsCommand,
      }
    }
  }

  const registry: AgentRegistry = {
    all: () => [...shipped, ...custom],
    driver(name) {
      const found = registry.all().find((driver) => driver.name === name)
      if (found) return found
      throw new Failure('agent_missing', `There is no agent “${name}”.`, {
        known: registry.all().map((driver) => driver.name),
      })
    },
    setCustom(agents) {
      custom = agents
        .filter((agent) => !shipped.some((driver) => driver.name === agent.name))
        .map((agent) => customDriver(agent))
      cache = null
    },
    detectAll(env, { refresh = false } = {}) {
      const now = options.clock.monotonic()
      if (refresh || cache === null || cache.env !== env || now - cache.at > CACHE_MS)
        cache = { at: now, env, found: Promise.all(registry.all().map((driver) => detect(driver, env))) }
      return cache.found
    },
  }
  return registry
}
