import { packageRoot } from '../kernel/package-root.ts'

// The web host: one process with the core and its loopback door.

/** better-sqlite3 crashes older Nodes when it is loaded, so nothing of the core is imported before this was checked. */
const MINIMAL_NODE = [22, 14] as const

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < MINIMAL_NODE[0] || (major === MINIMAL_NODE[0] && minor < MINIMAL_NODE[1])) {
  const message = `Quartet's core needs Node ${MINIMAL_NODE.join('.')} or newer; this is ${process.versions.node}.`
  if (process.argv.includes('--json'))
    process.stdout.write(`${JSON.stringify({ error: { code: 'illegal_state', message } })}\n`)
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
} else {
  const { main } = await import('./main.ts')
  await main(packageRoot(import.meta.dirname))
}
