import {
  type IpcMainEvent,
  ipcMain,
  MessageChannelMain,
  type MessagePortMain,
  type WebFrameMain,
} from 'electron'
import { DESKTOP_CHANNELS } from '../../shared/contract/desktop-channels.ts'
import type { Disposable } from '../kernel/disposable.ts'
import type { Logger } from '../kernel/logger.ts'
import type { CoreProcess } from './core-process.ts'
import { isOurFrame } from './security.ts'

/** A page that loses its ports more often than this in one load is broken: more ports would not help it. */
const MAX_PAIRS_PER_LOAD = 50

/**
 * Gives windows their two ports to the core: on request, and again whenever a new core is there. Main only creates the
 * channels; not a byte passes through it.
 */
export function brokerPorts(
  core: CoreProcess<MessagePortMain>,
  origins: readonly string[],
  log: Logger,
): Disposable {
  /** Frames that asked in their present load, and how often they were served. */
  const frames = new Map<WebFrameMain, number>()

  const offer = (frame: WebFrameMain) => {
    const count = frames.get(frame) ?? 0
    if (count >= MAX_PAIRS_PER_LOAD) return log.warn('a window asked for ports too often')
    const rpc = new MessageChannelMain()
    const terminals = new MessageChannelMain()
    if (!core.connect(rpc.port1, terminals.port1)) return
    frames.set(frame, count + 1)
    frame.postMessage(DESKTOP_CHANNELS.ports, null, [rpc.port2, terminals.port2])
  }

  const onRequest = (event: IpcMainEvent) => {
    const frame = event.senderFrame
    if (!frame || !isOurFrame(frame, origins)) {
      return log.warn('a request for ports from elsewhere was refused')
    }
    if (!frames.has(frame)) {
      frames.set(frame, 0)
      const contents = event.sender
      const forget = () => {
        frames.delete(frame)
        contents.removeListener('destroyed', forget)
        contents.removeListener('did-navigate', forget)
        contents.removeListener('render-process-gone', forget)
      }
      contents.on('destroyed', forget)
      contents.on('did-navigate', forget)
      contents.on('render-process-gone', forget)
    }
    offer(frame)
  }
  ipcMain.on(DESKTOP_CHANNELS.requestPorts, onRequest)
  const ready = core.onReady.on(() => {
    for (const frame of frames.keys()) {
      // Its page may have gone while there was no core.
      if (frame.isDestroyed() || !isOurFrame(frame, origins)) frames.delete(frame)
      else offer(frame)
    }
  })
  return {
    dispose: () => {
      ipcMain.removeListener(DESKTOP_CHANNELS.requestPorts, onRequest)
      ready.dispose()
    },
  }
}
