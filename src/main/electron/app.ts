import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { app, type BrowserWindow, dialog, type MessagePortMain, session, utilityProcess } from 'electron'
import { messageOf } from '../../shared/domain/failure.ts'
import { placesOf } from '../core/data-dir.ts'
import { systemClock } from '../kernel/clock.ts'
import { createLogger, fileSink, silentLogger } from '../kernel/logger.ts'
import { defaultDataDir } from '../kernel/paths.ts'
import { Redactor } from '../kernel/redact.ts'
import { registerAppScheme, serveAppScheme } from './app-protocol.ts'
import { offerCapabilities } from './capabilities.ts'
import { coreEnvironment } from './core-environment.ts'
import { CoreProcess } from './core-process.ts'
import { watchTroubles } from './core-troubles.ts'
import { openKeychain } from './keychain.ts'
import { setMenu } from './menu.ts'
import { brokerPorts } from './port-broker.ts'
import { guardQuit } from './quit.ts'
import { APP_ORIGIN, guardContents, guardSession, originOf } from './security.ts'
import { openWindow, type WindowOptions } from './window.ts'

/**
 * The desktop shell: windows, menus, supervision of the core. Everything that must be in place before the app is ready
 * happens before the first await. Resolves when the window is open, or at once when another instance took over.
 */
export async function runApp(root: string): Promise<void> {
  let log = silentLogger
  let phase = 'opening the data directory'
  try {
    const places = placesOf(dataDirOf(process.argv))
    const userData = join(places.root, 'electron')
    mkdirSync(places.logs, { recursive: true, mode: 0o700 })
    mkdirSync(userData, { recursive: true, mode: 0o700 })
    log = createLogger(fileSink(join(places.logs, 'shell.log')), new Redactor(), 'shell')

    phase = 'becoming ready'
    app.enableSandbox()
    registerAppScheme()
    // Electron's own files, and with them the lock of one instance, belong to one data directory.
    app.setPath('userData', userData)
    if (!app.requestSingleInstanceLock()) {
      app.quit()
      return
    }
    // Only while developing: a packaged app loads nothing that an environment variable names.
    const devUrl = app.isPackaged ? undefined : process.env.ELECTRON_RENDERER_URL
    const origins = devUrl ? [APP_ORIGIN, originOf(devUrl)] : [APP_ORIGIN]
    guardContents(origins, log)
    await app.whenReady()

    phase = 'closing the session'
    guardSession(session.defaultSession, origins, log)
    serveAppScheme(join(root, 'out', 'renderer'))
    setMenu({ platform: process.platform, developer: !app.isPackaged })

    phase = 'starting the core'
    const core = new CoreProcess<MessagePortMain>({
      fork: () =>
        utilityProcess.fork(
          join(root, 'out', 'main', 'core.js'),
          ['--data-dir', places.root, '--node-path', process.execPath],
          { serviceName: 'Quartet core', env: coreEnvironment(process.env), stdio: 'inherit' },
        ),
      keychain: openKeychain(places.secretsPath),
      clock: systemClock,
      log,
    })
    const show = keepOneWindow({
      url: devUrl ?? `${APP_ORIGIN}/`,
      preload: join(root, 'out', 'preload', 'index.cjs'),
      statePath: join(places.root, 'window.json'),
      clock: systemClock,
      log,
    })
    guardQuit(core, show, log)
    watchTroubles(core, places.logs, log)
    brokerPorts(core, origins, log)
    offerCapabilities(origins, log)
    core.start()

    phase = 'opening the window'
    show()
    app.on('second-instance', show)
    app.on('activate', show)
    app.on('window-all-closed', () => {
      // On a Mac an app lives on without windows.
      if (process.platform !== 'darwin') app.quit()
    })
  } catch (error) {
    log.error('the app could not start', { phase, error })
    dialog.showErrorBox('Quartet could not start', `While ${phase}: ${messageOf(error)}`)
    app.exit(1)
  }
}

/** Gives what brings the one window to the front, opening it when there is none. */
function keepOneWindow(options: WindowOptions): () => void {
  let window: BrowserWindow | null = null
  return () => {
    if (window) {
      if (window.isMinimized()) window.restore()
      window.focus()
      return
    }
    window = openWindow(options)
    window.on('closed', () => {
      window = null
    })
  }
}

function dataDirOf(argv: readonly string[]): string {
  const { values } = parseArgs({
    args: argv.slice(1),
    // Chromium's own switches are among them.
    strict: false,
    options: { 'data-dir': { type: 'string' } },
  })
  const asked = values['data-dir']
  return typeof asked === 'string' ? asked : defaultDataDir()
}
