import type { WebSocket } from 'ws'
import { z } from 'zod'

/** A connection that carries text messages of the RPC protocol, whatever transport is below. */
export interface TextPipe {
  send(text: string): void
  onText(listener: (text: string) => void): void
  /** The peer broke the protocol of the transport (binary where text belongs). */
  onViolation(listener: (reason: string) => void): void
  onClose(listener: () => void): void
  /** Ends the connection; `code` is a WebSocket close code. */
  close(code: number, reason: string): void
}

/**
 * What the MessagePort of Node's worker_threads, Electron's MessagePortMain and a utility process's parent port have in
 * common. Electron's emit an event `{data}`; Node's gives such an event only to `addEventListener`.
 */
export interface PortLike {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown
  on(event: 'close', listener: () => void): unknown
  addEventListener?(type: string, listener: (event: Event) => void): void
  start?(): void
  close?(): void
}

/** Hears messages and the end of a port of either kind. */
export function listenToPort(port: PortLike, onData: (data: unknown) => void, onClose: () => void): void {
  if (port.addEventListener) {
    port.addEventListener('message', (event) => onData('data' in event ? event.data : undefined))
    port.addEventListener('close', onClose)
  } else {
    port.on('message', (event) => onData(event.data))
    port.on('close', onClose)
  }
}

/** Answers wait here when a client does not read; a healthy one never gets near it, the largest answer is 4 MiB. */
export const MAX_UNSENT_BYTES = 32 * 1024 * 1024

/** Text messages over a WebSocket; a client that does not read its answers is dropped. */
export function webSocketPipe(ws: WebSocket, maxUnsentBytes = MAX_UNSENT_BYTES): TextPipe {
  return {
    send: (text) => {
      if (ws.readyState !== ws.OPEN) return
      if (ws.bufferedAmount > maxUnsentBytes) ws.terminate()
      else ws.send(text)
    },
    onText: (listener) => {
      // ws hands over a Buffer, text or not.
      ws.on('message', (data, isBinary) => {
        if (!isBinary) listener(data.toString())
      })
    },
    onViolation: (listener) => {
      ws.on('message', (_data, isBinary) => {
        if (isBinary) listener('binary message')
      })
      // An oversize or malformed frame: ws closes the connection itself, without a listener the process would die.
      ws.on('error', (error) => listener(error.message))
    },
    onClose: (listener) => ws.on('close', listener),
    close: (code, reason) => ws.close(code, reason),
  }
}

/**
 * Text messages over a MessagePort. A port has no backlog that could be read, so what is pushed over it must be bounded by
 * acknowledgements (state.ack, terminal credits).
 */
export function messagePortPipe(port: PortLike): TextPipe {
  const text: ((text: string) => void)[] = []
  const violation: ((reason: string) => void)[] = []
  const closed: (() => void)[] = []
  listenToPort(
    port,
    (data) => {
      if (typeof data === 'string') for (const listener of text) listener(data)
      else for (const listener of violation) listener('message that is not text')
    },
    () => {
      for (const listener of closed) listener()
    },
  )
  return {
    send: (message) => port.postMessage(message),
    onText: (listener) => text.push(listener),
    onViolation: (listener) => violation.push(listener),
    onClose: (listener) => closed.push(listener),
    close: () => port.close?.(),
  }
}

/** Larger than any brief or answer of the contract. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024

const ABORT = 4

/** The two messages that our clients send: a call, or its abort. Headers are not ours and are dropped. */
const Message = z.union([
  z.object({ i: z.string().min(1).max(64), t: z.literal(ABORT) }).transform(({ i, t }) => ({ i, t })),
  z
    .object({
      i: z.string().min(1).max(64),
      t: z.literal(1).optional(),
      p: z.object({ u: z.string().regex(/^\/[\w/-]{1,200}$/), b: z.unknown() }),
    })
    .transform(({ i, p }) => ({ i, p: { u: p.u, b: p.b } })),
])

/** A decoded message of the protocol, or the reason why it is none. */
export function parseMessage(text: string): { message: object } | { violation: string } {
  if (text.length > MAX_MESSAGE_BYTES) return { violation: 'message too long' }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { violation: 'message is not JSON' }
  }
  const parsed = Message.safeParse(json)
  return parsed.success ? { message: parsed.data } : { violation: 'message is not of the protocol' }
}
