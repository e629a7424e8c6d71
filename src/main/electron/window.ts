import { BrowserWindow, dialog, screen } from 'electron'
import type { Clock } from '../kernel/clock.ts'
import type { Logger } from '../kernel/logger.ts'
import { CrashBudget } from './crash-budget.ts'
import { keepWindow, restoreWindow } from './window-state.ts'

export interface WindowOptions {
  /** Address of the page: our own scheme, or the dev server's. */
  url: string
  preload: string
  /** File that remembers where the window was. */
  statePath: string
  clock: Clock
  log: Logger
}

/** A page that dies more often than this is not helped by another reload. */
const MAX_CRASHES = 3
const CRASH_WINDOW_MS = 60_000

/** Opens the window: no Node in it, sandboxed, isolated from its preload. It comes back after a crash of its page. */
export function openWindow(options: WindowOptions): BrowserWindow {
  const { log } = options
  const state = restoreWindow(
    options.statePath,
    screen.getAllDisplays().map((display) => display.workArea),
  )
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    ...state.bounds,
    minWidth: 900,
    minHeight: 600,
    show: false,
    title: 'Quartet',
    // The page's own ground colour: no white flash before its first paint.
    backgroundColor: '#0e1013',
    webPreferences: {
      preload: options.preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      safeDialogs: true,
      spellcheck: false,
    },
  })
  if (state.maximized) window.maximize()
  window.once('ready-to-show', () => window.show())
  window.on('close', () => {
    try {
      keepWindow(options.statePath, { bounds: window.getNormalBounds(), maximized: window.isMaximized() })
    } catch (error) {
      log.warn('the place of the window could not be kept', { error })
    }
  })

  const load = () =>
    window
      .loadURL(options.url)
      .catch((error: unknown) => log.error('the window could not be loaded', { error }))
  const crashes = new CrashBudget(MAX_CRASHES, CRASH_WINDOW_MS)
  const ask = async (message: string, detail: string, wait: string): Promise<boolean> => {
    const { response } = await dialog.showMessageBox(window, {
      type: 'warning',
      message,
      detail,
      buttons: ['Reload', wait],
      defaultId: 0,
      cancelId: 1,
    })
    return response === 0
  }
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    if (reason === 'clean-exit') return
    log.error('the window crashed', { reason, exitCode })
    if (crashes.record(options.clock.monotonic()) !== null) return void load()
    void ask(
      'The window keeps crashing.',
      'Your agents are not affected: they run in another process.',
      'Leave it',
    ).then((again) => {
      crashes.reset()
      if (again) return load()
      return undefined
    })
  })
  let asking = false
  window.on('unresponsive', () => {
    if (asking) return
    asking = true
    void ask('The window does not respond.', 'Reloading it does not affect your agents.', 'Wait').then(
      (again) => {
        asking = false
        if (again) window.webContents.forcefullyCrashRenderer()
      },
    )
  })
  void load()
  return window
}
