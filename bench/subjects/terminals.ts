import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createTerminals } from '../../src/main/core/pty/create-terminals.ts'
import type { Terminal } from '../../src/main/core/pty/terminal.ts'
import type { Terminals } from '../../src/main/core/pty/terminals.ts'
import { systemClock } from '../../src/main/kernel/clock.ts'
import { silentLogger } from '../../src/main/kernel/logger.ts'
import { endProcessesNaming, terminalProcesses } from '../lib/processes.ts'
import type { Context } from '../lib/types.ts'
import { COLS, ROWS } from '../reference/tmux.ts'

/** The product's terminals in a data directory of their own: the real registry, the real detached pty-host. */
export class OurTerminals {
  readonly registry: Terminals
  readonly dataDir: string
  readonly #context: Context
  #next = 0

  private constructor(context: Context, dataDir: string) {
    this.#context = context
    this.dataDir = dataDir
    this.registry = OurTerminals.#connect(context, dataDir)
  }

  static #connect(context: Context, dataDir: string): Terminals {
    return createTerminals({
      dataDir,
      entry: join(context.tools.app, 'out', 'main', 'pty-host.js'),
      nodePath: context.tools.node,
      electron: false,
      log: silentLogger,
      clock: systemClock,
      idleMs: 20_000,
    })
  }

  /** Starts the host at once, so that no measurement pays for that. */
  static async start(context: Context, name: string): Promise<OurTerminals> {
    const dataDir = join(context.dir, name)
    await mkdir(dataDir, { recursive: true })
    const terminals = new OurTerminals(context, dataDir)
    context.defer(async () => {
      terminals.registry.dispose()
      await endProcessesNaming(dataDir)
    })
    const first = await terminals.open('exit 0')
    await terminals.ended(first.id)
    return terminals
  }

  /** Another core on the same host; the first one stays as it is. */
  another(): Terminals {
    const other = OurTerminals.#connect(this.#context, this.dataDir)
    this.#context.defer(() => other.dispose())
    return other
  }

  /** Opens a terminal that runs `command` in a POSIX shell. */
  open(command: string, options: { cwd?: string } = {}): Promise<Terminal> {
    return this.run('/bin/sh', ['-c', command], options)
  }

  run(file: string, args: readonly string[], options: { cwd?: string } = {}): Promise<Terminal> {
    const id = `bench${++this.#next}`
    return this.registry.open({
      id,
      epoch: 1,
      file,
      args,
      cwd: options.cwd ?? this.#context.dir,
      env: {
        PATH: process.env.PATH ?? '/usr/bin:/bin',
        HOME: this.#context.dir,
        TERM: 'xterm-256color',
        LANG: 'C.UTF-8',
      },
      cols: COLS,
      rows: ROWS,
      logPath: join(this.dataDir, `${id}.log`),
    })
  }

  /** Resolves with the exit, after the last byte. */
  ended(id: string): Promise<NonNullable<Terminal['exit']>> {
    return new Promise((resolve) => {
      const known = this.registry.get(id)?.exit
      if (known) return resolve(known)
      const listener = this.registry.onEvent((event) => {
        if (event.id !== id || event.type !== 'ended') return
        listener.dispose()
        resolve(event.exit)
      })
    })
  }

  /** SHA-256 and size of all that a terminal's log holds from `from` on. */
  async logHash(id: string, from = 0): Promise<{ sha256: string; bytes: number }> {
    const hash = createHash('sha256')
    let at = from
    for (;;) {
      const slice = await this.registry.readLog(id, at, 4 * 1024 * 1024)
      if (slice.offset !== at && slice.bytes.length > 0)
        throw new Error(`the log of ${id} has a gap at ${at}`)
      if (slice.bytes.length === 0) break
      hash.update(slice.bytes)
      at += slice.bytes.length
    }
    return { sha256: hash.digest('hex'), bytes: at - from }
  }

  /** Pids of the detached host and of what draws its screens. */
  terminalProcesses(): Promise<{ host: number; screens: number }> {
    return terminalProcesses(this.dataDir)
  }

  /** Drops what has ended, as the product does once nobody looks at it. */
  async forgetEnded(): Promise<void> {
    const ended = this.registry.list().filter(({ state }) => state !== 'live')
    await Promise.all(ended.map(({ id }) => this.registry.forget(id)))
  }

  async kill(...ids: string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.registry.kill(id, 'benchmark')))
  }
}
