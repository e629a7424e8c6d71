import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { endProcessesNaming } from './processes.ts'
import type { Bench, Context, Missing, Options, Row, Tools } from './types.ts'

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
  const dir = await realpath(await mkdtemp(join(options.scratch, 'quartet-bench-')))
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
