import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

export const Bounds = z.object({
  x: z.number().int(),
  y: z.number().int(),
  width: z.number().int().min(400).max(20_000),
  height: z.number().int().min(300).max(20_000),
})
export type Bounds = z.infer<typeof Bounds>

export const WindowState = z.object({ bounds: Bounds.nullable(), maximized: z.boolean() })
export type WindowState = z.infer<typeof WindowState>

/** So much of the window must be on a screen to be found and dragged. */
const VISIBLE_PX = 100

/** Where the window was, as far as it can still be seen: screens come and go. */
export function restoreWindow(path: string, screens: readonly Bounds[]): WindowState {
  try {
    const state = WindowState.parse(JSON.parse(readFileSync(path, 'utf8')))
    return state.bounds && screens.some((screen) => overlaps(screen, state.bounds))
      ? state
      : { ...state, bounds: null }
  } catch {
    // Missing at the first start; unreadable is no reason not to open a window.
    return { bounds: null, maximized: false }
  }
}

/** Keeps it for the next start, whole or not at all. Runs while the window closes, so it does not wait. */
export function keepWindow(path: string, state: WindowState): void {
  const draft = `${path}.new`
  writeFileSync(draft, JSON.stringify(state), { mode: 0o600 })
  renameSync(draft, path)
}

function overlaps(screen: Bounds, window: Bounds | null): boolean {
  if (!window) return false
  const width = Math.min(screen.x + screen.width, window.x + window.width) - Math.max(screen.x, window.x)
  const height = Math.min(screen.y + screen.height, window.y + window.height) - Math.max(screen.y, window.y)
  return width >= VISIBLE_PX && height >= VISIBLE_PX
}
