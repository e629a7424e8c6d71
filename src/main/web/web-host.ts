import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { Failure, isFailure } from '../../shared/domain/failure.ts'
import { holderOf, placesOf } from '../core/data-dir.ts'
import { provesItself } from '../core/door/probe.ts'
import type { Core, CoreOptions } from '../core/options.ts'
import { type RunningCore, runCore } from '../core/run-core.ts'
import { systemClock } from '../kernel/clock.ts'
import { Scope } from '../kernel/disposable.ts'
import type { Logger } from '../kernel/logger.ts'
import { packageVersion } from '../kernel/package-root.ts'
import { parseWebArguments } from './arguments.ts'
import { watchIdle } from './idle-exit.ts'

/** What the host touches of its process, so that tests run it in their own. */
export interface WebIo {
  out(line: string): void
  err(line: string): void
  env: NodeJS.ProcessEnv
  nodePath: string
  /** Aborted by SIGINT and SIGTERM. */
  signal: AbortSignal
  /** Told where to write what nobody expected, once there is a (redacting) log. */
  onLog?: (log: Logger) => void
}

export interface WebHostSetup {
  createCore: (options: CoreOptions) => Promise<Core>
  /** Folder of our package. */
  root: string
  /** Tests shorten these. */
  idleMs?: number
  idlePollMs?: number
  startingMs?: number
}

/** Long enough to read an answer and type the next command, short enough not to linger for the day. */
const IDLE_MS = 3 * 60_000
/** A core that holds the lock but has no address yet is starting: migrations of a large database take seconds. */
const STARTING_MS = 15_000

/**
 * Runs the web host until it is asked to end; gives the exit code. Where another core holds the data directory, it prints
 * how to reach that one instead and gives 0.
 */
export async function runWebHost(argv: readonly string[], io: WebIo, setup: WebHostSetup): Promise<number> {
  let json = argv.includes('--json')
  try {
    const args = parseWebArguments(argv, io.env)
    json = args.json
    const running = await start(args, io, setup).catch((error: unknown) => {
      if (isFailure(error, 'data_dir_locked')) return null
      throw error
    })
    if (!running) {
      announce(
        io,
        json,
        await findOther(args.dataDir, setup.startingMs ?? STARTING_MS),
        'Quartet already runs here',
      )
      return 0
    }
    announce(
      io,
      json,
      { url: running.door.url, token: running.token, pid: process.pid, dataDir: running.dir.root },
      'Quartet serves',
    )
    io.onLog?.(running.log)
    const scope = new Scope(running.log)
    if (args.exitWhenIdle) {
      watchIdle(scope, {
        idle: () => !running.core.busy() && running.door.clients() === 0,
        idleMs: setup.idleMs ?? IDLE_MS,
        ...(setup.idlePollMs === undefined ? {} : { pollMs: setup.idlePollMs }),
        clock: systemClock,
        onIdle: () => scope.run('idle exit', () => running.close({ stopAgents: false })),
      })
    }
    const onSignal = () => scope.run('end', () => running.close({ stopAgents: false }))
    if (io.signal.aborted) onSignal()
    io.signal.addEventListener('abort', onSignal, { once: true })
    await running.ended
    scope.dispose()
    return 0
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    if (json) io.out(JSON.stringify({ error: { code: error.code, message: error.message } }))
    io.err(error.message)
    return error.code === 'invalid_input' ? 2 : 1
  }
}

function start(
  args: { dataDir: string; port: number | null },
  io: WebIo,
  setup: WebHostSetup,
): Promise<RunningCore> {
  return runCore({
    createCore: setup.createCore,
    dataDir: args.dataDir,
    port: args.port,
    root: setup.root,
    version: packageVersion(setup.root),
    host: 'web',
    capabilities: {
      folderDialog: false,
      notifications: 'browser',
      globalShortcut: false,
      revealInFileManager: false,
    },
    nodePath: io.nodePath,
    env: io.env,
    clock: systemClock,
  })
}

const Token = z.string().trim().min(1)

interface Address {
  url: string
  token: string
  pid: number
  dataDir: string
}

/** How to reach the core that holds the data directory. Throws `data_dir_locked` when it cannot be reached. */
async function findOther(dataDir: string, startingMs: number): Promise<Address> {
  const deadline = performance.now() + startingMs
  for (;;) {
    const holder = await holderOf(dataDir)
    if (holder?.url) {
      const { root, tokenPath } = placesOf(dataDir)
      const token = Token.parse(await readFile(tokenPath, 'utf8'))
      if (await provesItself(holder.url, token))
        return { url: holder.url, token, pid: holder.pid, dataDir: root }
    }
    if (!holder || performance.now() > deadline) {
      throw new Failure(
        'data_dir_locked',
        holder
          ? `Quartet already runs with this data directory (process ${holder.pid}), but does not answer. End that process, or choose another --data-dir.`
          : 'Another Quartet with this data directory was ending just now; try again.',
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function announce(io: WebIo, json: boolean, address: Address, words: string): void {
  io.out(json ? JSON.stringify(address) : `${words}: ${address.url}/#token=${address.token}`)
}
