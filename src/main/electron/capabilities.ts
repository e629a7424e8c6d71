import { isAbsolute } from 'node:path'
import { app, BrowserWindow, dialog, type IpcMainInvokeEvent, ipcMain, shell } from 'electron'
import { z } from 'zod'
import { DESKTOP_CHANNELS } from '../../shared/contract/desktop-channels.ts'
import type { Disposable } from '../kernel/disposable.ts'
import type { Logger } from '../kernel/logger.ts'
import { isOurFrame } from './security.ts'

/** Answers what only a desktop can do for its window. Every call is checked: who asks, and what it says. */
export function offerCapabilities(origins: readonly string[], log: Logger): Disposable {
  const channels: string[] = []
  const handle = <S extends z.ZodType>(
    channel: string,
    schema: S,
    work: (input: z.infer<S>, event: IpcMainInvokeEvent) => unknown,
  ) => {
    channels.push(channel)
    ipcMain.handle(channel, async (event, input: unknown) => {
      if (!isOurFrame(event.senderFrame, origins)) {
        log.warn('a call from elsewhere was refused', { channel })
        throw new Error('refused')
      }
      const parsed = schema.safeParse(input)
      if (!parsed.success) throw new Error('invalid input')
      return work(parsed.data, event)
    })
  }

  handle(DESKTOP_CHANNELS.chooseFolder, z.undefined(), async (_input, event) => {
    const window = BrowserWindow.fromWebContents(event.sender)
    const options = { properties: ['openDirectory' as const], title: 'Choose a repository' }
    const result = window
      ? await dialog.showOpenDialog(window, options)
      : await dialog.showOpenDialog(options)
    return result.canceled ? null : (result.filePaths[0] ?? null)
  })
  handle(DESKTOP_CHANNELS.reveal, z.string().min(1).max(4_096).refine(isAbsolute), (path) => {
    // Shows it in its folder; opening would run it.
    shell.showItemInFolder(path)
  })
  handle(DESKTOP_CHANNELS.badge, z.number().int().min(0).max(9_999), (count) => {
    app.setBadgeCount(count)
  })
  return {
    dispose: () => {
      for (const channel of channels) ipcMain.removeHandler(channel)
    },
  }
}
