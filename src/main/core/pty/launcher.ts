import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Failure, messageOf } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import { readLock } from '../../kernel/lock-file.ts'
import type { Logger } from '../../kernel/logger.ts'
import { isAlive } from '../../kernel/process-table.ts'
import { openConnection } from '../../pty-protocol/connection.ts'
import {
  describedVersions,
  descriptorPath,
  hostDir,
  prepareHostDir,
  sharedSecret,
} from '../../pty-protocol/host-place.ts'
import { PROTOCOL_VERSION } from '../../pty-protocol/messages.ts'
import { SocketPtyHost } from '../../pty-protocol/socket-pty-host.ts'

/** From the start of the process to its answer; a busy machine needs a second. */
const START_MS = 15_000
const POLL_MS = 20
/** A host that dies this often in this time is not started again: something is wrong that a start does not mend. */
const MAX_DEATHS = 3
const DEATHS_WITHIN_MS = 60_000
/** What a host needs of our environment; programs get theirs complete from their spec. */
const HOST_ENV = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'TMPDIR',
  'XDG_RUNTIME_DIR',
  'SystemRoot',
  'LOCALAPPDATA',
  'TEMP',
]

/**
 * Keeps the host small; forking costs in proportion to its memory. Young space of 2 MB instead of 16 per half: bytes do not
 * live in V8's heap. One arena of glibc, which gives large blocks back to the system; pieces of 64 KiB stay within, mapping
 * each anew cost an eighth more processor time under flood. By the environment, where what a binary does not know is passed
 * over. With all this 16 terminals of 10,000 lines are 120 MB at rest and 106 after their end, without it 162 and 210.
 */
const SMALL = {
  NODE_OPTIONS: '--max-semi-space-size=2',
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '131072',
}

export interface LauncherOptions {
  dataDir: string
  /** Script of the host: `pty-host.js` of the build, or `entry.ts` where Node strips types itself. */
  entry: string
  nodePath: string
  /** `nodePath` is an Electron binary, to be run as Node. */
  electron: boolean
  env: NodeJS.ProcessEnv
  log: Logger
  clock: Clock
  /** Tests let an unused host leave sooner. */
  idleMs?: number | undefined
  /** Tests play a host of another version. */
  version?: number | undefined
}

/** Finds or starts the detached pty-host of one data directory. */
export class Launcher {
  readonly #options: LauncherOptions
  readonly #version: number
  readonly #deaths: number[] = []
  #starting: Promise<SocketPtyHost> | null = null

  constructor(options: LauncherOptions) {
    this.#options = options
    this.#version = options.version ?? PROTOCOL_VERSION
  }

  /** The hosts that run: ours, or null, and those of other versions, which were asked to drain. Starts none. */
  async find(): Promise<{ current: SocketPtyHost | null; others: SocketPtyHost[] }> {
    let current: SocketPtyHost | null = null
    const others: SocketPtyHost[] = []
    for (const version of await describedVersions(this.#options.dataDir)) {
      const host = await this.#connect(version).catch((error: unknown) => {
        this.#options.log.warn('a terminal host runs but does not answer', { version, error })
        return null
      })
      if (!host) continue
      if (version === this.#version) current = host
      else {
        others.push(host)
        await host.drain()
      }
    }
    return { current, others }
  }

  /** The host of our version, started when there is none. Throws `pty_failed`. */
  ensure(): Promise<SocketPtyHost> {
    this.#starting ??= this.#findOrStart().finally(() => {
      this.#starting = null
    })
    return this.#starting
  }

  /** Says that a host died, for the crash budget. */
  died(): void {
    this.#deaths.push(this.#options.clock.monotonic())
  }

  async #findOrStart(): Promise<SocketPtyHost> {
    await prepareHostDir(this.#options.dataDir)
    const running = await this.#connect(this.#version).catch(() => null)
    if (running) return running
    const since = this.#options.clock.monotonic() - DEATHS_WITHIN_MS
    if (this.#deaths.filter((at) => at > since).length >= MAX_DEATHS) {
      throw new Failure('pty_failed', 'The terminal host died three times within a minute; see its log.', {
        log: join(hostDir(this.#options.dataDir), 'pty-host.log'),
      })
    }
    let child = this.#spawn()
    const deadline = this.#options.clock.monotonic() + START_MS
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      try {
        const host = await this.#connect(this.#version)
        if (host) return host
      } catch (error) {
        this.#options.log.debug('the terminal host does not answer yet', { message: messageOf(error) })
      }
      if (child.failed) {
        this.died()
        throw new Failure('pty_failed', 'The terminal host ended as soon as it was started; see its log.', {
          log: join(hostDir(this.#options.dataDir), 'pty-host.log'),
          ended: child.failed,
        })
      }
      // It left in peace: another host was at work, or nobody came to it in time. When that one is gone, too, start again.
      if (child.left && !(await readLock(descriptorPath(this.#options.dataDir, this.#version))))
        child = this.#spawn()
      if (this.#options.clock.monotonic() > deadline) {
        throw new Failure('pty_failed', 'The terminal host did not start; see its log.', {
          log: join(hostDir(this.#options.dataDir), 'pty-host.log'),
        })
      }
    }
  }

  /** A connection to the living host of `version`, or null when there is none. */
  async #connect(version: number): Promise<SocketPtyHost | null> {
    const { dataDir, log } = this.#options
    const holder = await readLock(descriptorPath(dataDir, version))
    if (!holder?.url) return null
    const path = holder.url
    const secret = await sharedSecret(dataDir)
    return await SocketPtyHost.open({
      log,
      connect: (makeEvents) => openConnection(path, secret, this.#version, makeEvents),
      isAlive: () => isAlive(holder.pid, holder.startedAt),
    })
  }

  /** Starts a host; `failed` says how it ended if it did so with an error, `left` that it did so without one. */
  #spawn(): { failed: string | null; left: boolean } {
    const { dataDir, entry, nodePath, electron, idleMs, log } = this.#options
    const env: NodeJS.ProcessEnv = { ...SMALL }
    for (const name of HOST_ENV)
      if (this.#options.env[name] !== undefined) env[name] = this.#options.env[name]
    if (electron) env.ELECTRON_RUN_AS_NODE = '1'
    const args = [entry, '--data-dir', dataDir, '--protocol', String(this.#version)]
    if (idleMs !== undefined) args.push('--idle-ms', String(idleMs))
    // In its own folder, so that it never holds a worktree; detached, so that nothing that ends us ends it.
    const child = spawn(nodePath, args, { cwd: hostDir(dataDir), detached: true, stdio: 'ignore', env })
    const state: { failed: string | null; left: boolean } = { failed: null, left: false }
    child.on('error', (error) => {
      log.error('cannot start the terminal host', { error })
      state.failed = error.message
    })
    child.on('exit', (code, signal) => {
      if (code === 0) state.left = true
      else state.failed = signal ?? `exit code ${code}`
    })
    child.unref()
    return state
  }
}
