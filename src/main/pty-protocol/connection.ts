import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { Failure, messageOf } from '../../shared/domain/failure.ts'
import { encodeWireFrame, WireDecoder, type WireFrame } from './framing.ts'
import { HelloSchema, ProofSchema, WelcomeSchema } from './messages.ts'

/** From the connection to the end of the handshake. */
const HANDSHAKE_MS = 5_000
/** A peer that leaves more unread is gone or stuck: the connection is given up, alone. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024

/** One authenticated socket, either end. */
export interface Connection {
  /** Protocol version of the other side. */
  readonly version: number
  send(header: unknown, tail?: Uint8Array): void
  close(): void
}

export interface ConnectionEvents {
  frame(frame: WireFrame): void
  /** Once, for whatever reason. */
  closed(error: Error | null): void
}

/** Connects to a host and proves the secret both ways. Throws `pty_failed`. */
export function openConnection(
  path: string,
  secret: Buffer,
  version: number,
  makeEvents: (connection: Connection) => ConnectionEvents,
): Promise<Connection> {
  return handshake(connect(path), (socket, settle) => {
    const nonce = randomBytes(16).toString('hex')
    let hello: ReturnType<typeof HelloSchema.parse> | null = null
    return (frame) => {
      if (!hello) {
        hello = HelloSchema.parse(frame.header)
        const proof = prove(secret, 'client', hello.nonce, nonce)
        for (const part of encodeWireFrame({ op: 'proof', version, nonce, proof })) socket.write(part)
        return
      }
      const welcome = WelcomeSchema.parse(frame.header)
      if (!isProof(welcome.proof, prove(secret, 'host', nonce, hello.nonce)))
        throw new Error('the host does not know the secret')
      settle(hello.version, makeEvents)
    }
  })
}

/** The host's side of a new socket. Rejects a client that does not know the secret. */
export function acceptConnection(
  socket: Socket,
  secret: Buffer,
  version: number,
  makeEvents: (connection: Connection) => ConnectionEvents,
): Promise<Connection> {
  return handshake(socket, (_socket, settle) => {
    const nonce = randomBytes(16).toString('hex')
    for (const part of encodeWireFrame({ op: 'hello', version, pid: process.pid, nonce })) socket.write(part)
    return (frame) => {
      const client = ProofSchema.parse(frame.header)
      if (!isProof(client.proof, prove(secret, 'client', nonce, client.nonce)))
        throw new Error('the client does not know the secret')
      for (const part of encodeWireFrame({
        op: 'welcome',
        proof: prove(secret, 'host', client.nonce, nonce),
      })) {
        socket.write(part)
      }
      settle(client.version, makeEvents)
    }
  })
}

type Settle = (version: number, makeEvents: (connection: Connection) => ConnectionEvents) => void

function handshake(
  socket: Socket,
  begin: (socket: Socket, settle: Settle) => (frame: WireFrame) => void,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const decoder = new WireDecoder()
    let events: ConnectionEvents | null = null
    let failure: Error | null = null
    const timer = setTimeout(() => socket.destroy(new Error('the handshake took too long')), HANDSHAKE_MS)
    const settle: Settle = (version, makeEvents) => {
      clearTimeout(timer)
      const connection: Connection = {
        version,
        send(header, tail) {
          if (socket.destroyed) return
          if (socket.writableLength > MAX_UNREAD_BYTES) {
            socket.destroy(new Error('the other side does not read'))
            return
          }
          socket.cork()
          for (const part of encodeWireFrame(header, tail)) socket.write(part)
          socket.uncork()
        },
        close: () => socket.destroy(),
      }
      events = makeEvents(connection)
      resolve(connection)
    }
    let shake: ((frame: WireFrame) => void) | null = null
    const start = () => {
      shake = begin(socket, settle)
    }
    if (socket.connecting) socket.once('connect', start)
    else start()
    socket.on('data', (chunk) => {
      try {
        for (const frame of decoder.push(chunk)) {
          if (events) events.frame(frame)
          else shake?.(frame)
        }
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(messageOf(error)))
      }
    })
    socket.on('error', (error) => {
      failure = error
    })
    socket.on('close', () => {
      clearTimeout(timer)
      if (events) events.closed(failure)
      else
        reject(
          new Failure('pty_failed', `No connection to the terminal host: ${messageOf(failure ?? 'closed')}`),
        )
    })
  })
}

function prove(secret: Buffer, role: 'client' | 'host', theirs: string, mine: string): string {
  return createHmac('sha256', secret).update(`${role} ${theirs} ${mine}`).digest('hex')
}

function isProof(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
