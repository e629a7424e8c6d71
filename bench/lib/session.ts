import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { endProcessesNaming } from './processes.ts'
import type { Bench, Context, Missing, Options, Row, Tools } from './types.ts'

const PREFIX = 'quartet-bench-'

/** What a benchmark's process tells the runner. */
export type Message =
  | { kind: 'row'; row: Row }
  | { kind: 'missing'; missing: Missing }
  | { kind: 'say'; line: string }
  | { kind: 'dir'; dir: string }
  | { kind: 'failed'; message: string }
  | { kind: 'done' }

/** Runs one benchmark in this process; everything it started ends with it. */
export async function runBench(
  bench: Bench,
  options: Options,
  tools: Tools,
  tell: (message: Message) => void,
  ended: AbortSignal,
): Promise<void> {
  const dir = await realpath(await mkdtemp(join(options.scratch, `${PREFIX}${process.pid}-`)))
  tell({ kind: 'dir', dir })
  const ends: (() => Promise<unknown> | unknown)[] = []
  const context: Context = {
    ...options,
    tools,
    dir,
    say: (line) => tell({ kind: 'say', line }),
    add: (row) => tell({ kind: 'row', row }),
    missing: (missing) => tell({ kind: 'missing', missing }),
    defer: (end) => void ends.push(end),
  }
  try {
    const stopped = new Promise<never>((_resolve, reject) => {
      ended.addEventListener('abort', () => reject(new Error('ended: it took too long')), { once: true })
    })
    await Promise.race([bench.run(context), stopped])
  } catch (error) {
    tell({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  } finally {
    for (const end of ends.reverse()) {
      try {
        await end()
      } catch (error) {
        tell({ kind: 'say', line: `cleaning up: ${String(error)}` })
      }
    }
    await sweep(dir)
  }
  tell({ kind: 'done' })
}

/** Ends what still runs in a benchmark's folder and removes it. */
export async function sweep(dir: string): Promise<void> {
  await endProcessesNaming(dir)
  await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}

/** Clears up behind runs that were killed: their folders name the process that made them, and it is gone. */
export async function sweepLeftovers(scratch: string): Promise<void> {
  for (const name of await readdir(scratch)) {
    const pid = name.startsWith(PREFIX) ? Number(/^\d+/.exec(name.slice(PREFIX.length))?.[0]) : Number.NaN
    if (Number.isNaN(pid) || lives(pid)) continue
    await sweep(join(scratch, name))
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
