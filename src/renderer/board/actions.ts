import type { Attempt } from '../../shared/domain/attempt.ts'
import { occupiesSlot } from '../../shared/machines/attempt-machine.ts'
import { canTask } from '../../shared/machines/task-machine.ts'
import { canRestore, canResume } from '../attempt/TileMenu.tsx'
import {
  abandonTask,
  continueLanding,
  fireBlocked,
  fireNextRound,
  goToLesson,
} from '../attempt/task-actions.ts'
import {
  markMergeable,
  mergeableBlocked,
  restoreAttempt,
  resumeAgent,
  stopAgent,
  trash,
  trashBlocked,
  undoBlocked,
  undoVerdict,
} from '../attempt/verdict-actions.ts'
import type { App } from '../connection/app-context.ts'
import { reviewActions } from '../review/review-actions.ts'
import { saveSettings } from '../settings/save-settings.ts'
import { useEntities } from '../state/entities.ts'
import { useHost } from '../state/host.ts'
import {
  currentTask,
  focusedAttempt,
  goToNextThatNeedsMe,
  shownAttempts,
  stepTask,
} from '../state/selection.ts'
import { toast } from '../state/toasts.ts'
import { focusTile, showOverlay, type TaskPane, useUi } from '../state/ui.ts'
import { useTerminalUi } from '../terminal/terminal-ui.ts'
import type { CommandAction, CommandActions } from '../ui/commands.ts'
import { themeName } from '../ui/theme.ts'

const FONT_MIN = 8
const FONT_MAX = 32

