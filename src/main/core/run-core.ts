import { join } from 'node:path'
import type { HostCapabilities } from '../../shared/domain/host.ts'
import type { Clock } from '../kernel/clock.ts'
import { createLogger, fileSink, type Logger } from '../kernel/logger.ts'
import { Redactor } from '../kernel/redact.ts'
import type { SecretStore } from '../kernel/secret-store.ts'
import { type DataDir, openDataDir } from './data-dir.ts'
import type { Door } from './door/door.ts'
import { openDoorSomewhere } from './door/door-port.ts'
import { loadToken } from './door/token-file.ts'
import type { Core, CoreOptions } from './options.ts'

export interface RunCoreOptions {
  createCore: (options: CoreOptions) => Promise<Core>
  dataDir: string
  /** Exactly this port, or null for the remembered or any free one. */
  port: number | null
  /** Folder of our package: resources, built programs and pages lie below. */
  root: string
  version: string
  host: 'electron' | 'web'
  capabilities: HostCapabilities
  nodePath: string
  env: Readonly<Record<string, string | undefined>>
  clock: Clock
  /** The host's keychain, where it has one. */
  secrets?: SecretStore
  heartbeatMs?: number
}

/** A core with its data directory and its door. */
export interface RunningCore {
  readonly core: Core
  readonly door: Door
  readonly dir: DataDir
  readonly token: string
  readonly log: Logger
  readonly redactor: Redactor
  /** Resolves when everything has ended, whoever asked for it. */
  readonly ended: Promise<void>
  /** Ends everything, once; agents go on unless `stopAgents`. */
  close(options: { stopAgents: boolean }): Promise<void>
}

/**
 * What both hosts do the same way: take the data directory, open the door, start the core, say where it is. Whatever
 * fails on the way gives back what was taken before. Throws `data_dir_locked`, `port_in_use` and what the core throws.
 */
export async function runCore(options: RunCoreOptions): Promise<RunningCore> {
  const dir = await openDataDir(options.dataDir)
  const redactor = new Redactor()
  const log = createLogger(fileSink(join(dir.logs, 'core.log')), redactor, options.host)
  let door: Door | null = null
  let core: Core | null = null
  try {
    const token = await loadToken(dir.tokenPath)
    door = await openDoorSomewhere({
      asked: options.port,
      portPath: dir.portPath,
      token,
      pagesDir: join(options.root, 'out', 'renderer'),
      version: options.version,
      log: log.child('door'),
      redactor,
      clock: options.clock,
      ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
    })
    core = await options.createCore({
      dataDir: dir.root,
      host: options.host,
      capabilities: options.capabilities,
      version: options.version,
      resourcesDir: join(options.root, 'resources'),
      ptyHostEntry: join(options.root, 'out', 'main', 'pty-host.js'),
      nodePath: options.nodePath,
      env: options.env,
      log,
      redactor,
      clock: options.clock,
      ...(options.secrets ? { secrets: options.secrets } : {}),
    })
    door.attach(core)
    await dir.describe({ url: door.url })
    log.info('serving', { url: door.url, pid: process.pid, version: options.version })
    return supervise({ dir, door, core, token, log, redactor })
  } catch (error) {
    await door?.close()
    await core?.close({ stopAgents: false })
    await dir.release()
    throw error
  }
}

function supervise(parts: Omit<RunningCore, 'ended' | 'close'>): RunningCore {
  const { dir, door, core, log } = parts
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  let closing: Promise<void> | null = null
  const shut = async (stopAgents: boolean) => {
    log.info('closing', { stopAgents })
    try {
      await door.close()
      await core.close({ stopAgents })
    } catch (error) {
      log.error('closing failed', { error })
    } finally {
      await dir.release()
      resolve()
    }
  }
  const close = ({ stopAgents }: { stopAgents: boolean }) => {
    closing ??= shut(stopAgents)
    return closing
  }
  core.onShutdown((request) => {
    // Let the answer to the client that asked leave first.
    setImmediate(() => void close(request))
  })
  return { ...parts, ended, close }
}
