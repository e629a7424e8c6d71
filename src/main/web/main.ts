import { createCore } from '../core/core.ts'
import type { Logger } from '../kernel/logger.ts'
import { runWebHost } from './web-host.ts'

/** What is still open after the host has ended (a log line, a socket) gets this long, in ms. */
const LAST_WORDS_MS = 2_000

/** Runs the web host as this process. */
export async function main(root: string): Promise<void> {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // The second one does not wait.
      if (ending.signal.aborted) process.exit(1)
      ending.abort()
    })
  }
  // Whoever started us may close its end of our output; that must not end us.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  // A promise that somebody forgot is a bug, but not one to lose the control room for.
  let log: Logger | null = null
  process.on('unhandledRejection', (error) => {
    if (log) log.error('a rejection nobody handled', { error })
    else process.stderr.write(`unexpected: ${error instanceof Error ? error.stack : String(error)}\n`)
  })
  process.exitCode = await runWebHost(
    process.argv.slice(2),
    {
      out: (line) => process.stdout.write(`${line}\n`),
      err: (line) => process.stderr.write(`${line}\n`),
      env: process.env,
      nodePath: process.execPath,
      signal: ending.signal,
      onLog: (running) => {
        log = running
      },
    },
    { createCore, root },
  )
  setTimeout(() => process.exit(), LAST_WORDS_MS).unref()
}
