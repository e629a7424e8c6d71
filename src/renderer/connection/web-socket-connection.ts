import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/websocket'
import type { CoreClient } from '../../shared/contract/client.ts'
import { backoffMs } from './backoff.ts'
import { type BinaryChannel, type Connection, ConnectionStore, type CoreSession } from './connection.ts'

/** A socket that is not open by then never will be. */
const OPEN_TIMEOUT_MS = 10_000

/**
 * The way to the core of the web host: the token of the address' fragment is traded for a cookie once, then two
 * WebSockets carry calls and terminals. A broken one ends both, and both come back together.
 */
export function connectByWebSocket(window: Window): Connection {
  const store = new ConnectionStore()
  let timer: ReturnType<typeof setTimeout> | null = null
  let session: CoreSession | null = null
  let tries = 0
  let ended = false
  /** Counts the tries: a socket of an earlier one that opens late is not ours any more. */
  let generation = 0

  const fail = () => {
    session?.close()
    session = null
    if (ended) return
    const wait = backoffMs(tries, Math.random())
    tries += 1
    store.set({ phase: 'reconnecting', tries, retryAt: Date.now() + wait })
    if (timer) clearTimeout(timer)
    timer = setTimeout(() => void connect(), wait)
  }

  const connect = async () => {
    if (timer) clearTimeout(timer)
    timer = null
    generation += 1
    const mine = generation
    session?.close()
    session = null
    try {
      const opened = await openBoth(window)
      if (mine !== generation || ended) return opened.close()
      if (opened.broken()) return fail()
      session = opened.session
      tries = 0
      opened.onBreak(() => mine === generation && fail())
      store.set({ phase: 'ready', session })
    } catch {
      if (mine !== generation || ended) return
      // A refused upgrade tells a page nothing: ask over HTTP whether it is the token.
      const unknown = await refused(window)
      if (mine !== generation || ended) return
      if (unknown) store.set({ phase: 'unauthorized', message: null })
      else fail()
    }
  }

  const authorize = async (token: string) => {
    store.set({ phase: 'connecting' })
    const answer = await signIn(window, { token })
    if (answer === 'accepted') await connect()
    else if (answer === 'refused')
      store.set({ phase: 'unauthorized', message: 'That token does not open this Quartet.' })
    else
      store.set({
        phase: 'unauthorized',
        message: 'Quartet did not answer. Is it still running where you started it?',
      })
  }

  const begin = async () => {
    const proof = takeProof(window)
    // A refused proof may be an old address in a browser that is signed in: only then it is a problem.
    if (proof && (await signIn(window, proof)) === 'refused' && (await refused(window)))
      return store.set({
        phase: 'unauthorized',
        message: 'The token in the address is not (or no longer) the right one.',
      })
    await connect()
  }
  void begin()
  // The printed address opened in the tab that shows an older Quartet only changes the fragment: no page is loaded.
  const onHash = () => {
    const proof = takeProof(window)
    if (!proof) return
    void signIn(window, proof).then(() => {
      if (store.get().phase !== 'ready') void connect()
    })
  }
  window.addEventListener('hashchange', onHash)

  return {
    get: store.get,
    subscribe: store.subscribe,
    retry: () => void connect(),
    authorize,
    close: () => {
      ended = true
      window.removeEventListener('hashchange', onHash)
      if (timer) clearTimeout(timer)
      session?.close()
    },
  }
}

/** What a browser shows to be let in: the token, or a code that works once. */
type Proof = { token: string } | { code: string }

/** The proof of the fragment, which is then gone from the address bar and from the history. */
function takeProof(window: Window): Proof | null {
  const fragment = new URLSearchParams(window.location.hash.replace(/^#/, ''))
  const token = fragment.get('token')
  const code = fragment.get('code')
  if (token === null && code === null) return null
  window.history.replaceState(null, '', window.location.pathname + window.location.search)
  if (token !== null) return { token }
  return code === null ? null : { code }
}

async function signIn(window: Window, proof: Proof): Promise<'accepted' | 'refused' | 'silent'> {
  try {
    const response = await window.fetch('/auth', {
      method: 'POST',
      // No page of another origin can send this header without being asked for leave, which is never given.
      headers: { 'content-type': 'application/json', 'x-quartet': '1' },
      body: JSON.stringify(proof),
      credentials: 'same-origin',
      cache: 'no-store',
    })
    return response.ok ? 'accepted' : 'refused'
  } catch {
    return 'silent'
  }
}

/** True when the core answers and says that it does not know us. */
async function refused(window: Window): Promise<boolean> {
  try {
    const response = await window.fetch('/auth', { credentials: 'same-origin', cache: 'no-store' })
    return response.status === 401 || response.status === 403
  } catch {
    return false
  }
}

async function openBoth(window: Window) {
  const base = `${window.location.protocol === 'https:' ? 'wss' : 'ws'}://${window.location.host}/ws`
  const rpc = new WebSocket(`${base}/rpc`)
  const terminals = new WebSocket(`${base}/terminals`)
  terminals.binaryType = 'arraybuffer'
  const close = () => {
    rpc.close()
    terminals.close()
  }
  try {
    await Promise.all([opening(rpc), opening(terminals)])
  } catch (error) {
    close()
    throw error
  }
  const client: CoreClient = createORPCClient(new RPCLink({ websocket: rpc }))
  const session: CoreSession = { rpc: client, terminals: socketChannel(terminals), close }
  return {
    session,
    close,
    broken: () => rpc.readyState > WebSocket.OPEN || terminals.readyState > WebSocket.OPEN,
    onBreak: (listener: () => void) => {
      rpc.addEventListener('close', listener, { once: true })
      terminals.addEventListener('close', listener, { once: true })
    },
  }
}

function opening(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The socket did not open in time.')), OPEN_TIMEOUT_MS)
    socket.addEventListener('open', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.addEventListener('close', () => {
      clearTimeout(timer)
      reject(new Error('The socket was refused.'))
    })
  })
}

function socketChannel(socket: WebSocket): BinaryChannel {
  return {
    send: (bytes) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(bytes as Uint8Array<ArrayBuffer>)
    },
    onMessage: (listener) =>
      socket.addEventListener('message', (event) => {
        if (event.data instanceof ArrayBuffer) listener(new Uint8Array(event.data))
      }),
    onClose: (listener) => socket.addEventListener('close', listener),
    close: () => socket.close(),
  }
}
