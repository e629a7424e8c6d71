import { app, dialog, type MessagePortMain } from 'electron'
import type { Logger } from '../kernel/logger.ts'
import type { CoreProcess } from './core-process.ts'

/** Buttons of the question, in order; the first is what Enter does, the last what Escape does. */
const BUTTONS = ['Keep agents running', 'Stop agents', 'Cancel'] as const

/**
 * Quitting while agents are at work asks what becomes of them, then ends the core in order before the app goes. Quitting
 * again while the core ends does not ask again. `onStay` is called when the user thought better of it.
 */
export function guardQuit(core: CoreProcess<MessagePortMain>, onStay: () => void, log: Logger): void {
  let state: 'open' | 'asking' | 'ended' = 'open'
  const decide = async () => {
    let stopAgents = false
    if (await core.busy()) {
      const { response } = await dialog.showMessageBox({
        type: 'question',
        message: 'Agents are still at work.',
        detail: 'They can go on without Quartet and are found again at the next start.',
        buttons: [...BUTTONS],
        defaultId: 0,
        cancelId: 2,
      })
      if (response === 2) {
        state = 'open'
        onStay()
        return
      }
      stopAgents = response === 1
    }
    await core.end({ stopAgents })
    state = 'ended'
    app.quit()
  }
  app.on('before-quit', (event) => {
    if (state === 'ended') return
    event.preventDefault()
    if (state === 'asking') return
    state = 'asking'
    decide().catch((error: unknown) => {
      log.error('quitting failed', { error })
      state = 'ended'
      app.quit()
    })
  })
  // A client (the command line) ended the core: nothing is left to show.
  core.onEnded.on(() => {
    if (state !== 'open') return
    state = 'ended'
    app.quit()
  })
}
