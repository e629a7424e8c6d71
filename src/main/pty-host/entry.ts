import { chmod, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isFailure } from '../../shared/domain/failure.ts'
import { systemClock } from '../kernel/clock.ts'
import { takeLock } from '../kernel/lock-file.ts'
import { createLogger, fileSink } from '../kernel/logger.ts'
import { MemoryTidy } from '../kernel/memory-tidy.ts'
import { Redactor } from '../kernel/redact.ts'
import { acceptConnection } from '../pty-protocol/connection.ts'
import {
  descriptorPath,
  hostDir,
  prepareHostDir,
  sharedSecret,
  socketPath,
} from '../pty-protocol/host-place.ts'
import { PROTOCOL_VERSION } from '../pty-protocol/messages.ts'
import { createLocalPtyHost } from './local-pty-host.ts'
import { Screens } from './screens.ts'
import { serveClient } from './serve-client.ts'

/** Without a running program and without a client the host leaves after this time. */
const IDLE_MS = 60_000

/**
 * The detached process that owns the terminals of one data directory: `pty-host --data-dir D [--idle-ms N] [--protocol V]`.
 * Ends by itself; a second one for the same directory and version leaves at once.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { 'data-dir': { type: 'string' }, 'idle-ms': { type: 'string' }, protocol: { type: 'string' } },
  })
  const dataDir = values['data-dir']
  if (!dataDir) throw new Error('--data-dir is missing')
  const idleMs = Number(values['idle-ms'] ?? IDLE_MS)
  const version = Number(values.protocol ?? PROTOCOL_VERSION)

  await prepareHostDir(dataDir)
  const log = createLogger(fileSink(join(hostDir(dataDir), 'pty-host.log')), new Redactor(), 'pty-host')
  // The terminal that the app was started from may close; programs at work must not hear of it.
  process.on('SIGHUP', () => {})
  // One terminal's fault must not end the others.
  process.on('uncaughtException', (error) => log.error('unexpected', { error }))
  process.on('unhandledRejection', (error) => log.error('unexpected', { error }))

  const lock = await takeLock(descriptorPath(dataDir, version))
  const secret = await sharedSecret(dataDir)
  const path = await socketPath(dataDir, version)
  // Beside this file in the build; in the sources, where Node strips types itself, in its own room.
  const drawer = import.meta.filename.endsWith('.ts') ? '../screens/entry.ts' : 'screens.js'
  const screens = new Screens({ entry: join(import.meta.dirname, drawer), log, clock: systemClock })
  screens.start()
  const host = createLocalPtyHost({ clock: systemClock, log, screens })
  let clients = 0
  let draining = false
  let quietSince = systemClock.monotonic()

  const server = createServer((socket) => {
    clients++
    const gone = () => {
      clients--
      quietSince = systemClock.monotonic()
    }
    acceptConnection(socket, secret, version, (connection) =>
      serveClient({
        connection,
        host,
        log,
        version,
        drain: () => {
          draining = true
        },
        draining: () => draining,
        closed: gone,
      }),
    ).catch((error: unknown) => {
      log.warn('a connection was refused', { error })
      gone()
    })
  })
  await listen(server, path)
  await lock.describe({ url: path })
  log.info('ready', { path, version })

  const leave = async (why: string) => {
    log.info('leaving', { why })
    server.close()
    if (process.platform !== 'win32') await rm(path, { force: true })
    await lock.release()
    process.exit(0)
  }
  const tidy = new MemoryTidy(() => host.written)
  host.onEvent((event) => {
    if (event.type === 'activity' || event.type === 'exit') tidy.touch(event.type === 'exit')
    if (event.type === 'exit') quietSince = systemClock.monotonic()
  })
  // Often enough to be exact to a tenth of the wait, rare enough to be no load.
  setInterval(
    () => {
      if (host.live > 0) {
        quietSince = systemClock.monotonic()
        return
      }
      if (clients > 0 && !draining) return
      if (!draining && systemClock.monotonic() - quietSince < idleMs) return
      leave(draining ? 'drained' : 'idle').catch((error: unknown) => log.error('leaving failed', { error }))
    },
    Math.max(20, idleMs / 10),
  )
  process.on('SIGTERM', () => {
    host
      .killAll()
      .then(() => leave('asked to'))
      .catch((error: unknown) => log.error('leaving failed', { error }))
  })
}

/** Listens on a socket that only this user can open; a leftover of a dead host is replaced (the lock is ours). */
async function listen(server: Server, path: string): Promise<void> {
  if (process.platform !== 'win32') await rm(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve())
  })
  if (process.platform !== 'win32') await chmod(path, 0o600)
}

main().catch((error: unknown) => {
  // Standard error goes nowhere in the product; it speaks when a person starts the file by hand.
  if (!isFailure(error, 'data_dir_locked')) console.error(error)
  process.exit(isFailure(error, 'data_dir_locked') ? 0 : 1)
})
