import type { CoreClient } from '../../shared/contract/client.ts'
import { applyPush } from '../../shared/state/apply.ts'
import type { StatePush } from '../../shared/state/tables.ts'
import { useEntities } from '../state/entities.ts'
import { applySignals } from '../state/signals.ts'

/** A stream that ended while the wire holds is asked for again after this. */
const RESUBSCRIBE_MS = 500

/**
 * Mirrors the core's state into the store until `signal` aborts: applies pushes, says so, and subscribes anew after a gap
 * or when the stream ends. A broken wire ends it too; the next session starts it again with what is known.
 */
export async function syncState(rpc: CoreClient, clientId: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const { epoch, seq } = useEntities.getState()
      const known = epoch === null ? null : { epoch, seq }
      // Without the signal: aborting would send a message over a wire that is gone; its end ends the stream anyway.
      const pushes = await rpc.state.subscribe({ clientId, known })
      for await (const push of pushes) {
        if (signal.aborted) return
        if (!take(push)) {
          // What was missed cannot be told from here: a fresh snapshot holds it.
          useEntities.setState({ epoch: null })
          break
        }
        if (push.type !== 'signals') void rpc.state.ack({ clientId, seq: push.to }).catch(() => {})
      }
    } catch {
      // The wire broke or the core refused: the connection says so on screen; here it is only tried again.
    }
    await pause(RESUBSCRIBE_MS, signal)
  }
}

function take(push: StatePush): boolean {
  if (push.type === 'signals') {
    applySignals(push.signals)
    return true
  }
  const next = applyPush(useEntities.getState(), push)
  if (next === 'gap') return false
  useEntities.setState({ ...next, loaded: true })
  return true
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
