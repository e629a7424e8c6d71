import { useSyncExternalStore } from 'react'
import { useHost } from '../state/host.ts'

export type ThemeName = 'dark' | 'light'

const light = window.matchMedia('(prefers-color-scheme: light)')

function subscribe(listener: () => void): () => void {
  light.addEventListener('change', listener)
  const stop = useHost.subscribe(listener)
  return () => {
    light.removeEventListener('change', listener)
    stop()
  }
}

/** The theme that is on: what the settings say, else what the system has. */
export function themeName(): ThemeName {
  const wanted = useHost.getState().settings?.theme ?? 'system'
  if (wanted !== 'system') return wanted
  return light.matches ? 'light' : 'dark'
}

export const useThemeName = (): ThemeName => useSyncExternalStore(subscribe, themeName)

/** Keeps the document in the theme that is on, and says when it changes. */
export function followTheme(document: Document, changed: () => void): () => void {
  const apply = () => {
    const name = themeName()
    if (document.documentElement.dataset.theme === name) return
    document.documentElement.dataset.theme = name
    changed()
  }
  document.documentElement.dataset.theme = themeName()
  return subscribe(apply)
}
