import { app, dialog, type MessagePortMain, shell } from 'electron'
import type { Logger } from '../kernel/logger.ts'
import type { CoreFailure, CoreProcess } from './core-process.ts'
import { openLink } from './security.ts'

/** Explains why there is no core, and offers what can be done about it. */
export function watchTroubles(core: CoreProcess<MessagePortMain>, logsDir: string, log: Logger): void {
  const report = (work: Promise<void>) => {
    work.catch((error: unknown) => log.error('a dialog failed', { error }))
  }
  core.onGaveUp.on(({ exitCode }) => report(gaveUp(core, exitCode, logsDir)))
  core.onFailed.on((failure) => report(failed(core, failure, log)))
}

async function gaveUp(core: CoreProcess<MessagePortMain>, exitCode: number, logsDir: string): Promise<void> {
  for (;;) {
    const { response } = await dialog.showMessageBox({
      type: 'error',
      message: 'Quartet’s core keeps crashing.',
      detail: `It was restarted several times (last exit code ${exitCode}). Agents at work go on. The log tells more.`,
      buttons: ['Restart it', 'Show the log', 'Quit'],
      defaultId: 0,
      cancelId: 2,
    })
    if (response === 0) return core.restart()
    if (response === 2) return app.quit()
    await shell.openPath(logsDir)
  }
}

async function failed(core: CoreProcess<MessagePortMain>, failure: CoreFailure, log: Logger): Promise<void> {
  const other = failure.code === 'data_dir_locked' ? failure.url : null
  const { response } = await dialog.showMessageBox({
    type: 'error',
    message: failure.message,
    detail: other
      ? `It is served at ${other} and can be opened in a browser.`
      : 'Quartet cannot start like this.',
    buttons: other ? ['Try again', 'Quit', 'Open in the browser'] : ['Try again', 'Quit'],
    defaultId: 0,
    cancelId: 1,
  })
  if (response === 0) return core.restart()
  if (response === 2 && other) await openLink(other, log)
  app.quit()
}
