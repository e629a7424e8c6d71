import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/message-port'
import type { CoreClient } from '../../shared/contract/client.ts'
import { DESKTOP_CHANNELS } from '../../shared/contract/desktop-channels.ts'
import { type BinaryChannel, type Connection, ConnectionStore } from './connection.ts'

/**
 * The way to the core of the desktop host: the preload hands over two MessagePorts, again after each restart of the
 * core. Nothing is retried from here: main knows when a core is there.
 */
export function connectByPorts(window: Window): Connection {
  const store = new ConnectionStore()
  let close: () => void = () => {}
  const lost = () => {
    close()
    if (store.get().phase === 'ready') {
      store.set({ phase: 'reconnecting', tries: 0, retryAt: Date.now() })
      ask()
    }
  }
  const ask = () => window.postMessage({ type: DESKTOP_CHANNELS.requestPorts }, '*')
  const onMessage = (event: MessageEvent) => {
    // Only this very window speaks for the preload: a frame or an opener could post the same words.
    if (event.source !== window || event.data?.type !== DESKTOP_CHANNELS.ports) return
    const [rpcPort, terminalPort] = event.ports
    if (!rpcPort || !terminalPort) return
    close()
    const client: CoreClient = createORPCClient(new RPCLink({ port: rpcPort }))
    const terminals = portChannel(terminalPort)
    rpcPort.addEventListener('close', lost)
    rpcPort.start()
    const session = { rpc: client, terminals, close: () => close() }
    close = () => {
      close = () => {}
      rpcPort.removeEventListener('close', lost)
      rpcPort.close()
      terminals.close()
    }
    store.set({ phase: 'ready', session })
  }
  window.addEventListener('message', onMessage)
  ask()
  return {
    get: store.get,
    subscribe: store.subscribe,
    retry: ask,
    authorize: () => Promise.resolve(),
    close: () => {
      window.removeEventListener('message', onMessage)
      close()
    },
  }
}

function portChannel(port: MessagePort): BinaryChannel {
  return {
    send: (bytes) => port.postMessage(bytes),
    onMessage: (listener) => {
      port.addEventListener('message', (event) => {
        if (event.data instanceof Uint8Array) listener(event.data)
        else if (event.data instanceof ArrayBuffer) listener(new Uint8Array(event.data))
      })
      port.start()
    },
    onClose: (listener) => port.addEventListener('close', listener),
    close: () => port.close(),
  }
}
