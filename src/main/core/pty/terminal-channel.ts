/**
 * A pipe to one client for terminal frames (`shared/contract/terminal-frames.ts`), one frame per message. The web host
 * adapts a WebSocket, Electron a MessagePort. Authentication happened before.
 */
export interface TerminalChannel {
  /** Sends one message; never blocks, never throws (a closed channel swallows it). */
  send(bytes: Uint8Array): void
  onMessage(listener: (bytes: Uint8Array) => void): void
  onClose(listener: () => void): void
  close(): void
}