/** Binds every command to what it does in this window; each looks at the state in the moment it is given. */
export function makeActions(app: App): CommandActions {
  const onAttempt = (
    run: (attempt: Attempt) => void,
    blocked: (attempt: Attempt | null) => string | null,
  ): CommandAction => ({
    run: () => {
      const attempt = focusedAttempt()
      const why = blocked(attempt)
      if (why) toast('info', why)
      else if (attempt) run(attempt)
    },
    blocked: () => blocked(focusedAttempt()),
  })
  const needTask = () => (currentTask() ? null : 'No task is open.')
  const pane = (which: TaskPane): CommandAction => ({
    run: () =>
      useUi.setState((state) => ({ page: 'board', pane: state.pane === which ? 'terminals' : which })),
    blocked: needTask,
  })
  const tile = (n: number): CommandAction => ({
    run: () => {
      const task = currentTask()
      if (!task) return
      const attempts = shownAttempts(useEntities.getState(), task)
      const wanted = n === 9 ? attempts.at(-1) : attempts.find((attempt) => attempt.n === n)
      if (!wanted) return
      focusTile(task.id, wanted.n)
      if (useUi.getState().pane === 'timeline') useUi.setState({ pane: 'terminals' })
    },
    blocked: needTask,
  })
  const fontSize = (by: number) => {
    const size = useHost.getState().settings?.fontSize
    if (size !== undefined)
      void saveSettings(app, { fontSize: Math.min(FONT_MAX, Math.max(FONT_MIN, size + by)) })
  }
  const terminalOf = () => {
    const id = focusedAttempt()?.terminalId
    return id ? { id, session: app.terminals.session(id) } : null
  }
  const needTerminal = () => (terminalOf()?.session ? null : 'No terminal is shown.')

  return {
    'task.new': { run: () => showOverlay('composer') },
    'nav.needsMe': {
      run: () => {
        if (!goToNextThatNeedsMe()) toast('ok', 'Nothing waits for you.')
      },
    },
    'nav.nextTask': { run: () => stepTask(1) },
    'nav.previousTask': { run: () => stepTask(-1) },
    'task.fireAgain': {
      run: () => {
        const task = currentTask()
        if (task && !fireBlocked(task)) void fireNextRound(app, task)
      },
      blocked: () => fireBlocked(currentTask()),
    },
    'task.lesson': {
      run: goToLesson,
      blocked: () => (currentTask()?.status === 'rework' ? null : 'This task is not in rework.'),
    },
    'task.land': {
      run: () => {
        const task = currentTask()
        if (task?.status === 'landing') void continueLanding(app, task)
      },
      blocked: () => (currentTask()?.status === 'landing' ? null : 'This task does not land now.'),
    },
    'task.abandon': {
      run: () => {
        const task = currentTask()
        if (task) void abandonTask(app, task)
      },
      blocked: () => {
        const task = currentTask()
        if (!task) return 'No task is open.'
        return canTask(task.status, 'abandon') ? null : `The task is ${task.status} already.`
      },
    },
    'verdict.mergeable': onAttempt((attempt) => void markMergeable(app, attempt), mergeableBlocked),
    'verdict.trash': onAttempt((attempt) => {
      if (useUi.getState().trashing === attempt.id) void trash(app, attempt)
      else useUi.setState({ trashing: attempt.id })
    }, trashBlocked),
    'verdict.undo': {
      run: () => {
        const attempt = lastJudged()
        const why = undoBlocked(attempt, Date.now())
        if (why) toast('info', why)
        else if (attempt) void undoVerdict(app, attempt)
      },
      blocked: () => undoBlocked(lastJudged(), Date.now()),
    },
    'attempt.stop': onAttempt(
      (attempt) => void stopAgent(app, attempt),
      (attempt) => (attempt && occupiesSlot(attempt.status) ? null : 'There is no agent at work to stop.'),
    ),
    'attempt.resume': onAttempt(
      (attempt) => void resumeAgent(app, attempt),
      (attempt) => (attempt && canResume(attempt) ? null : 'This attempt cannot be resumed now.'),
    ),
    'attempt.restore': onAttempt(
      (attempt) => void restoreAttempt(app, attempt),
      (attempt) => (attempt && canRestore(attempt) ? null : 'This attempt is not in the trash.'),
    ),
    'tile.1': tile(1),
    'tile.2': tile(2),
    'tile.3': tile(3),
    'tile.4': tile(4),
    'tile.5': tile(5),
    'tile.6': tile(6),
    'tile.7': tile(7),
    'tile.8': tile(8),
    'tile.9': tile(9),
    'tile.zoom': {
      run: () => useUi.setState((state) => ({ zoomed: !state.zoomed, pane: 'terminals' })),
      blocked: needTask,
    },
    'view.terminals': {
      run: () => useUi.setState({ page: 'board', pane: 'terminals', zoomed: false }),
      blocked: needTask,
    },
    'view.matrix': pane('matrix'),
    'view.diff': pane('diff'),
    ...reviewActions(app),
    'view.timeline': pane('timeline'),
    'view.replay': {
      run: pane('replay').run,
      blocked: () => (focusedAttempt()?.terminalId ? null : 'There is no terminal to replay.'),
    },
    'view.sidebar': { run: () => useUi.setState((state) => ({ sidebar: !state.sidebar })) },
    'view.rail': { run: () => useUi.setState((state) => ({ rail: !state.rail })) },
    'terminal.enter': {
      run: () => {
        const at = terminalOf()
        if (at) app.terminals.enter(at.id)
      },
      blocked: needTerminal,
    },
    'terminal.leave': {
      run: () => {
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
      },
    },
    'terminal.search': {
      run: () => {
        const at = terminalOf()
        if (at?.session) useTerminalUi.setState({ searching: at.id })
      },
      blocked: needTerminal,
    },
    'terminal.copy': {
      run: () => {
        const text = terminalOf()?.session?.term.getSelection()
        if (text)
          void navigator.clipboard
            .writeText(text)
            .catch(() => toast('bad', 'The clipboard is not allowed here.'))
      },
    },
    'terminal.paste': {
      run: () => {
        const session = terminalOf()?.session
        if (!session) return
        void navigator.clipboard
          .readText()
          .then((text) => session.paste(text))
          .catch(() =>
            toast(
              'info',
              'The browser does not let Quartet read the clipboard. Paste with Ctrl+V or the menu.',
            ),
          )
      },
    },
    'terminal.larger': { run: () => fontSize(1) },
    'terminal.smaller': { run: () => fontSize(-1) },
    'app.palette': { run: () => showOverlay(useUi.getState().overlay === 'palette' ? null : 'palette') },
    'app.help': { run: () => showOverlay('help') },
    'repo.add': { run: () => showOverlay('add-repository') },
    'app.settings': {
      run: () => useUi.setState((state) => ({ page: state.page === 'settings' ? 'board' : 'settings' })),
    },
    'app.workflow': { run: () => useUi.setState({ page: 'settings', settingsTab: 'workflow' }) },
    'app.doctor': { run: () => useUi.setState({ page: 'settings', settingsTab: 'doctor' }) },
    'app.theme': {
      run: () => void saveSettings(app, { theme: themeName() === 'dark' ? 'light' : 'dark' }),
    },
    'app.shutdown': { run: () => showOverlay('quit') },
  }
}

/** The attempt whose verdict was given last in the open task, focused or not: that is what Undo means. */
function lastJudged(): Attempt | null {
  const task = currentTask()
  if (!task) return null
  let last: Attempt | null = null
  for (const attempt of shownAttempts(useEntities.getState(), task)) {
    if (!attempt.verdict || attempt.verdict.reasons.includes('lost to sibling')) continue
    if (!last?.verdict || attempt.verdict.at > last.verdict.at) last = attempt
  }
  return last
}
