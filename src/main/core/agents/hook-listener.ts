import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'

/** One message of the hook program, after its token was checked. */
export interface HookMessage {
  attemptId: string
  /** ms since the epoch: when the hook program ran. */
  at: number
  /** What the agent handed to its hook, cut by the hook program to what tells its state. */
  payload: unknown
}

export interface HookListenerOptions {
  /** Folder for the socket; created 0700. */
  dir: string
  log: Logger
  clock: Clock
  redactor: Redactor
  onMessage: (message: HookMessage) => void
}

/** One attempt's right to report. */
export interface HookDoor {
  /** Descriptor file that QUARTET_HOOK_FILE names. */
  file: string
  /** Takes the right away and removes the file. */
  close(): Promise<void>
}

/** Receives what agents report, each attempt by a token of its own. */
export interface HookListener {
  /**
   * Lets `attemptId` report: writes `<runDir>/hook.json` (0600). A token that the file already holds is kept, so that an
   * agent which outlived the core goes on reporting.
   */
  open(attemptId: string, runDir: string): Promise<HookDoor>
  close(): Promise<void>
}

/** The hook program never sends more; whoever does is not our hook. */
const MAX_LINE_BYTES = 64 * 1024
/** Four agents call tools at once and each call is a connection of some ms: beyond this somebody floods. */
const MAX_CONNECTIONS = 64
const MAX_LINES_PER_CONNECTION = 32
const IDLE_MS = 2_000
/** An agent's tools make a handful of events per second; more is dropped and counted, so that no agent can keep the core busy. */
const MAX_MESSAGES_PER_SECOND = 100
/** sun_path holds 104 bytes on macOS and 108 on Linux, with the final NUL. */
const MAX_SOCKET_PATH_BYTES = 100

const Line = z.object({
  token: z.string().min(16).max(200),
  at: z.number().int().nonnegative().optional(),
  payload: z.unknown(),
})
const Descriptor = z.object({ socket: z.string(), token: z.string().min(32), attemptId: z.string() })

interface Holder {
  attemptId: string
  windowStart: number
  inWindow: number
  dropped: number
}

/** Tokens are looked up by their hash: the time of a lookup says nothing about how much of a guess was right. */
const keyOf = (token: string) => createHash('sha256').update(token).digest('hex')

/** Where to listen: in `dir`, or where a long path does not fit into a socket address, in a private folder of the temp folder. */
async function socketPathIn(dir: string): Promise<string> {
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\quartet-hooks-${name}`
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await chmod(dir, 0o700)
  const wanted = join(dir, 'hooks.sock')
  if (Buffer.byteLength(wanted) <= MAX_SOCKET_PATH_BYTES) return wanted
  const short = join(tmpdir(), `quartet-${userInfo().uid}-${name}`)
  await mkdir(short, { recursive: true, mode: 0o700 })
  // Fails when another user made the folder first: better no hooks than hooks that a stranger reads.
  await chmod(short, 0o700)
  return join(short, 'hooks.sock')
}

/**
 * Starts to listen for the hook program (newline JSON `{token, at, payload}`; a line that was taken is answered by an empty
 * one, and one that is not is left behind by the program, see `MissedReports`). The caller holds the lock of the data directory, so a socket file found there is a dead core's. Throws when the socket cannot be made.
 */
export async function listenForHooks(options: HookListenerOptions): Promise<HookListener> {
  const path = await socketPathIn(options.dir)
  if (process.platform !== 'win32') await rm(path, { force: true })
  const holders = new Map<string, Holder>()
  const connections = new Set<Socket>()
  const log = options.log.child('hooks')

  const deliver = (text: string): boolean => {
    let line: z.infer<typeof Line>
    try {
      line = Line.parse(JSON.parse(text))
    } catch {
      log.warn('a hook message was not understood', { bytes: text.length })
      return false
    }
    const holder = holders.get(keyOf(line.token))
    if (!holder) {
      log.warn('a hook message had an unknown token')
      return false
    }
    const now = options.clock.monotonic()
    if (now - holder.windowStart >= 1_000) {
      if (holder.dropped > 0)
        log.warn('hook messages were dropped', { attemptId: holder.attemptId, dropped: holder.dropped })
      holder.windowStart = now
      holder.inWindow = 0
      holder.dropped = 0
    }
    if (++holder.inWindow > MAX_MESSAGES_PER_SECOND) {
      holder.dropped++
      return true
    }
    try {
      const at = Math.min(line.at ?? Number.POSITIVE_INFINITY, options.clock.now())
      options.onMessage({ attemptId: holder.attemptId, at, payload: line.payload })
    } catch (error) {
      log.error('a hook message could not be handled', { attemptId: holder.attemptId, error })
    }
    return true
  }

  const server: Server = createServer((socket) => {
    connections.add(socket)
    let buffered = ''
    let lines = 0
    socket.setEncoding('utf8')
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => connections.delete(socket))
    socket.on('data', (chunk: string) => {
      buffered += chunk
      for (let end = buffered.indexOf('\n'); end >= 0; end = buffered.indexOf('\n')) {
        const text = buffered.slice(0, end)
        buffered = buffered.slice(end + 1)
        if (text.length > MAX_LINE_BYTES || ++lines > MAX_LINES_PER_CONNECTION || !deliver(text))
          return void socket.destroy()
        socket.write('\n')
      }
      if (buffered.length > MAX_LINE_BYTES) {
        log.warn('a hook message was too long')
        socket.destroy()
      }
    })
  })
  server.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.on('error', (error) => log.error('the hook socket failed', { error }))
  if (process.platform !== 'win32') await chmod(path, 0o600)

  return {
    async open(attemptId, runDir) {
      const file = join(runDir, 'hook.json')
      const token = (await tokenIn(file, attemptId)) ?? randomBytes(32).toString('base64url')
      options.redactor.add(token)
      const key = keyOf(token)
      holders.set(key, { attemptId, windowStart: 0, inWindow: 0, dropped: 0 })
      // Renamed into place: a hook that runs at this moment reads the old or the new one, never half of it.
      const fresh = `${file}.${randomBytes(4).toString('hex')}`
      await writeFile(fresh, JSON.stringify({ socket: path, token, attemptId }), { mode: 0o600 })
      await rename(fresh, file)
      return {
        file,
        close: async () => {
          holders.delete(key)
          await rm(file, { force: true })
        },
      }
    },
    async close() {
      holders.clear()
      for (const socket of connections) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** The token of an earlier descriptor of this very attempt, or null: a damaged or foreign file is replaced. */
async function tokenIn(file: string, attemptId: string): Promise<string | null> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    const found = Descriptor.parse(JSON.parse(text))
    return found.attemptId === attemptId ? found.token : null
  } catch {
    return null
  }
}
