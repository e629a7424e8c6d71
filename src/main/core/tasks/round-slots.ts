import { Failure } from '../../../shared/domain/failure.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import type { Slot, Task } from '../../../shared/domain/task.ts'
import { MAX_ATTEMPTS, Slot as SlotSchema } from '../../../shared/domain/task.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger } from '../db/ledger.ts'
import { isTrusted } from '../repositories/workflow.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { SettingsStore } from '../settings.ts'

export interface RoundSlotsDeps {
  ledger: Ledger
  agents: AgentRegistry
  settings: SettingsStore
  workflows: WorkflowStore
}

/** Who works in a round. */
export class RoundSlots {
  readonly #deps: RoundSlotsDeps

  constructor(deps: RoundSlotsDeps) {
    this.#deps = deps
  }

  /** The slots of the round before, as many as wanted: a rework tries the same agents unless told otherwise. */
  async again(task: Task, repo: Repository, count: number | undefined): Promise<Slot[]> {
    const { ledger } = this.#deps
    const before =
      ledger.select('rounds', 'taskId = ? ORDER BY n', task.id).at(-1)?.slots ??
      (await this.#defaultSlots(repo))
    const n = count ?? before.length
    return Array.from({ length: n }, (_, i) => before[i % before.length] as Slot)
  }

  async #defaultSlots(repo: Repository): Promise<Slot[]> {
    const { attempts, ...workflow } = await this.#deps.workflows.read(repo)
    const { defaultAgents, defaultAttempts } = this.#deps.settings.value
    const fromFile = attempts.slots?.length ? attempts.slots : null
    if (fromFile?.some((slot) => slot.command) && !isTrusted({ attempts, ...workflow }, repo.trustedHash))
      throw new Failure('consent_needed', 'The commands in WORKFLOW.md wait for your consent.')
    const names = defaultAgents.length > 0 ? defaultAgents : ['rehearsal']
    const slots = fromFile ?? names.map((agent) => SlotSchema.parse({ agent }))
    const count = attempts.count ?? defaultAttempts
    return Array.from({ length: count }, (_, i) => slots[i % slots.length] as Slot)
  }

  /** Throws `limit` or `invalid_input` for slots that no round can have. */
  check(slots: readonly Slot[]): void {
    if (slots.length < 1 || slots.length > MAX_ATTEMPTS)
      throw new Failure('limit', `A round has 1 to ${MAX_ATTEMPTS} attempts, not ${slots.length}.`)
    for (const slot of slots) {
      const driver = this.#deps.agents.driver(slot.agent)
      if (driver.needsCommand && !slot.command?.trim())
        throw new Failure('invalid_input', `The agent “${driver.name}” needs a command line.`)
      const scenarios = driver.scenarios()
      if (slot.scenario && !scenarios.some((scenario) => scenario.name === slot.scenario)) {
        throw new Failure(
          'invalid_input',
          `“${driver.name}” has no scenario “${slot.scenario}”. It has: ${scenarios.map((s) => s.name).join(', ') || 'none'}.`,
        )
      }
    }
  }
}
