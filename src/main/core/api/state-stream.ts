import type { StatePush } from '../../../shared/state/tables.ts'
import type { Ledger } from '../db/ledger.ts'

/** Commits within this time travel together. */
const COALESCE_MS = 30
/** Signals are worth four updates a second. */
const SIGNALS_MS = 250
/** A client that has not acknowledged this many pushes gets no more until it does: it will be sent the sum then. */
const MAX_UNACKED = 16

interface SignalSource {
  changed: { on(listener: (attemptId: string) => void): { dispose(): void } }
  get(attemptId: string): { attemptId: string } | undefined
  all(): { attemptId: string }[]
}

/** One client's flow control: which pushes it has applied. */
class Window {
  readonly #sent: number[] = []
  #wake: (() => void) | null = null

  get open(): boolean {
    return this.#sent.length < MAX_UNACKED
  }

  sent(seq: number): void {
    this.#sent.push(seq)
  }

  ack(seq: number): void {
    while (this.#sent.length > 0 && (this.#sent[0] as number) <= seq) this.#sent.shift()
    this.#wake?.()
  }

  onAck(wake: () => void): void {
    this.#wake = wake
  }
}

/**
 * The state for subscribers. There is no queue: a subscriber remembers the last commit it was sent, and what changed
 * since is read when it is its turn. A slow or frozen client costs nothing and gets one larger push later.
 */
export class StateStream {
  readonly #ledger: Ledger
  readonly #signals: SignalSource
  readonly #windows = new Map<string, Window>()

  constructor(ledger: Ledger, signals: SignalSource) {
    this.#ledger = ledger
    this.#signals = signals
  }

  ack(clientId: string, seq: number): void {
    this.#windows.get(clientId)?.ack(seq)
  }

  async *subscribe(
    clientId: string,
    known: { epoch: string; seq: number } | null,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<StatePush, void> {
    const ledger = this.#ledger
    const window = new Window()
    this.#windows.set(clientId, window)
    const dirty = new Set<string>()
    let wake = () => {}
    let lastSignals = 0
    const stops = [
      ledger.committed.on(() => wake()),
      this.#signals.changed.on((attemptId) => {
        dirty.add(attemptId)
        wake()
      }),
    ]
    window.onAck(() => wake())
    const onAbort = () => wake()
    signal?.addEventListener('abort', onAbort)
    try {
      let at: number
      const delta = known && known.epoch === ledger.epoch ? ledger.since(known.seq) : null
      if (known && delta) {
        at = delta.to
        window.sent(at)
        yield { type: 'delta', epoch: ledger.epoch, from: known.seq, ...delta }
      } else {
        const snapshot = ledger.snapshot()
        at = snapshot.to
        window.sent(at)
        yield { type: 'snapshot', epoch: ledger.epoch, ...snapshot }
      }
      const signals = this.#signals.all()
      if (signals.length > 0) yield { type: 'signals', signals }

      while (!signal?.aborted) {
        const signalsDue = dirty.size > 0 && performance.now() - lastSignals >= SIGNALS_MS
        const rowsDue = ledger.rev > at && window.open
        if (!signalsDue && !rowsDue) {
          await new Promise<void>((resolve) => {
            const timer =
              dirty.size > 0
                ? setTimeout(resolve, Math.max(10, SIGNALS_MS - (performance.now() - lastSignals)))
                : undefined
            wake = () => {
              clearTimeout(timer)
              resolve()
            }
          })
          wake = () => {}
          // Let commits that come in a burst travel together.
          if (ledger.rev > at && !signal?.aborted)
            await new Promise((resolve) => setTimeout(resolve, COALESCE_MS))
          continue
        }
        if (rowsDue) {
          const change = ledger.since(at)
          if (change) {
            const from = at
            at = change.to
            window.sent(at)
            yield { type: 'delta', epoch: ledger.epoch, from, ...change }
          } else {
            const snapshot = ledger.snapshot()
            at = snapshot.to
            window.sent(at)
            yield { type: 'snapshot', epoch: ledger.epoch, ...snapshot }
          }
        }
        if (signalsDue) {
          const changed = [...dirty].flatMap((id) => this.#signals.get(id) ?? [])
          dirty.clear()
          lastSignals = performance.now()
          if (changed.length > 0) yield { type: 'signals', signals: changed }
        }
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
      for (const stop of stops) stop.dispose()
      if (this.#windows.get(clientId) === window) this.#windows.delete(clientId)
    }
  }
}
