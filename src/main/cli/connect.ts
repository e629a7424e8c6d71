import { spawn } from 'node:child_process'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/websocket'
import { WebSocket } from 'ws'
import type { CoreClient } from '../../shared/contract/client.ts'
import { Failure, FailureCode } from '../../shared/domain/failure.ts'
import { holderOf, placesOf } from '../core/data-dir.ts'
import { provesItself } from '../core/door/probe.ts'
import type { LockHolder } from '../kernel/lock-file.ts'

/** A core that starts migrates and checks its database first: generous, so that only a hang can hit it. */
const START_LIMIT_MS = 60_000
/** A core that holds the lock is about to write its address; one that never does is the desktop app. */
const ADDRESS_LIMIT_MS = 15_000
const POLL_MS = 40
const HANDSHAKE_LIMIT_MS = 10_000

export interface Connection {
  client: CoreClient
  /** Rejects when the connection ends before `close`. */
  lost: Promise<never>
  readonly open: boolean
  close(): void
}

export interface ConnectOptions {
  dataDir: string
  /** Script of the web host. */
  webEntry: string
  /** Node that runs it. */
  node: string
  env: Readonly<Record<string, string | undefined>>
  /** Told once, when a core has to be started. */
  onStart?: () => void
}

const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/**
 * A client of the core of this data directory; starts one when none runs, which then stays while it has work.
 * Throws `data_dir_locked` when a core runs that cannot be reached, `unauthorized` when it refuses our token.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const holder = await holderOf(options.dataDir)
  const url = holder ? await addressOf(options.dataDir, holder) : await startCore(options)
  const token = await readToken(options.dataDir)
  // After a crash another program can have taken the port: the token is shown to nobody who does not know it.
  if (!(await provesItself(url, token))) {
    throw new Failure(
      'core_unreachable',
      `What answers at ${url} is not the Quartet of ${options.dataDir}, or it does not answer.`,
      { url },
    )
  }
  return dial(url, token)
}

async function addressOf(dataDir: string, first: LockHolder): Promise<string> {
  const deadline = performance.now() + ADDRESS_LIMIT_MS
  for (let holder: LockHolder | null = first; holder; holder = await holderOf(dataDir)) {
    if (holder.url) return holder.url
    if (performance.now() > deadline) {
      throw new Failure(
        'data_dir_locked',
        `Quartet runs with this data directory (process ${holder.pid}), but offers no address for the command line.`,
        { holder },
      )
    }
    await later(POLL_MS)
  }
  throw new Failure('core_unreachable', 'Quartet was ending just now; try again.')
}

async function readToken(dataDir: string): Promise<string> {
  const path = placesOf(dataDir).tokenPath
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    throw new Failure(
      'unauthorized',
      `The token of the running Quartet cannot be read (${path}).`,
      { path },
      { cause: error },
    )
  }
}

/**
 * Starts the web host detached from us. It writes to a file that is removed once it serves: its ready line holds the
 * token, and a pipe to us would break it when we end.
 */
async function startCore(options: ConnectOptions): Promise<string> {
  options.onStart?.()
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 })
  const output = join(options.dataDir, `start-${process.pid}.out`)
  const file = await open(output, 'w', 0o600)
  try {
    const child = spawn(
      options.node,
      [options.webEntry, '--json', '--exit-when-idle', '--data-dir', options.dataDir],
      { detached: true, stdio: ['ignore', file.fd, file.fd], env: { ...options.env }, windowsHide: true },
    )
    let ended: number | null = null
    child.on('error', () => {
      ended = 127
    })
    child.on('exit', (code) => {
      ended = code ?? 1
    })
    child.unref()
    const deadline = performance.now() + START_LIMIT_MS
    for (;;) {
      const said = await readFile(output, 'utf8')
      if (ended !== null) {
        // Another command started a core at the same moment: theirs is as good, whatever ours said on its end.
        const holder = await holderOf(options.dataDir)
        if (holder) return await addressOf(options.dataDir, holder)
        throw failureFrom(said, ended)
      }
      const holder = await holderOf(options.dataDir)
      if (holder?.url) return holder.url
      if (performance.now() > deadline) {
        child.kill('SIGTERM')
        throw new Failure('timeout', `Quartet did not start within ${START_LIMIT_MS / 1000} s.`)
      }
      await later(POLL_MS)
    }
  } finally {
    await file.close()
    await rm(output, { force: true })
  }
}

