import { useState } from 'react'
import { useApp } from '../connection/app-context.ts'
import { useHost } from '../state/host.ts'
import { toast } from '../state/toasts.ts'
import { showOverlay } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { Switch } from '../ui/Fields.tsx'
import { Select } from '../ui/Select.tsx'
import { Skeleton } from '../ui/Skeleton.tsx'
import { NumberSetting } from './NumberSetting.tsx'
import { Row } from './Row.tsx'
import { saveSettings } from './save-settings.ts'

const THEMES = [
  { value: 'system', label: 'As the system' },
  { value: 'dark', label: 'Dark' },
  { value: 'light', label: 'Light' },
] as const
const METHODS = [
  { value: 'squash', label: 'Squash into one commit' },
  { value: 'merge', label: 'Merge commit' },
  { value: 'rebase', label: 'Rebase' },
] as const

export function GeneralSettings() {
  const app = useApp()
  const settings = useHost((state) => state.settings)
  const info = useHost((state) => state.info)
  const [permission, setPermission] = useState(Notification.permission)
  if (!settings) return <Skeleton height={300} />
  const notify = async (on: boolean) => {
    await saveSettings(app, { notifications: on })
    if (!on || Notification.permission !== 'default') return
    const answer = await Notification.requestPermission()
    setPermission(answer)
    if (answer === 'denied') toast('info', 'The browser does not allow notifications for Quartet.')
  }
  return (
    <>
      <h2>Look</h2>
      <Row title="Theme">
        <Select
          label="Theme"
          width={220}
          value={settings.theme}
          options={THEMES}
          onChange={(value) => {
            const theme = THEMES.find((one) => one.value === value)
            if (theme) void saveSettings(app, { theme: theme.value })
          }}
        />
      </Row>
      <Row title="Terminal text" hint="Ctrl Shift + and − change it, too.">
        <NumberSetting
          label="Terminal text size"
          value={settings.fontSize}
          min={8}
          max={32}
          unit="px"
          onSave={(fontSize) => void saveSettings(app, { fontSize })}
        />
      </Row>
      <Row
        title="Notifications"
        hint={
          permission === 'denied'
            ? 'The browser forbids them for this address. The count in the title stays.'
            : 'When something needs you and you look elsewhere. News within seconds become one.'
        }
      >
        <Switch label="Notifications" checked={settings.notifications} onChange={(on) => void notify(on)} />
      </Row>
      <h2>Work</h2>
      <Row title="Agents at once" hint="Further attempts wait for a free slot.">
        <NumberSetting
          label="Agents at once"
          value={settings.slots}
          min={1}
          max={64}
          onSave={(slots) => void saveSettings(app, { slots })}
        />
      </Row>
      <Row title="Attempts of a task" hint="What a new task begins with.">
        <NumberSetting
          label="Attempts of a task"
          value={settings.defaultAttempts}
          min={1}
          max={8}
          onSave={(defaultAttempts) => void saveSettings(app, { defaultAttempts })}
        />
      </Row>
      <Row
        title="Landing"
        hint="How a mergeable attempt comes onto its base branch. WORKFLOW.md of a repository wins."
      >
        <Select
          label="Landing"
          width={220}
          value={settings.landMethod}
          options={METHODS}
          onChange={(value) => {
            const method = METHODS.find((one) => one.value === value)
            if (method) void saveSettings(app, { landMethod: method.value })
          }}
        />
      </Row>
      <Row
        title="Silent for"
        hint="An agent without any sign of life for so long counts as stalled; 0 never."
      >
        <NumberSetting
          label="Minutes until stalled"
          value={settings.stallMinutes}
          min={0}
          max={1440}
          unit="minutes"
          onSave={(stallMinutes) => void saveSettings(app, { stallMinutes })}
        />
      </Row>
      <h2>This Quartet</h2>
      <Row
        title="Data"
        hint="Tasks, history and transcripts. Removing this folder removes all of Quartet’s memory."
      >
        <code className="setting-path">{info?.dataDir ?? '…'}</code>
      </Row>
      <Row
        title="Version"
        hint={info ? `${info.host} host on ${info.platform}, process ${info.pid}` : undefined}
      >
        <span className="num">{info?.version ?? '…'}</span>
      </Row>
      <Row title="Quit the core" hint="Asks what becomes of the agents at work.">
        <Button onClick={() => showOverlay('quit')}>Quit…</Button>
      </Row>
    </>
  )
}
