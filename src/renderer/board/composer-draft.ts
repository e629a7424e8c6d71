import type { AgentInfo } from '../../shared/domain/host.ts'
import { MAX_ATTEMPTS, type Slot } from '../../shared/domain/task.ts'
import type { Draft, DraftSlot } from '../state/ui.ts'

export const emptySlot = (agent: string): DraftSlot => ({
  agent,
  command: '',
  scenario: '',
  model: '',
  hint: '',
})

/** The agent that a new task begins with: the default one if it is there, else the first that can start at once. */
export function firstAgent(agents: readonly AgentInfo[], wanted: readonly string[]): string {
  const usable = agents.filter((agent) => agent.installed)
  const found =
    usable.find((agent) => agent.name === wanted[0]) ??
    usable.find((agent) => !agent.needsCommand && agent.name !== 'rehearsal') ??
    usable.find((agent) => !agent.needsCommand) ??
    usable[0]
  return found?.name ?? 'rehearsal'
}

/** `count` slots: the first ones stay, new ones repeat the last. */
export function resizeSlots(slots: readonly DraftSlot[], count: number, agent: string): DraftSlot[] {
  const wanted = Math.min(MAX_ATTEMPTS, Math.max(1, count))
  const next = slots.slice(0, wanted)
  while (next.length < wanted) {
    const last = next.at(-1)
    // The scenario and the hint are what makes a slot differ: they are not repeated.
    next.push(last ? { ...last, scenario: '', hint: '' } : emptySlot(agent))
  }
  return next
}

/** `names` dealt out over `count` slots in turn. */
export function dealSlots(names: readonly string[], count: number): DraftSlot[] {
  return Array.from({ length: count }, (_, index) => emptySlot(names[index % names.length] ?? 'rehearsal'))
}

const orNull = (text: string): string | null => text.trim() || null

/** The slots of a draft as the core takes them. */
export function toSlots(draft: Pick<Draft, 'slots'>): Slot[] {
  return draft.slots.map((slot) => ({
    agent: slot.agent,
    command: orNull(slot.command),
    scenario: orNull(slot.scenario),
    model: orNull(slot.model),
    hint: orNull(slot.hint),
  }))
}

/** What is missing before a draft can be fired, as one sentence; null when nothing is. */
export function draftProblem(
  draft: Pick<Draft, 'brief' | 'slots'>,
  agents: readonly AgentInfo[],
): string | null {
  if (!draft.brief.trim()) return 'Write what is to be done.'
  for (const [index, slot] of draft.slots.entries()) {
    const agent = agents.find((one) => one.name === slot.agent)
    if (!agent) return `Slot ${index + 1}: there is no agent called ${slot.agent}.`
    if (!agent.installed) return `Slot ${index + 1}: ${agent.label} is not installed.`
    if (agent.needsCommand && !slot.command.trim())
      return `Slot ${index + 1}: ${agent.label} needs a command line.`
  }
  return null
}
