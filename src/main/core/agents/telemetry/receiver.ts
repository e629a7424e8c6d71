import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { z } from 'zod'
import type { Clock } from '../../../kernel/clock.ts'
import type { Logger } from '../../../kernel/logger.ts'
import type { Redactor } from '../../../kernel/redact.ts'
import type { TelemetryAccess } from '../driver.ts'
import { type LogRecord, parseLogs } from './otlp-logs.ts'

export interface TelemetryReceiverOptions {
  /** Keeps port and key (0600), so that agents which outlive the core reach the next one. */
  stateFile: string
  log: Logger
  clock: Clock
  redactor: Redactor
  onRecords: (attemptId: string, records: readonly LogRecord[]) => void
}

/** Takes the OpenTelemetry logs of agents (OTLP over HTTP on loopback, JSON), each attempt by a token of its own. */
export interface TelemetryReceiver {
  /** What an attempt's agent needs to report here; null when we could not listen. */
  accessFor(attemptId: string): TelemetryAccess | null
  close(): Promise<void>
}

/** The logs, by a header or by an address that says who sends them: `/ATTEMPT.TOKEN/v1/logs`; and what is not wanted. */
const PATHS = /^(?:\/([\w-]+\.[\w-]+)(?=\/))?(?:(\/v1\/logs)|(?<=\.[\w-]+)(\/v1\/(?:metrics|traces)))$/
const HEADER = 'x-quartet-attempt'
/** A batch of Codex is up to 512 records, of which those of tools carry what the tool printed (some KB). */
const MAX_BODY_BYTES = 4 * 1024 * 1024
/** Of all requests that are being read: parsing holds the core up for about 8 ms per MiB. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024
/** An agent that streams at full speed sends about 100 KiB/s; a sender is told to wait beyond this. */
const MAX_BYTES_PER_WINDOW = 16 * 1024 * 1024
const WINDOW_MS = 10_000
/** Agents keep their connection open between batches. */
const MAX_CONNECTIONS = 128
const REQUEST_TIMEOUT_MS = 10_000

const State = z.object({ port: z.number().int().min(1_024).max(65_535), key: z.string().min(32) })

/** What is wrong with a request: the HTTP status. */
class Refused extends Error {
  readonly status: number
  constructor(status: number) {
    super(`refused with ${status}`)
    this.status = status
  }
}

/** Starts to listen, on the port of the last run where that is free. Where nothing can be listened on, agents are not told to report. */
export async function receiveTelemetry(options: TelemetryReceiverOptions): Promise<TelemetryReceiver> {
  const { stateFile, clock, redactor, onRecords } = options
  const log = options.log.child('telemetry')
  const before = await readState(stateFile)
  const key = before?.key ?? randomBytes(32).toString('base64url')
  redactor.add(key)
  const tokenOf = (attemptId: string) => createHmac('sha256', key).update(attemptId).digest('base64url')
  const windows = new Map<string, { start: number; bytes: number }>()
  let pending = 0

  const attemptOf = (access: string): string => {
    const [attemptId = '', token = ''] = access.split('.')
    const given = Buffer.from(token)
    const wanted = Buffer.from(tokenOf(attemptId))
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new Refused(401)
    return attemptId
  }
  const spend = (attemptId: string, bytes: number): void => {
    const now = clock.monotonic()
    for (const [id, { start }] of windows) if (now - start >= WINDOW_MS) windows.delete(id)
    const window = windows.get(attemptId) ?? { start: now, bytes: 0 }
    window.bytes += bytes
    windows.set(attemptId, window)
    if (window.bytes > MAX_BYTES_PER_WINDOW) throw new Refused(429)
  }
  const read = async (request: IncomingMessage): Promise<string> => {
    // Told before it is read: giving up in the middle cuts the connection.
    if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw new Refused(413)
    const chunks: Buffer[] = []
    let size = 0
    try {
      for await (const chunk of request) {
        size += chunk.length
        pending += chunk.length
        if (size > MAX_BODY_BYTES) throw new Refused(413)
        if (pending > MAX_PENDING_BYTES) throw new Refused(503)
        chunks.push(chunk)
      }
      return Buffer.concat(chunks).toString('utf8')
    } finally {
      pending -= size
    }
  }
  const serve = async (request: IncomingMessage): Promise<void> => {
    // Agents do not send one; a page in a browser always does.
    if (request.headers.origin !== undefined) throw new Refused(403)
    const [, ofPath, path, others] = PATHS.exec(request.url ?? '') ?? []
    if (path === undefined && others === undefined) throw new Refused(404)
    if (request.method !== 'POST') throw new Refused(405)
    const attemptId = attemptOf(ofPath ?? String(request.headers[HEADER] ?? ''))
    // Sent besides by those that cannot be told not to: taken, so that they do not send it again, and thrown away.
    if (others !== undefined) {
      request.resume()
      return
    }
    if (request.headers['content-encoding'] !== undefined) throw new Refused(415)
    const body = await read(request)
    spend(attemptId, body.length)
    const records = parseLogs(body)
    if (!records) throw new Refused(400)
    onRecords(attemptId, records)
  }

  const server = createServer((request, response) => {
    serve(request).then(
      () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
      (error: unknown) => {
        const status = error instanceof Refused ? error.status : 500
        if (status === 500) log.error('a report could not be handled', { error })
        else log.warn('a report was refused', { status })
        // What is left of the body is not waited for.
        response
          .writeHead(status, { connection: 'close', ...(status === 429 ? { 'retry-after': '10' } : {}) })
          .end()
      },
    )
  })
  server.maxConnections = MAX_CONNECTIONS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.headersTimeout = REQUEST_TIMEOUT_MS

  const port = await listen(server, before?.port ?? 0).catch((error: unknown) => {
    log.warn('agents cannot report what they use: no port can be listened on', { error })
    return null
  })
  if (port !== null && port !== before?.port)
    await writeState(stateFile, { port, key }).catch((error: unknown) =>
      log.warn('the port for reports could not be remembered', { error }),
    )
  return {
    accessFor: (attemptId) =>
      port === null
        ? null
        : {
            base: `http://127.0.0.1:${port}`,
            header: { name: HEADER, value: `${attemptId}.${tokenOf(attemptId)}` },
          },
    async close() {
      if (port === null) return
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** The port that it listens on: `wanted`, or any free one where somebody else has that. */
async function listen(server: Server, wanted: number): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(wanted, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    if (wanted === 0) throw error
    return listen(server, 0)
  }
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('listening without a port')
  return address.port
}

/** Null when there is none, or a damaged one: agents of an earlier core then report to nobody. */
async function readState(file: string): Promise<z.infer<typeof State> | null> {
  try {
    return State.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return null
  }
}

async function writeState(file: string, state: z.infer<typeof State>): Promise<void> {
  const fresh = `${file}.fresh`
  await writeFile(fresh, JSON.stringify(state), { mode: 0o600 })
  await rename(fresh, file)
}
