import { Failure, isFailure, messageOf } from '../../shared/domain/failure.ts'
import type { Logger } from '../kernel/logger.ts'
import type { Connection, ConnectionEvents } from '../pty-protocol/connection.ts'
import type { WireFrame } from '../pty-protocol/framing.ts'
import {
  ClientSchema,
  type Note,
  PROTOCOL_VERSION,
  type Reply,
  type Request,
} from '../pty-protocol/messages.ts'
import type { PtyAttachment, PtySink } from '../pty-protocol/pty-host.ts'
import type { LocalPtyHost } from './local-pty-host.ts'

/** Readers of one client; a control room has a few dozen. */
const MAX_ATTACHMENTS = 512

export interface ServeClientOptions {
  connection: Connection
  host: LocalPtyHost
  log: Logger
  version?: number
  /** The host shall start nothing any more. */
  drain: () => void
  draining: () => boolean
  closed: () => void
}

/** Answers one client until its connection ends. What its programs do, goes on. */
export function serveClient(options: ServeClientOptions): ConnectionEvents {
  const { connection, host } = options
  const attachments = new Map<number, PtyAttachment>()
  const reply = (message: Reply, tail?: Uint8Array) => connection.send(message, tail)
  const events = host.onEvent((event) => reply({ op: 'event', event }))
  const sameVersion = connection.version === (options.version ?? PROTOCOL_VERSION)

  const sinkOf = (a: number): PtySink => ({
    screen: ({ data, ...screen }) => reply({ op: 'screen', a, ...screen }, data),
    output: (offset, bytes) => reply({ op: 'out', a, offset }, bytes),
    resized: (cols, rows) => reply({ op: 'resized', a, cols, rows }),
    exited: (exit) => {
      attachments.delete(a)
      reply({ op: 'exited', a, exit })
    },
    failed: (error) => {
      attachments.delete(a)
      reply({
        op: 'failed',
        a,
        code: isFailure(error) ? error.code : 'pty_failed',
        message: messageOf(error),
      })
    },
  })

  const take = (note: Note) => {
    if (note.op === 'grant') attachments.get(note.a)?.grant(note.bytes)
    else if (note.op === 'detach') {
      attachments.get(note.a)?.close()
      attachments.delete(note.a)
    } else if (attachments.size >= MAX_ATTACHMENTS) {
      sinkOf(note.a).failed(new Failure('limit', 'Too many readers.'))
    } else attachments.set(note.a, host.attach(note.id, note.from, sinkOf(note.a)))
  }

  const answer = async (request: Request, tail: Buffer): Promise<{ value: unknown; tail?: Uint8Array }> => {
    if (!sameVersion && request.op !== 'list' && request.op !== 'kill' && request.op !== 'drain') {
      throw new Failure('illegal_state', 'This terminal host speaks another version.', {
        version: options.version,
      })
    }
    switch (request.op) {
      case 'list':
        return { value: await host.list() }
      case 'create':
        if (options.draining()) throw new Failure('illegal_state', 'This terminal host is leaving.')
        return { value: await host.create(request.spec) }
      case 'write':
        // A copy: the frame's buffer belongs to the socket.
        return {
          value: await host.write(request.id, {
            writer: request.writer,
            seq: request.seq,
            bytes: Buffer.from(tail),
          }),
        }
      case 'paste':
        return { value: await host.paste(request.id, request.text, request) }
      case 'resize':
        return { value: await host.resize(request.id, request.cols, request.rows) }
      case 'kill':
        return { value: await host.kill(request.id, request.reason) }
      case 'forget':
        return { value: await host.forget(request.id) }
      case 'replay': {
        const { data, ...value } = await host.replay(request)
        return { value, tail: data }
      }
      case 'drain':
        options.drain()
        return { value: null }
    }
  }

  const respond = async (request: Request, tail: Buffer) => {
    try {
      const result = await answer(request, tail)
      reply({ op: 'ok', re: request.re, value: result.value ?? null }, result.tail)
    } catch (error) {
      if (!isFailure(error)) options.log.error('a request failed', { op: request.op, error })
      const data = isFailure(error) ? error.data : {}
      reply({
        op: 'no',
        re: request.re,
        code: isFailure(error) ? error.code : 'pty_failed',
        message: messageOf(error),
        data,
      })
    }
  }

  return {
    frame({ header, tail }: WireFrame) {
      const message = ClientSchema.parse(header)
      if ('re' in message) void respond(message, tail)
      else take(message)
    },
    closed(error) {
      if (error) options.log.warn('a client is gone', { error })
      events.dispose()
      for (const attachment of attachments.values()) attachment.close()
      attachments.clear()
      options.closed()
    },
  }
}
