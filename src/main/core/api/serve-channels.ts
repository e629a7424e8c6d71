import type { WebSocket } from 'ws'
import { Emitter } from '../../kernel/emitter.ts'
import type { BinaryChannel } from '../options.ts'
import { listenToPort, type PortLike } from './serve-pipe.ts'

/** A viewer that lets this much pile up does not read: it is dropped alone and resynchronises when it comes back. */
export const MAX_BUFFERED_BYTES = 8 * 1024 * 1024

/** Terminal frames over a WebSocket. `close` code 1013 tells a dropped client to come back later. */
export function webSocketChannel(ws: WebSocket, maxBufferedBytes = MAX_BUFFERED_BYTES): BinaryChannel {
  const messages = new Emitter<Uint8Array>()
  const closed = new Emitter<void>()
  ws.on('message', (data, isBinary) => {
    if (!isBinary) ws.close(1003, 'terminal frames are binary')
    else if (data instanceof Buffer)
      messages.emit(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  })
  ws.on('close', () => closed.emit())
  // ws ends the connection itself; without a listener an oversize frame would end the process.
  ws.on('error', () => {})
  return {
    send: (bytes) => {
      if (ws.readyState !== ws.OPEN) return
      ws.send(bytes, { binary: true })
      if (ws.bufferedAmount <= maxBufferedBytes) return
      ws.close(1013, 'too slow')
      // The close frame stands behind everything that is not read: do not wait for it.
      ws.terminate()
    },
    onMessage: (listener) => messages.on(listener),
    onClose: (listener) => closed.on(listener),
    close: () => ws.close(1000),
  }
}

/**
 * Terminal frames over a MessagePort. A port tells nothing of its backlog: what is in flight is bounded by the credits of
 * the terminal protocol.
 */
export function messagePortChannel(port: PortLike): BinaryChannel {
  const messages = new Emitter<Uint8Array>()
  const closed = new Emitter<void>()
  let open = true
  listenToPort(
    port,
    (data) => {
      if (data instanceof Uint8Array) messages.emit(data)
      else if (data instanceof ArrayBuffer) messages.emit(new Uint8Array(data))
      else port.close?.()
    },
    () => {
      open = false
      closed.emit()
    },
  )
  let started = false
  return {
    send: (bytes) => {
      if (!open) return
      // Cloning a view clones the whole memory below it: of a pooled Buffer that would be 8 KiB of other people's data.
      port.postMessage(bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes))
    },
    onMessage: (listener) => {
      const heard = messages.on(listener)
      // Started with its first listener, so that nothing that came before is missed.
      if (!started) port.start?.()
      started = true
      return heard
    },
    onClose: (listener) => closed.on(listener),
    close: () => port.close?.(),
  }
}