/** What a web host that ended at once said about it: its `{"error"}` line, else its last line. */
export function failureFrom(output: string, code: number): Failure {
  const lines = output.trim().split('\n')
  for (const line of lines.toReversed()) {
    try {
      const { error } = JSON.parse(line) as { error?: { code?: unknown; message?: unknown } }
      const known = FailureCode.safeParse(error?.code)
      if (typeof error?.message === 'string')
        return new Failure(known.success ? known.data : 'core_unreachable', error.message)
    } catch {
      // Not a line of JSON: an older Node's complaint, a stack.
    }
  }
  // Of a stack the line that names the error, not the runtime's version below it.
  const last =
    lines.find((line) => /^\s*(?:Uncaught )?\w*(?:Error|Failure)\b/.test(line))?.trim() ??
    lines.findLast((line) => line.trim() !== '' && !line.startsWith('Node.js v'))
  return new Failure(
    'core_unreachable',
    `Quartet's core could not be started (exit code ${code})${last ? `: ${last}` : '.'}`,
  )
}

/** A `ws` socket as oRPC's link wants it: the part of a browser's WebSocket that it uses. */
class LinkSocket extends EventTarget {
  readonly #socket: WebSocket

  constructor(socket: WebSocket) {
    super()
    this.#socket = socket
    socket.on('message', (data) => this.dispatchEvent(new MessageEvent('message', { data: String(data) })))
    socket.once('close', () => this.dispatchEvent(new Event('close')))
  }

  get readyState() {
    return this.#socket.readyState
  }

  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    if (typeof data !== 'string') throw new TypeError('The contract is spoken in text.')
    this.#socket.send(data)
  }
}

/** Opens the connection. Throws `unauthorized` or `core_unreachable` with what the core answered. */
async function dial(url: string, token: string): Promise<Connection> {
  const target = new URL('/ws/rpc', url)
  target.protocol = 'ws:'
  const socket = new WebSocket(target, {
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: HANDSHAKE_LIMIT_MS,
    perMessageDeflate: false,
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', (cause) =>
      reject(
        new Failure(
          'core_unreachable',
          `The running Quartet at ${url} cannot be reached: ${cause.message}`,
          { url },
          { cause },
        ),
      ),
    )
    socket.once('unexpected-response', (_request, response) => {
      reject(refusal(url, response.statusCode ?? 0))
      socket.terminate()
    })
  })
  let closing = false
  const lost = new Promise<never>((_resolve, reject) => {
    socket.once('close', (code, reason) => {
      if (closing) return
      const why = reason.length > 0 ? ` (${code}, ${reason})` : ''
      reject(new Failure('core_unreachable', `The connection to Quartet ended${why}.`))
    })
  })
  // Whoever does not race against it must not be killed by an unhandled rejection.
  lost.catch(() => {})
  socket.on('error', () => {})
  return {
    client: createORPCClient(new RPCLink({ websocket: new LinkSocket(socket) })),
    lost,
    get open() {
      return socket.readyState === WebSocket.OPEN
    },
    close: () => {
      closing = true
      socket.close()
      // The core need not say good-bye for us to end.
      setTimeout(() => socket.terminate(), 500).unref()
    },
  }
}

function refusal(url: string, status: number): Failure {
  if (status === 401 || status === 403)
    return new Failure('unauthorized', 'The running Quartet refused our token. Is this its data directory?', {
      url,
    })
  return new Failure('core_unreachable', `The running Quartet at ${url} answered with status ${status}.`, {
    url,
  })
}
