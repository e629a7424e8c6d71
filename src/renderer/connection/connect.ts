import type { Connection } from './connection.ts'
import { connectByPorts } from './message-port-connection.ts'
import { connectByWebSocket } from './web-socket-connection.ts'

/** What the preload of the desktop host adds to the window. */
export interface Bridge {
  /** The real path of a file or folder that was dropped on the window. */
  pathForFile?(file: File): string
  /** The native folder dialog; null when it was cancelled. */
  chooseFolder?(): Promise<string | null>
  /** The number on the app's icon; 0 removes it. */
  setBadge?(count: number): Promise<unknown>
}

declare global {
  interface Window {
    readonly quartet?: Bridge
  }
}

/** The way to the core: over the preload's ports where there is one, else over the web host's sockets. */
export function connect(window: Window): Connection {
  return window.quartet ? connectByPorts(window) : connectByWebSocket(window)
}
