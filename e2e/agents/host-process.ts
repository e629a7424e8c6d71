import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { type Connection, connect } from '../../src/main/cli/connect.ts'
import type { Attempt } from '../../src/shared/domain/attempt.ts'

const ENTRY = join(import.meta.dirname, '..', '..', 'src', 'main', 'web', 'index.ts')
const WAIT_MS = 90_000

/** A core in a process of its own, that can be killed. */
export interface HostProcess {
  client: Connection['client']
  /** Waits until what `pick` gives of the attempt is truthy. */
  until(id: string, pick: (attempt: Attempt) => boolean): Promise<Attempt>
  /** Ends it without warning. */
  kill9(): Promise<void>
}

/** Where it runs: an arena, or as much of one as a test needs. */
export interface HostPlace {
  dataDir: string
  /** All that it gets. */
  env: Readonly<Record<string, string>>
  /** Shown when it is waited for in vain. */
  model?: { requests: readonly unknown[] }
}

/** Starts the web host from its sources. */
export async function startHost(place: HostPlace): Promise<HostProcess> {
  const child: ChildProcess = spawn(process.execPath, [ENTRY, '--json', '--data-dir', place.dataDir], {
    env: place.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  await Promise.race([
    once(createInterface(child.stdout!), 'line'),
    exit.then(([code]) => Promise.reject(new Error(`the host ended with ${code}`))),
  ])
  const { client, close } = await connect({
    dataDir: place.dataDir,
    webEntry: ENTRY,
    node: process.execPath,
    env: place.env,
  })
  let alive = true
  onTestFinished(async () => {
    if (!alive) return
    await client.system.shutdown({ stopAgents: true })
    close()
    await exit
  })
  return {
    client,
    async until(id, pick) {
      const deadline = performance.now() + WAIT_MS
      for (;;) {
        const attempt = await client.attempts.get({ id })
        if (pick(attempt)) return attempt
        if (performance.now() > deadline) {
          const { text } = await client.attempts.log({ id, from: 0, maxBytes: 1_048_576, raw: false })
          const { status, attention, statusSource } = attempt
          const seen = JSON.stringify({ status, attention, statusSource, requests: place.model?.requests })
          throw new Error(`waited in vain for ${pick}: ${seen}\n${text.slice(-3_000)}`)
        }
        await new Promise((later) => setTimeout(later, 100))
      }
    },
    async kill9() {
      alive = false
      close()
      child.kill('SIGKILL')
      await exit
    },
  }
}
