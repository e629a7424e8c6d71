import { BENCHES } from './benches/all.ts'
import { type Message, runBench } from './lib/session.ts'
import type { Options, Tools } from './lib/types.ts'

// One benchmark in a process of its own, started by run.ts: it can be ended by force, and no other one's heap slows it.

/** The runner may be gone already; clearing up goes on without it. */
const tell = (message: Message) => {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}
const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
process.on('disconnect', () => stop.abort())

process.once('message', (order: { name: string; options: Options; tools: Tools }) => {
  const bench = BENCHES.find(({ name }) => name === order.name)
  if (!bench) throw new Error(`no benchmark ${order.name}`)
  void runBench(bench, order.options, order.tools, tell, stop.signal).then(() => {
    // Threads of ended windows may still hold the process.
    setTimeout(() => process.exit(0), 50)
  })
})
