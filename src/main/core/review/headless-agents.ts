import type { AgentDriver, Environment } from '../agents/driver.ts'
import type { AgentRegistry } from '../agents/registry.ts'

export interface HeadlessAgentsDeps {
  agents: AgentRegistry
  environment: () => Promise<Environment>
}

/** Finds agents on this machine that can answer without a terminal. */
export class HeadlessAgents {
  readonly #deps: HeadlessAgentsDeps

  constructor(deps: HeadlessAgentsDeps) {
    this.#deps = deps
  }

  /** The agent of that name, or the sentence why it cannot be asked. */
  async named(name: string): Promise<AgentDriver | { problem: string }> {
    const driver = this.#deps.agents.all().find((each) => each.name === name)
    if (!driver) return { problem: `There is no agent “${name}”.` }
    if (!driver.headless) return { problem: `“${name}” cannot answer without a terminal.` }
    const found = await this.#deps.agents.detectAll(await this.#deps.environment())
    const info = found.find((each) => each.name === name)
    return info?.installed ? driver : { problem: info?.problem ?? `“${name}” is not installed.` }
  }

  /** The first of `names` that can be asked; the rehearsal only when no real one can. Null for none. */
  async first(names: readonly (string | null)[]): Promise<AgentDriver | null> {
    const wanted = [...new Set(names.filter((name) => name !== null))]
    const real = wanted.filter((name) => name !== 'rehearsal')
    for (const name of [...real, ...wanted.filter((each) => each === 'rehearsal')]) {
      const found = await this.named(name)
      if (!('problem' in found)) return found
    }
    return null
  }
}
