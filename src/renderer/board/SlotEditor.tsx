import { Minus, Plus } from 'lucide-react'
import type { AgentInfo } from '../../shared/domain/host.ts'
import { MAX_ATTEMPTS } from '../../shared/domain/task.ts'
import { AgentIcon } from '../attempt/AgentIcon.tsx'
import type { Draft, DraftSlot } from '../state/ui.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { type Option, Select } from '../ui/Select.tsx'
import { dealSlots, firstAgent, resizeSlots } from './composer-draft.ts'

interface SlotEditorProps {
  draft: Draft
  agents: readonly AgentInfo[]
  onChange: (slots: DraftSlot[]) => void
}

/** How many attempts, and who makes each. */
export function SlotEditor({ draft, agents, onChange }: SlotEditorProps) {
  const count = draft.slots.length
  const installed = agents.filter((agent) => agent.installed)
  const real = installed.filter((agent) => !agent.needsCommand && agent.name !== 'rehearsal')
  const fallback = firstAgent(agents, [])
  const resize = (next: number) => onChange(resizeSlots(draft.slots, next, fallback))
  const presets: { label: string; names: string[] }[] = installed
    .filter((agent) => !agent.needsCommand)
    .map((agent) => ({ label: `${count}× ${agent.label}`, names: [agent.name] }))
  if (real.length > 1) presets.push({ label: 'Mix', names: real.map((agent) => agent.name) })
  const options: Option[] = agents.map((agent) => ({
    value: agent.name,
    label: agent.label,
    off: !agent.installed,
    note: agent.installed ? (agent.version ?? undefined) : 'not installed',
  }))
  const change = (index: number, part: Partial<DraftSlot>) =>
    onChange(draft.slots.map((slot, at) => (at === index ? { ...slot, ...part } : slot)))

  return (
    <div className="slots">
      <div className="slots-head">
        <span className="field-label">Attempts</span>
        <fieldset className="stepper" aria-label="Number of attempts">
          <IconButton label="One less" size="s" off={count <= 1} onClick={() => resize(count - 1)}>
            <Minus size={13} />
          </IconButton>
          <span className="stepper-n num" data-testid="composer-count" aria-live="polite">
            {count}
          </span>
          <IconButton label="One more" size="s" off={count >= MAX_ATTEMPTS} onClick={() => resize(count + 1)}>
            <Plus size={13} />
          </IconButton>
        </fieldset>
        <span className="slots-presets">
          {presets.map((preset) => (
            <button
              key={preset.label}
              type="button"
              className="tag"
              onClick={() => onChange(dealSlots(preset.names, count))}
            >
              {preset.label}
            </button>
          ))}
        </span>
      </div>
      <ol className="slot-list">
        {draft.slots.map((slot, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the place is the slot, which is the identity
          <li key={index} className="slot">
            <span className="tile-n">{index + 1}</span>
            <AgentIcon agent={slot.agent} />
            <Select
              label={`Agent of attempt ${index + 1}`}
              width={150}
              value={slot.agent}
              options={options}
              onChange={(agent) => change(index, { agent, command: '', scenario: '', model: '' })}
            />
            <SlotDetails
              slot={slot}
              n={index + 1}
              agent={agents.find((one) => one.name === slot.agent)}
              onChange={(part) => change(index, part)}
            />
          </li>
        ))}
      </ol>
    </div>
  )
}

/** The select cannot hold an empty value; this one stands for it. */
const ANY = '-'

function SlotDetails({
  slot,
  n,
  agent,
  onChange,
}: {
  slot: DraftSlot
  n: number
  agent: AgentInfo | undefined
  onChange: (part: Partial<DraftSlot>) => void
}) {
  if (!agent) return null
  return (
    <>
      {agent.needsCommand ? (
        <input
          className="input mono slot-command"
          aria-label={`Command line of attempt ${n}`}
          placeholder="command {prompt_file}"
          spellCheck={false}
          value={slot.command}
          onChange={(event) => onChange({ command: event.target.value })}
        />
      ) : null}
      {agent.scenarios.length > 0 ? (
        <Select
          label={`Scenario of attempt ${n}`}
          width={210}
          value={slot.scenario || ANY}
          options={[
            { value: ANY, label: 'Scenario: by slot' },
            ...agent.scenarios.map((scenario) => ({
              value: scenario.name,
              label: scenario.name,
              note: scenario.about,
            })),
          ]}
          onChange={(value) => onChange({ scenario: value === ANY ? '' : value })}
        />
      ) : agent.needsCommand ? null : (
        <input
          className="input slot-model"
          aria-label={`Model of attempt ${n}`}
          placeholder="default model"
          spellCheck={false}
          value={slot.model}
          onChange={(event) => onChange({ model: event.target.value })}
        />
      )}
      <input
        className="input slot-hint"
        aria-label={`Hint for attempt ${n} only`}
        placeholder="a hint for this attempt only"
        value={slot.hint}
        onChange={(event) => onChange({ hint: event.target.value })}
      />
    </>
  )
}
