import { useMemo } from 'react'
import { Group, Panel, Separator } from 'react-resizable-panels'
import { TaskView } from './attempt/TaskView.tsx'
import { AddRepository } from './board/AddRepository.tsx'
import { makeActions } from './board/actions.ts'
import { ActionsContext } from './board/actions-context.ts'
import { Composer } from './board/Composer.tsx'
import { FirstRun } from './board/FirstRun.tsx'
import { Gate } from './board/Gate.tsx'
import { HelpOverlay } from './board/HelpOverlay.tsx'
import { NothingOpen } from './board/NothingOpen.tsx'
import { Palette } from './board/Palette.tsx'
import { QuitDialog } from './board/QuitDialog.tsx'
import { Sidebar } from './board/Sidebar.tsx'
import { TopBar } from './board/TopBar.tsx'
import { useAttention } from './board/use-attention.ts'
import { useFolderDrop } from './board/use-folder-drop.ts'
import { useKeyboard } from './board/use-keyboard.ts'
import { AppContext, type App as AppServices } from './connection/app-context.ts'
import { useAttend } from './pulls/use-attend.ts'
import { SettingsPage } from './settings/SettingsPage.tsx'
import { useEntities } from './state/entities.ts'
import { useUi } from './state/ui.ts'
import { TerminalDialogs } from './terminal/TerminalDialogs.tsx'
import type { CommandActions } from './ui/commands.ts'
import { useSidePanel } from './ui/side-panel.ts'
import { Toasts } from './ui/Toasts.tsx'
import { TooltipProvider } from './ui/Tooltip.tsx'
import './board/board.css'
import './board/gate.css'

/** The whole window. */
export function App({ services }: { services: AppServices }) {
  const actions = useMemo(() => makeActions(services), [services])
  return (
    <AppContext value={services}>
      <ActionsContext value={actions}>
        <TooltipProvider>
          <Gate>
            <Window actions={actions} />
          </Gate>
          <Toasts />
        </TooltipProvider>
      </ActionsContext>
    </AppContext>
  )
}

function Window({ actions }: { actions: CommandActions }) {
  useKeyboard(actions)
  useAttention()
  useAttend()
  useFolderDrop()
  return <Screen />
}

function Screen() {
  const loaded = useEntities((state) => state.loaded)
  const empty = useEntities((state) => Object.keys(state.repositories).length === 0)
  const page = useUi((state) => state.page)
  const taskId = useUi((state) => state.taskId)
  // A task that was just fired is opened before its rows arrive.
  const known = useEntities((state) => taskId !== null && taskId in state.tasks)
  const sidebar = useUi((state) => state.sidebar)
  const { panel, group } = useSidePanel('sidebar')

  return (
    <div className="app">
      <TopBar />
      {loaded && empty && page === 'board' ? (
        <FirstRun />
      ) : (
        <Group className="work" id="work" orientation="horizontal" {...group}>
          {sidebar ? (
            <>
              <Panel id="work-sidebar" {...panel}>
                <Sidebar />
              </Panel>
              <Separator className="work-line" id="sidebar-line" />
            </>
          ) : null}
          <Panel id="work-main" minSize={480}>
            {page === 'settings' ? (
              <SettingsPage />
            ) : taskId && known ? (
              <TaskView key={taskId} taskId={taskId} />
            ) : (
              <NothingOpen />
            )}
          </Panel>
        </Group>
      )}
      <Overlays />
    </div>
  )
}

function Overlays() {
  const overlay = useUi((state) => state.overlay)
  return (
    <>
      {overlay === 'palette' ? <Palette /> : null}
      {overlay === 'help' ? <HelpOverlay /> : null}
      {overlay === 'composer' ? <Composer /> : null}
      {overlay === 'add-repository' ? <AddRepository /> : null}
      {overlay === 'quit' ? <QuitDialog /> : null}
      <TerminalDialogs />
    </>
  )
}
