import { Bot, FileCog, FolderGit2, Settings2, Stethoscope, X } from 'lucide-react'
import { Tabs } from 'radix-ui'
import { useUi } from '../state/ui.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { AgentsSettings } from './AgentsSettings.tsx'
import { Doctor } from './Doctor.tsx'
import { GeneralSettings } from './GeneralSettings.tsx'
import { RepositoriesSettings } from './RepositoriesSettings.tsx'
import { WorkflowSettings } from './WorkflowSettings.tsx'
import './settings.css'

const TABS = [
  { id: 'general', title: 'General', icon: Settings2, page: GeneralSettings },
  { id: 'agents', title: 'Agents', icon: Bot, page: AgentsSettings },
  { id: 'repositories', title: 'Repositories', icon: FolderGit2, page: RepositoriesSettings },
  { id: 'workflow', title: 'Workflow', icon: FileCog, page: WorkflowSettings },
  { id: 'doctor', title: 'Doctor', icon: Stethoscope, page: Doctor },
] as const

export function SettingsPage() {
  const tab = useUi((state) => state.settingsTab)
  return (
    <main className="settings" aria-label="Settings">
      <Tabs.Root
        className="settings-root"
        orientation="vertical"
        value={tab}
        onValueChange={(settingsTab) => useUi.setState({ settingsTab })}
      >
        <Tabs.List className="settings-tabs" aria-label="Settings">
          <h1>Settings</h1>
          {TABS.map(({ id, title, icon: Icon }) => (
            <Tabs.Trigger key={id} value={id} className="settings-tab">
              <Icon size={15} aria-hidden="true" /> {title}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {TABS.map(({ id, page: Page }) => (
          <Tabs.Content key={id} value={id} className="settings-page">
            <Page />
          </Tabs.Content>
        ))}
      </Tabs.Root>
      <div className="settings-close">
        <IconButton label="Back to the board" kbd="Esc" onClick={() => useUi.setState({ page: 'board' })}>
          <X size={16} />
        </IconButton>
      </div>
    </main>
  )
}
