import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Logger } from '../../kernel/logger.ts'
import type { ApiServer } from '../api/serve.ts'
import { webSocketChannel } from '../api/serve-channels.ts'
import { MAX_MESSAGE_BYTES } from '../api/serve-pipe.ts'
import type { BinaryChannel } from '../options.ts'
import type { Auth } from './auth.ts'
import { judgeAct, judgeHost, type Refusal } from './request-policy.ts'

export interface SocketDoorOptions {
  auth: Auth
  port: number
  log: Logger
  heartbeatMs: number
  maxClients: number
}

/** A terminal frame of a client is an input of at most a large paste. */
const MAX_TERMINAL_FRAME_BYTES = 1024 * 1024
/** How long a client may take to answer our good-bye. */
const FAREWELL_MS = 1_000

const STATUS: Partial<Record<Refusal['status'], string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
}

/** Turns checked requests into WebSockets: `/ws/rpc` for the contract, `/ws/terminals` for bytes. */
export class SocketDoor {
  readonly #options: SocketDoorOptions
  readonly #rpc = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  })
  readonly #terminals = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_TERMINAL_FRAME_BYTES,
    perMessageDeflate: false,
  })
  readonly #open = new Set<WebSocket>()
  readonly #silent = new Set<WebSocket>()
  readonly #heartbeat: NodeJS.Timeout
  #core: { api: ApiServer; connectTerminals: (channel: BinaryChannel) => void } | null = null
  #closing = false

  constructor(options: SocketDoorOptions) {
    this.#options = options
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs)
    this.#heartbeat.unref()
  }

  attach(api: ApiServer, connectTerminals: (channel: BinaryChannel) => void): void {
    this.#core = { api, connectTerminals }
  }

  get size(): number {
    return this.#open.size
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const refusal = (await this.#judge(request)) ?? this.#full()
    const core = this.#core
    if (refusal || !core) {
      return reject(
        socket,
        refusal ?? { status: 503, message: 'Quartet is starting; try again in a moment.' },
      )
    }
    const path = request.url?.split('?', 1)[0]
    const server = path === '/ws/rpc' ? this.#rpc : this.#terminals
    server.handleUpgrade(request, socket, head, (ws) => {
      this.#open.add(ws)
      ws.on('pong', () => this.#silent.delete(ws))
      ws.on('close', () => {
        this.#open.delete(ws)
        this.#silent.delete(ws)
      })
      if (server === this.#rpc) core.api.serveWebSocket(ws)
      else core.connectTerminals(webSocketChannel(ws))
    })
  }

  async close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#heartbeat)
    const all = [...this.#open].map((ws) => new Promise<void>((resolve) => ws.once('close', () => resolve())))
    for (const ws of this.#open) ws.close(1001, 'Quartet is closing')
    const timer = setTimeout(() => {
      for (const ws of this.#open) ws.terminate()
    }, FAREWELL_MS)
    await Promise.all(all)
    clearTimeout(timer)
  }

  async #judge(request: IncomingMessage): Promise<Refusal | null> {
    const { auth, port } = this.#options
    const path = request.url?.split('?', 1)[0]
    const host = judgeHost(request.headers, port)
    if (host) return host
    if (path !== '/ws/rpc' && path !== '/ws/terminals')
      return { status: 404, message: 'There is nothing here.' }
    const bearer = auth.bearer(request.headers)
    const foreign = judgeAct(request.headers, { bearer: bearer === 'good' })
    // A wrong token is told so: only a browser sends an Origin, and it cannot set this header on a WebSocket.
    if (foreign && bearer !== 'bad') return foreign
    if (bearer === 'good' || (bearer === 'none' && auth.hasSession(request.headers, port))) return null
    const waited = await auth.delayFailure()
    return waited
      ? { status: 401, message: bearer === 'none' ? 'Not signed in.' : 'The token is wrong.' }
      : { status: 429, message: 'Too many wrong attempts; wait a moment.' }
  }

  #full(): Refusal | null {
    if (this.#closing) return { status: 503, message: 'Quartet is closing.' }
    if (this.#open.size < this.#options.maxClients) return null
    this.#options.log.warn('a client was refused: too many are connected', { open: this.#open.size })
    return { status: 503, message: 'Too many windows are connected.' }
  }

  /** Ends those that did not answer the last ping and pings the rest: a sleeping laptop's socket never says good-bye. */
  #beat(): void {
    for (const ws of this.#open) {
      if (this.#silent.has(ws)) {
        ws.terminate()
        continue
      }
      this.#silent.add(ws)
      ws.ping()
    }
  }
}

function reject(socket: Duplex, { status, message }: Refusal): void {
  const body = JSON.stringify({ error: { code: status === 404 ? 'not_found' : 'unauthorized', message } })
  socket.end(
    `HTTP/1.1 ${status} ${STATUS[status] ?? 'Refused'}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  // A peer that never closes its side must not hold the socket.
  socket.once('finish', () => socket.destroy())
}
