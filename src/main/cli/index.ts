import { join } from 'node:path'
import { packageRoot, packageVersion } from '../kernel/package-root.ts'
import type { Io } from './io.ts'
import { run } from './run.ts'

/** A command that does not notice Ctrl-C (a core that hangs) is ended all the same after this many ms. */
const GRACE_MS = 5_000

const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    interrupt.abort()
    setTimeout(() => process.exit(130), GRACE_MS).unref()
  })
}

// A reader that has seen enough (`| head`) closes its end: that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  cwd: process.cwd(),
  tty: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 80,
  now: () => Date.now(),
  signal: interrupt.signal,
}

// Not process.exit(): it would cut output that a pipe has not taken yet.
process.exitCode = await run(process.argv.slice(2), io, {
  webEntry: join(import.meta.dirname, 'web.js'),
  node: process.execPath,
  version: () => packageVersion(packageRoot(import.meta.dirname)),
})
