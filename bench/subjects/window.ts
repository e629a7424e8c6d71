import { MessageChannel, Worker } from 'node:worker_threads'
import type { Terminals } from '../../src/main/core/pty/terminals.ts'
import { connectViewer } from '../../src/main/core/pty/viewer.ts'
import { silentLogger } from '../../src/main/kernel/logger.ts'
import { deadline } from '../lib/measure.ts'
import type { Context } from '../lib/types.ts'
import { COLS, ROWS } from '../reference/tmux.ts'
import type { Frames, WindowAsk, WindowReply, WindowStart } from './window-messages.ts'

/** A window on terminals: the product's viewer on this side, `window-worker.ts` on the other. */
export class OurWindow {
  readonly #worker: Worker
  readonly #waiting = new Map<number, (value: WindowReply['value']) => void>()
  readonly #broken = Promise.withResolvers<never>()
  #next = 0

  constructor(context: Context, terminals: Terminals, frames: Frames) {
    const { port1: ours, port2: theirs } = new MessageChannel()
    this.#broken.promise.catch(() => {})
    this.#worker = new Worker(new URL('./window-worker.ts', import.meta.url), {
      workerData: { wire: theirs, frames } satisfies WindowStart,
      transferList: [theirs],
    })
    this.#worker.on('error', (error) => this.#broken.reject(error))
    this.#worker.on('message', ({ re, value }: WindowReply) => {
      this.#waiting.get(re)?.(value)
      this.#waiting.delete(re)
    })
    const viewer = connectViewer({
      channel: {
        send: (bytes) => ours.postMessage(bytes),
        onMessage: (listener) => void ours.on('message', (bytes: Uint8Array) => listener(bytes)),
        onClose: (listener) => void ours.on('close', listener),
        close: () => ours.close(),
      },
      terminals,
      log: silentLogger,
    })
    context.defer(async () => {
      viewer.dispose()
      await this.#worker.terminate()
    })
  }

  async open(terminalId: string, share: 'focused' | 'visible' | 'hidden'): Promise<OurView> {
    const ask = {
      ask: 'open',
      terminalId,
      focused: share === 'focused',
      visible: share !== 'hidden',
    } as const
    return new OurView(this, await this.askNumber({ ...ask, cols: COLS, rows: ROWS }))
  }

  ask(ask: WindowAsk, ms = 120_000): Promise<WindowReply['value']> {
    const re = ++this.#next
    const answered = new Promise<WindowReply['value']>((resolve) => this.#waiting.set(re, resolve))
    this.#worker.postMessage({ ...ask, re })
    return deadline(`the window answers “${ask.ask}”`, ms, Promise.race([answered, this.#broken.promise]))
  }

  async askNumber(ask: WindowAsk, ms?: number): Promise<number> {
    const value = await this.ask(ask, ms)
    if (typeof value !== 'number') throw new Error(`“${ask.ask}” gave no number`)
    return value
  }
}

/** One terminal in the window. */
export class OurView {
  readonly #window: OurWindow
  readonly #view: number

  constructor(window: OurWindow, view: number) {
    this.#window = window
    this.#view = view
  }

  /** Types `text`; gives ms until `sign` was parsed, which must not have been on its way before. */
  async typeUntil(text: string, sign: string, ms = 60_000): Promise<number> {
    const seen = this.#window.askNumber({ ask: 'seen', view: this.#view, text: sign }, ms)
    await this.#window.ask({ ask: 'type', view: this.#view, text })
    return await seen
  }

  async type(text: string): Promise<void> {
    await this.#window.ask({ ask: 'type', view: this.#view, text })
  }

  /** Resolves when `sign` is parsed. */
  async seen(sign: string, ms = 60_000): Promise<void> {
    await this.#window.ask({ ask: 'seen', view: this.#view, text: sign }, ms)
  }

  /** Ms from each key to its parsed echo; -1 for one that never came. */
  async echo(count: number, everyMs: number): Promise<number[]> {
    const times = await this.#window.ask({ ask: 'echo', view: this.#view, count, everyMs })
    if (!Array.isArray(times)) throw new Error('no times')
    return times
  }

  freeze(): Promise<number> {
    return this.#window.askNumber({ ask: 'freeze', view: this.#view })
  }

  parsed(): Promise<number> {
    return this.#window.askNumber({ ask: 'parsed', view: this.#view })
  }

  async screen(): Promise<string> {
    return String(await this.#window.ask({ ask: 'screen', view: this.#view }))
  }

  async close(): Promise<void> {
    await this.#window.ask({ ask: 'close', view: this.#view })
  }
}
