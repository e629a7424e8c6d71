import { ORPCError } from '@orpc/client'
import { AsyncIteratorClass } from '@orpc/contract'
import type { AnyRouter } from '@orpc/server'
import { RPCHandler } from '@orpc/server/message-port'
import type { WebSocket } from 'ws'
import type { Disposable } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'
import { type ErrorMapper, errorMapper } from './serve-errors.ts'
import { ConnectionLimits, deadlineOf, withDeadline } from './serve-limits.ts'
import { messagePortPipe, type PortLike, parseMessage, type TextPipe, webSocketPipe } from './serve-pipe.ts'

export interface ApiServerOptions {
  /** Implements shared/contract/contract.ts. */
  router: AnyRouter
  log: Logger
  redactor: Redactor
  /** Deadline of a call in ms; tests shorten it. */
  deadlineOf?: (path: readonly string[]) => number
}

/** One client that is being served. */
export interface ServedConnection extends Disposable {
  readonly limits: ConnectionLimits
}

export interface ApiServer {
  /** Serves one WebSocket until it closes. */
  serveWebSocket(ws: WebSocket): ServedConnection
  /** Serves one port until it closes, and starts it. */
  serveMessagePort(port: PortLike): ServedConnection
  /** Clients connected now. */
  readonly connections: number
}

interface Context {
  limits: ConnectionLimits
  /**
   * How far this request got. An error before the procedure was reached is malformed input; one that the procedure threw
   * is mapped already; one after that is an answer that cannot be encoded.
   */
  call: { at: 'decoding' | 'answering' | 'failed' }
}

/**
 * Serves the router over both transports. Both speak the same wire format, so both go through one handler behind one
 * guard (size, shape, calls at once, deadlines) and cannot differ in what a client sees.
 */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { log } = options
  const mapError = errorMapper(log, options.redactor)
  const deadline = options.deadlineOf ?? deadlineOf
  const handler = new RPCHandler<Context>(options.router, {
    interceptors: [
      async (request) => {
        const call: Context['call'] = { at: 'decoding' }
        const path = request.request.url.pathname.split('/').filter(Boolean)
        try {
          const result = await request.next({ ...request, context: { ...request.context, call } })
          if (result.matched) return result
        } catch (error) {
          // Input that cannot even be decoded: oRPC answers BAD_REQUEST to what is no ORPCError here.
          throw call.at === 'answering' ? mapError(error, path) : error
        }
        throw new ORPCError('NOT_FOUND', {
          message: `This core has no ${path.join('.')}: is it older than the window?`,
        })
      },
    ],
    clientInterceptors: [
      async (call) => {
        const { limits } = call.context
        call.context.call.at = 'answering'
        try {
          const output = await limits.admit(() =>
            withDeadline(deadline(call.path), call.signal, log, (signal) => call.next({ ...call, signal })),
          )
          return isStream(output) ? boundStream(output, call.signal, limits, mapError, call.path) : output
        } catch (error) {
          call.context.call.at = 'failed'
          throw mapError(error, call.path)
        }
      },
    ],
  })

  let connections = 0
  const serve = (pipe: TextPipe): ServedConnection => {
    const limits = new ConnectionLimits()
    let deliver: (event: { data: object }) => void = () => {}
    let ended: () => void = () => {}
    let open = true
    connections++
    const end = () => {
      if (!open) return
      open = false
      connections--
      ended()
    }
    const violate = (reason: string) => {
      if (!open) return
      log.warn('a client broke the protocol and was dropped', { reason })
      end()
      pipe.close(1008, reason)
    }
    pipe.onText((text) => {
      if (!open) return
      const parsed = parseMessage(text)
      if ('message' in parsed) deliver({ data: parsed.message })
      else violate(parsed.violation)
    })
    pipe.onViolation(violate)
    pipe.onClose(end)
    // oRPC's handler sees this instead of the real port: it gets only messages that passed the guard, already decoded.
    handler.upgrade(
      {
        on: (event: string, listener: (event?: { data: unknown }) => void) => {
          if (event === 'message') deliver = listener
          else ended = listener
        },
        postMessage: (message: unknown) => {
          if (open && typeof message === 'string') pipe.send(message)
        },
      },
      { context: { limits, call: { at: 'decoding' } } },
    )
    return {
      limits,
      dispose: () => {
        end()
        pipe.close(1001, 'Quartet is closing')
      },
    }
  }

  return {
    serveWebSocket: (ws) => serve(webSocketPipe(ws)),
    serveMessagePort: (port) => {
      const connection = serve(messagePortPipe(port))
      port.start?.()
      return connection
    },
    get connections() {
      return connections
    },
  }
}

function isStream(value: unknown): value is AsyncIterableIterator<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value && 'next' in value
}

/**
 * The stream of a handler as its connection sees it: its place is given back when it ends, its errors are mapped, and a
 * client that went away ends it at once. Without this a generator that waits for its next event would wait for ever.
 */
function boundStream(
  source: AsyncIterableIterator<unknown>,
  signal: AbortSignal | undefined,
  limits: ConnectionLimits,
  mapError: ErrorMapper,
  path: readonly string[],
): AsyncIteratorClass<unknown, unknown, void> {
  const release = limits.openStream()
  const { promise: gone, resolve } = Promise.withResolvers<{ done: true; value: undefined }>()
  const onAbort = () => {
    resolve({ done: true, value: undefined })
    close()
  }
  const close = () => {
    release()
    signal?.removeEventListener('abort', onAbort)
    // A generator that sits in an await answers only when that ends: nobody waits for it.
    source.return?.().catch((error: unknown) => mapError(error, path))
  }
  if (signal?.aborted) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  return new AsyncIteratorClass(
    async () => {
      try {
        return await Promise.race([source.next(), gone])
      } catch (error) {
        if (signal?.aborted) return await gone
        throw mapError(error, path)
      }
    },
    async () => close(),
  )
}
