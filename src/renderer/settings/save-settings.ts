import type { Settings } from '../../shared/domain/settings.ts'
import { type App, callOrToast } from '../connection/app-context.ts'
import { useHost } from '../state/host.ts'

/** Saves a change; the window follows when the core has it. */
export async function saveSettings(app: App, change: Partial<Settings>): Promise<void> {
  const saved = await callOrToast(() => app.core().system.saveSettings(change))
  if (saved) useHost.setState({ settings: saved })
}
