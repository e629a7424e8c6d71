import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { DESKTOP_CHANNELS } from '../shared/contract/desktop-channels.ts'

// Runs sandboxed beside the page, in a world of its own. It hands over ports and a handful of functions; the page never
// sees ipcRenderer or an event of Electron.

/** An opaque origin cannot be named as a target; the message stays in this window either way. */
const target = window.location.origin === 'null' ? '*' : window.location.origin

window.addEventListener('message', (event) => {
  // A frame or an opener could post the same words: only this very window is heard.
  if (event.source !== window || event.data?.type !== DESKTOP_CHANNELS.requestPorts) return
  ipcRenderer.send(DESKTOP_CHANNELS.requestPorts)
})

ipcRenderer.on(DESKTOP_CHANNELS.ports, (event) => {
  window.postMessage({ type: DESKTOP_CHANNELS.ports }, target, [...event.ports])
})

contextBridge.exposeInMainWorld(
  'quartet',
  Object.freeze({
    /** The real path of a file or folder that was dropped on the window. */
    pathForFile: (file: File): string => webUtils.getPathForFile(file),
    /** The native folder dialog; null when it was cancelled. */
    chooseFolder: (): Promise<unknown> => ipcRenderer.invoke(DESKTOP_CHANNELS.chooseFolder),
    /** Shows a path in the system's file manager. */
    reveal: (path: string): Promise<unknown> => ipcRenderer.invoke(DESKTOP_CHANNELS.reveal, path),
    /** The number on the app's icon; 0 removes it. */
    setBadge: (count: number): Promise<unknown> => ipcRenderer.invoke(DESKTOP_CHANNELS.badge, count),
  }),
)
