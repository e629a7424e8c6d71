import { create } from 'zustand'
import { createJSONStorage, persist } from 'zustand/middleware'
import { lazyStorage } from './lazy-storage.ts'

export type Page = 'board' | 'settings'
export type TaskPane = 'terminals' | 'matrix' | 'diff' | 'timeline' | 'replay'
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
  /** Attempt whose agent is about to be told to go on, with what was said of its lines. */
  keepingGoing: string | null
  /** Attempt that the focused one is compared with in the diff; null for the base. */
  against: string | null
  /** Row that sorts the matrix; null for the order of the slots. */
  matrixSort: { row: string; reverse: boolean } | null
  rail: boolean
  sidebar: boolean
  /** Percentages of columns and rows by layout, `4@2x2`. */
  tileSizes: Readonly<Record<string, { columns: Record<string, number>; rows: Record<string, number> }>>
  /** Widths in px of the panels at the sides that somebody dragged. */
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
      keepingGoing: null,
      against: null,
      matrixSort: null,
      rail: true,
      sidebar: true,
      tileSizes: {},
      panels: {},
      drafts: {},
      folded: { abandoned: true },
    }),
    {
      name: 'quartet.window',
      version: 2,
      // The first version also wrote down widths that nobody had chosen.
      migrate: (kept) => ({ ...(kept as Kept), panels: {} }),
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
    keepingGoing: null,
    against: taskId === state.taskId ? state.against : null,
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
