import type { AgentInfo } from '../../shared/domain/host.ts'
import type { Settings } from '../../shared/domain/settings.ts'
import { useApp } from '../connection/app-context.ts'
import { Switch } from '../ui/Fields.tsx'
import { Select } from '../ui/Select.tsx'
import { Row } from './Row.tsx'
import { saveSettings } from './save-settings.ts'

/** Stands for “nobody in particular”: a choice needs a value. */
const USUAL = '-'

/** Whether attempts are reviewed where no WORKFLOW.md names reviewers, and by whom. */
export function ReviewSettings({ settings, agents }: { settings: Settings; agents: readonly AgentInfo[] }) {
  const app = useApp()
  // One that waits for a command line has none for a question.
  const able = agents.filter((agent) => agent.installed && !agent.needsCommand)
  return (
    <>
      <h2>Reviews</h2>
      <Row
        title="Review every attempt"
        hint="Two reviewers, correctness and simplicity, read each green attempt before you do. Reviewers that a WORKFLOW.md names do so in any case."
      >
        <Switch
          label="Review every attempt"
          checked={settings.reviews}
          onChange={(reviews) => void saveSettings(app, { reviews })}
        />
      </Row>
      <Row
        title="Agent that reviews"
        hint="It also looks back on a round that is all trash. Without one that is named here or above, nobody reviews."
      >
        <Select
          label="Agent that reviews"
          width={220}
          value={settings.reviewAgent ?? USUAL}
          options={[
            { value: USUAL, label: 'The agent of a new task' },
            ...able.map((agent) => ({ value: agent.name, label: agent.label })),
          ]}
          onChange={(name) => void saveSettings(app, { reviewAgent: name === USUAL ? null : name })}
        />
      </Row>
    </>
  )
}
