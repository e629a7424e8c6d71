import { CircleCheck, CircleX, Plus, RefreshCw, Trash2, TriangleAlert } from 'lucide-react'
import { useState } from 'react'
import { CustomAgent } from '../../shared/domain/settings.ts'
import { AgentIcon } from '../attempt/AgentIcon.tsx'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useHost } from '../state/host.ts'
import { Button } from '../ui/Button.tsx'
import { TextField } from '../ui/Fields.tsx'
import { IconButton } from '../ui/IconButton.tsx'
import { Select } from '../ui/Select.tsx'
import { Skeleton } from '../ui/Skeleton.tsx'
import { AgentUsageLine } from './AgentUsageLine.tsx'
import { ReviewSettings } from './ReviewSettings.tsx'
import { Row } from './Row.tsx'
import { saveSettings } from './save-settings.ts'

export function AgentsSettings() {
  const app = useApp()
  const agents = useHost((state) => state.agents)
  const settings = useHost((state) => state.settings)
  const [looking, setLooking] = useState(false)
  const look = async () => {
    setLooking(true)
    const found = await callOrToast(() => app.core().system.agents({ refresh: true }))
    setLooking(false)
    if (found) useHost.setState({ agents: found })
  }
  if (!agents || !settings) return <Skeleton height={300} />
  return (
    <>
      <div className="settings-line">
        <h2>Found on this machine</h2>
        <span className="spacer" />
        <Button busy={looking} onClick={() => void look()}>
          <RefreshCw size={14} /> Look again
        </Button>
      </div>
      <ul className="agents">
        {agents.map((agent) => (
          <li key={agent.name} className="agent">
            <AgentIcon agent={agent.name} size={16} />
            <div className="agent-text">
              <p>
                <strong>{agent.label}</strong> <span className="rail-quiet num">{agent.version}</span>
              </p>
              {agent.installed ? (
                <p className="rail-quiet mono truncate" title={agent.path ?? undefined}>
                  {agent.path ?? 'part of Quartet'}
                </p>
              ) : null}
              <AgentUsageLine agent={agent.name} />
              {agent.problem ? (
                <p className={agent.installed ? 'agent-problem' : 'rail-quiet'}>{agent.problem}</p>
              ) : null}
            </div>
            {agent.installed ? (
              agent.problem ? (
                <TriangleAlert
                  size={16}
                  className="status-icon"
                  data-tone="warn"
                  role="img"
                  aria-label="has a problem"
                />
              ) : (
                <CircleCheck size={16} className="status-icon" data-tone="ok" role="img" aria-label="ready" />
              )
            ) : (
              <CircleX
                size={16}
                className="status-icon"
                data-tone="quiet"
                role="img"
                aria-label="not installed"
              />
            )}
          </li>
        ))}
      </ul>
      <h2>Default</h2>
      <Row title="Agent of a new task" hint="The composer begins with it in every slot.">
        <Select
          label="Agent of a new task"
          width={220}
          value={settings.defaultAgents[0] ?? ''}
          placeholder="The first that is installed"
          options={agents
            .filter((agent) => agent.installed)
            .map((agent) => ({ value: agent.name, label: agent.label }))}
          onChange={(name) => void saveSettings(app, { defaultAgents: [name] })}
        />
      </Row>
      <ReviewSettings settings={settings} agents={agents} />
      <h2>Your own</h2>
      <p className="field-hint">
        Any command line can be an agent. <code>{'{prompt_file}'}</code> stands for the path of the brief.
      </p>
      <ul className="agents">
        {settings.customAgents.map((agent) => (
          <li key={agent.name} className="agent">
            <AgentIcon agent="shell" size={16} />
            <div className="agent-text">
              <p>
                <strong>{agent.name}</strong>
              </p>
              <p className="rail-quiet mono truncate">{agent.command}</p>
            </div>
            <IconButton
              label={`Remove ${agent.name}`}
              onClick={() =>
                void saveSettings(app, {
                  customAgents: settings.customAgents.filter((one) => one.name !== agent.name),
                })
              }
            >
              <Trash2 size={15} />
            </IconButton>
          </li>
        ))}
      </ul>
      <NewAgent
        taken={agents.map((agent) => agent.name)}
        onAdd={(agent) =>
          void saveSettings(app, { customAgents: [...settings.customAgents, agent] }).then(look)
        }
      />
    </>
  )
}

function NewAgent({ taken, onAdd }: { taken: readonly string[]; onAdd: (agent: CustomAgent) => void }) {
  const [name, setName] = useState('')
  const [command, setCommand] = useState('')
  const parsed = CustomAgent.safeParse({ name, command })
  const problem =
    name === ''
      ? null
      : taken.includes(name)
        ? 'An agent of this name exists.'
        : parsed.success || command === ''
          ? null
          : (parsed.error.issues[0]?.message ?? null)
  return (
    <form
      className="agent-new"
      onSubmit={(event) => {
        event.preventDefault()
        if (!parsed.success || problem) return
        onAdd(parsed.data)
        setName('')
        setCommand('')
      }}
    >
      <TextField
        label="Name"
        placeholder="aider"
        value={name}
        error={problem}
        onChange={(event) => setName(event.target.value)}
      />
      <TextField
        label="Command"
        placeholder="aider --message-file {prompt_file}"
        value={command}
        onChange={(event) => setCommand(event.target.value)}
      />
      <Button type="submit" blocked={parsed.success && !problem ? null : 'A name and a command are needed.'}>
        <Plus size={14} /> Add
      </Button>
    </form>
  )
}
