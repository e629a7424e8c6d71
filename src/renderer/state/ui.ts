import { create } from 'zustand'
import { createJSONStorage, persist, type StateStorage } from 'zustand/middleware'

export type Page = 'board' | 'settings'
export type TaskPane = 'terminals' | 'diff' | 'timeline'
export type Overlay = 'palette' | 'help' | 'composer' | 'add-repository' | 'quit' | null

/** One slot of the composer; becomes a `Slot` of the contract when it is fired. */
export interface DraftSlot {
  agent: string
  command: string
  scenario: string
  model: string
  hint: string
}

export interface Draft {
  brief: string
  baseBranch: string | null
  slots: DraftSlot[]
}

interface UiState {
  page: Page
  settingsTab: string
  /** Which repository the lists show; null shows all. */
  repoId: string | null
  taskId: string | null
  /** Slot number of the focused tile, by task. */
  focusedTile: Readonly<Record<string, number>>
  /** The whole centre shows only the focused tile. */
  zoomed: boolean
  pane: TaskPane
  overlay: Overlay
  /** Attempt whose trash popover is open. */
  trashing: string | null
  /** Attempt that needs a reason before it may be called mergeable. */
  overriding: string | null
  rail: boolean
  sidebar: boolean
  /** Percentages of columns and rows by layout, `4@2x2`. */
  tileSizes: Readonly<Record<string, { columns: Record<string, number>; rows: Record<string, number> }>>
  panels: Readonly<Record<string, number>>
  /** Drafts of briefs by repository. */
  drafts: Readonly<Record<string, Draft>>
  /** Groups of the task list that are folded. */
  folded: Readonly<Record<string, boolean>>
}

/** Entity data and open overlays are not kept: they would be stale at the next start. */
type Kept = Pick<
  UiState,
  'repoId' | 'taskId' | 'focusedTile' | 'rail' | 'sidebar' | 'tileSizes' | 'panels' | 'drafts' | 'folded'
>

/** What a window may keep of drafts: the newest few, so that the storage never fills. */
const MAX_KEPT_DRAFTS = 20
const MAX_KEPT_FOCUS = 200
const WRITE_DELAY_MS = 250

/** Writes at most every 250 ms (a draft changes with every key) and at once when the window goes away. */
function lazyStorage(storage: Storage): StateStorage {
  const waiting = new Map<string, string>()
  let timer: ReturnType<typeof setTimeout> | null = null
  const flush = () => {
    if (timer) clearTimeout(timer)
    timer = null
    for (const [name, value] of waiting) {
      try {
        storage.setItem(name, value)
      } catch {
        // A full or forbidden storage costs the remembered layout, never the work: nothing to do about it here.
      }
    }
    waiting.clear()
  }
  window.addEventListener('pagehide', flush)
  return {
    getItem: (name) => waiting.get(name) ?? storage.getItem(name),
    setItem: (name, value) => {
      waiting.set(name, value)
      timer ??= setTimeout(flush, WRITE_DELAY_MS)
    },
    removeItem: (name) => {
      waiting.delete(name)
      storage.removeItem(name)
    },
  }
}

const newest = <T>(record: Readonly<Record<string, T>>, max: number): Record<string, T> =>
  Object.fromEntries(Object.entries(record).slice(-max))

/** Layout and focus of this window: nothing here is of interest to the core. */
export const useUi = create<UiState>()(
  persist(
    (): UiState => ({
      page: 'board',
      settingsTab: 'general',
      repoId: null,
      taskId: null,
      focusedTile: {},
      zoomed: false,
      pane: 'terminals',
      overlay: null,
      trashing: null,
      overriding: null,
      rail: true,
      sidebar: true,
      tileSizes: {},
      panels: {},
      drafts: {},
      folded: { abandoned: true },
    }),
    {
      name: 'quartet.window',
      version: 1,
      storage: createJSONStorage(() => lazyStorage(window.localStorage)),
      partialize: (state): Kept => ({
        repoId: state.repoId,
        taskId: state.taskId,
        focusedTile: newest(state.focusedTile, MAX_KEPT_FOCUS),
        rail: state.rail,
        sidebar: state.sidebar,
        tileSizes: state.tileSizes,
        panels: state.panels,
        drafts: newest(state.drafts, MAX_KEPT_DRAFTS),
        folded: state.folded,
      }),
    },
  ),
)

/** Opens a task on the board; the focus is the remembered tile, else `n`, else the first. */
export function openTask(taskId: string | null, n?: number): void {
  useUi.setState((state) => ({
    page: 'board',
    taskId,
    zoomed: false,
    pane: taskId === state.taskId ? state.pane : 'terminals',
    trashing: null,
    overriding: null,
    overlay: null,
    focusedTile: taskId && n ? { ...state.focusedTile, [taskId]: n } : state.focusedTile,
  }))
}

export function focusTile(taskId: string, n: number): void {
  useUi.setState((state) => ({ focusedTile: { ...state.focusedTile, [taskId]: n }, trashing: null }))
}

export function showOverlay(overlay: Overlay): void {
  useUi.setState({ overlay })
}
