import { randomUUID } from 'node:crypto'
import { toFailure } from '../../shared/contract/client.ts'
import { Failure } from '../../shared/domain/failure.ts'
import { applyPush, type Entities, emptyEntities } from '../../shared/state/apply.ts'
import type { StatePush } from '../../shared/state/tables.ts'
import type { Context } from './command.ts'

/** How often in a row a subscription may end before its first push, each time with a core found or started anew. */
const MAX_RETRIES = 5

/**
 * Follows the state: calls `see` with every state (and the push that led to it) until it gives true. Survives gaps and a
 * core that is restarted. Throws `cancelled` on Ctrl-C.
 */
export async function follow(
  context: Context,
  see: (state: Entities, push: StatePush) => Promise<boolean> | boolean,
): Promise<void> {
  const clientId = `cli-${randomUUID()}`
  let state: Entities = emptyEntities
  for (let failures = 0; ; ) {
    const connection = await context.connection()
    try {
      const { client, lost } = connection
      const known = state.epoch === null ? null : { epoch: state.epoch, seq: state.seq }
      const pushes = await client.state.subscribe({ clientId, known }, { signal: context.io.signal })
      for (;;) {
        const next = await Promise.race([pushes.next(), lost])
        // A gap, or a core that dropped us as too slow: subscribing again with what we have brings what was missed.
        const after = next.done ? 'gap' : applyPush(state, next.value)
        if (next.done || after === 'gap') {
          if (++failures > MAX_RETRIES)
            throw new Failure('core_unreachable', 'Quartet keeps ending our subscription.')
          await pushes.return?.(undefined)
          break
        }
        failures = 0
        state = after
        if (next.value.type !== 'signals') await client.state.ack({ clientId, seq: state.seq })
        if (await see(state, next.value)) {
          await pushes.return?.(undefined)
          return
        }
      }
    } catch (error) {
      if (context.io.signal.aborted) throw new Failure('cancelled', 'Stopped waiting; the attempts go on.')
      if (connection.open || ++failures > MAX_RETRIES) throw toFailure(error)
      context.reconnect()
    }
  }
}
