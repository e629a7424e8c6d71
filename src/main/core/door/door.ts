import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Failure } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'
import { createApiServer } from '../api/serve.ts'
import type { Core } from '../options.ts'
import { Auth } from './auth.ts'
import { answerHttp, refuse } from './http-answers.ts'
import { SocketDoor } from './socket-door.ts'

export interface DoorOptions {
  /** Exactly this port; 0 lets the system choose. */
  port: number
  /** The secret of the data directory. */
  token: string
  /** Folder of the built window. */
  pagesDir: string
  version: string
  log: Logger
  redactor: Redactor
  clock: Clock
  sleep?: (ms: number) => Promise<void>
  /** How often a silent client is asked whether it lives, in ms. */
  heartbeatMs?: number
  maxClients?: number
}

/** Loopback HTTP and WebSocket: how browsers and the CLI reach the core. */
export interface Door {
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  readonly url: string
  readonly port: number
  /** Opens the core to clients; until then WebSockets are asked to come again. */
  attach(core: Pick<Core, 'router' | 'connectTerminals'>): void
  /** WebSockets that are open. */
  clients(): number
  /** Says good-bye to all clients and stops listening. */
  close(): Promise<void>
}

const LOOPBACK = '127.0.0.1'

/**
 * Listens on 127.0.0.1 only. Throws `port_in_use`.
 */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const { log } = options
  options.redactor.add(options.token)
  const auth = new Auth({
    token: options.token,
    clock: options.clock,
    sleep: options.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms).unref())),
  })
  // Small and impatient: a client that dribbles its headers must not hold a connection for long.
  const server = createServer({
    maxHeaderSize: 16_384,
    headersTimeout: 5_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 2_000,
  })
  server.maxConnections = 256
  const port = await listen(server, options.port)
  const sockets = new SocketDoor({
    auth,
    port,
    log,
    heartbeatMs: options.heartbeatMs ?? 30_000,
    maxClients: options.maxClients ?? 64,
  })
  const context = { auth, port, pagesDir: options.pagesDir, version: options.version }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answerHttp(context, request, response).catch((error: unknown) => {
      log.error('a request failed', { error })
      if (!response.headersSent) refuse(response, { status: 503, message: 'Quartet could not answer this.' })
      else response.destroy()
    })
  })
  server.on('upgrade', (request, socket, head) => {
    // A peer that resets the connection in the middle must not end the process.
    socket.on('error', () => socket.destroy())
    sockets.upgrade(request, socket, head).catch((error: unknown) => {
      log.error('an upgrade failed', { error })
      socket.destroy()
    })
  })
  return {
    url: `http://${LOOPBACK}:${port}`,
    port,
    attach: (core) =>
      sockets.attach(
        createApiServer({ router: core.router, log: log.child('api'), redactor: options.redactor }),
        core.connectTerminals.bind(core),
      ),
    clients: () => sockets.size,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await sockets.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const code = 'code' in error ? error.code : undefined
      if (code === 'EADDRINUSE') {
        reject(
          new Failure(
            'port_in_use',
            `Port ${port} is used by another program. Choose another one with --port, or leave it out.`,
            { port },
          ),
        )
      } else if (code === 'EACCES') {
        reject(
          new Failure(
            'invalid_input',
            `Port ${port} needs rights that we do not have; take one above 1023.`,
            { port },
          ),
        )
      } else reject(error)
    })
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      resolve((server.address() as AddressInfo).port)
    })
  })
}
