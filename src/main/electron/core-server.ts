import { z } from 'zod'
import { Failure } from '../../shared/domain/failure.ts'
import { createApiServer, type ServedConnection } from '../core/api/serve.ts'
import { messagePortChannel } from '../core/api/serve-channels.ts'
import type { PortLike } from '../core/api/serve-pipe.ts'
import { type RunCoreOptions, type RunningCore, runCore } from '../core/run-core.ts'
import { type FromCore, ToCore } from './core-messages.ts'
import { askKeychain } from './keychain-line.ts'

/** The core's end of the line to main: `process.parentPort` of a utility process. */
export interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown; ports: readonly PortLike[] }) => void): unknown
  postMessage(message: unknown): void
}

const Holder = z.object({ holder: z.object({ url: z.string() }) })

/**
 * Runs the core in its own process for main: starts it, serves the ports that main brokers, and ends when main or a
 * client asks for it. Resolves when it has ended; an unexpected error is thrown, so that the process dies and main sees a crash.
 */
export async function serveParent(parent: ParentPort, options: RunCoreOptions): Promise<void> {
  const say = (message: FromCore) => parent.postMessage(message)
  let running: RunningCore
  try {
    running = await runCore({ ...options, secrets: askKeychain(parent) })
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const holder = Holder.safeParse(error.data)
    say({
      type: 'failed',
      code: error.code,
      message: error.message,
      url: holder.success ? holder.data.holder.url : null,
    })
    return
  }
  const { core, log } = running
  const api = createApiServer({ router: core.router, log: log.child('api'), redactor: running.redactor })
  const served = new Set<ServedConnection>()
  parent.on('message', (event) => {
    const message = ToCore.safeParse(event.data)
    if (!message.success) return log.warn('main said something unknown')
    switch (message.data.type) {
      case 'connect': {
        const [rpc, terminals] = event.ports
        if (!rpc || !terminals) return log.warn('main sent no ports')
        const connection = api.serveMessagePort(rpc)
        served.add(connection)
        rpc.on('close', () => served.delete(connection))
        core.connectTerminals(messagePortChannel(terminals))
        return
      }
      case 'secret':
        return
      case 'busy?':
        return say({ type: 'busy', id: message.data.id, busy: core.busy() })
      case 'end':
        return void running.close({ stopAgents: message.data.stopAgents })
    }
  })
  say({ type: 'ready', url: running.door.url })
  await running.ended
  for (const connection of served) connection.dispose()
  say({ type: 'ended' })
}
