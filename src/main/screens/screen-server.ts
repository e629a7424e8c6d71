import { deflateRawSync } from 'node:zlib'
import { messageOf } from '../../shared/domain/failure.ts'
import type { FromScreens, ToScreens } from '../pty-protocol/screen-messages.ts'
import { Emulator, type EmulatorEvents, SCROLLBACK_LINES } from './emulator.ts'
import { drawLog, replayLog } from './replay.ts'

/** With more waiting than this the terminal floods: a snapshot has little above the screen (0.5 ms instead of 10). */
const FLOOD_BYTES = 64 * 1024
/** A larger snapshot is drawn with fewer lines above the screen. */
const SNAPSHOT_BYTES = 1024 * 1024

interface Drawn {
  offset: number
  cols: number
  rows: number
  sizes: number
  shallow: boolean
  data: Uint8Array
}

type Send = (message: FromScreens, tail?: Uint8Array) => void

/** The emulators of all terminals: does what the host says (`pty-protocol/screen-messages.ts`) and tells what comes of it. */
export class ScreenServer {
  readonly #send: Send
  readonly #screens = new Map<number, Emulator>()
  /** For screens that are being redrawn from a log: the end of what came for them last. */
  readonly #busy = new Map<number, Promise<void>>()
  /** The end of all redrawing: one log after the other, so that the host keeps hearing of screens that are done. */
  #redrawn: Promise<void> = Promise.resolve()

  constructor(send: Send) {
    this.#send = send
  }

  /** Resolves when nothing more comes of this message by itself. Rejects only where the server itself is at fault. */
  async take(message: ToScreens, tail: Uint8Array): Promise<void> {
    if (message.op === 'replay') return await this.#answer(message)
    const before = this.#busy.get(message.s)
    if (!before && message.op !== 'redraw') return await this.#do(message, tail)
    const done = Promise.resolve(before).then(() => this.#do(message, tail))
    this.#busy.set(message.s, done)
    try {
      await done
    } finally {
      if (this.#busy.get(message.s) === done) this.#busy.delete(message.s)
    }
  }

  #do(message: Exclude<ToScreens, { op: 'replay' }>, tail: Uint8Array): Promise<void> | void {
    const { s } = message
    switch (message.op) {
      case 'open':
        this.#screens.set(
          s,
          new Emulator(
            message.cols,
            message.rows,
            0,
            this.#eventsOf(s, () => true),
          ),
        )
        break
      case 'redraw':
        this.#redrawn = this.#redrawn.then(() => this.#redraw(message))
        return this.#redrawn
      case 'write':
        this.#screens.get(s)?.write(tail, message.end)
        break
      case 'resize':
        this.#screens.get(s)?.resize(message.cols, message.rows, message.sizes)
        break
      case 'close':
        this.#close(s)
        break
      default:
        return this.#answer(message)
    }
  }

  async #answer(message: Extract<ToScreens, { re: number }>): Promise<void> {
    const { re } = message
    try {
      if (message.op === 'replay') {
        const { data, ...rest } = await replayLog(message.request)
        this.#send({ op: 'screen', re, sizes: 0, shallow: false, ...rest }, data)
        return
      }
      const emulator = this.#screens.get(message.s)
      if (!emulator) throw new Error('there is no such screen')
      if (message.op !== 'snapshot') await emulator.settled()
      if (message.op === 'settle') {
        this.#send({ op: 'settled', re, bracketedPaste: emulator.bracketedPaste })
        return
      }
      const { data, ...rest } = snapshotOf(emulator)
      const last = message.op === 'freeze'
      if (last) this.#close(message.s)
      this.#send({ op: 'screen', re, ...rest }, last ? deflateRawSync(data, { level: 1 }) : data)
    } catch (error) {
      this.#send({ op: 'no', re, message: messageOf(error) })
    }
  }

  async #redraw(message: Extract<ToScreens, { op: 'redraw' }>): Promise<void> {
    let live = false
    const { s, cols, rows, logPath, until } = message
    const events = this.#eventsOf(s, () => live)
    const source = { logPath, cols, rows, until, scrollback: SCROLLBACK_LINES }
    // A log that cannot be read leaves an empty screen, which the program draws over sooner or later.
    const emulator = await drawLog(source, events).catch(() => new Emulator(cols, rows, until, events))
    emulator.resize(cols, rows, message.sizes)
    await emulator.settled()
    live = true
    this.#screens.set(s, emulator)
    this.#send({ op: 'drawn', s, end: until })
  }

  #close(s: number): void {
    this.#screens.get(s)?.dispose()
    this.#screens.delete(s)
  }

  /** `live` is false while a log is drawn: what it once asked or said is not asked or said again. */
  #eventsOf(s: number, live: () => boolean): EmulatorEvents {
    const tell: Send = (message) => {
      if (live()) this.#send(message)
    }
    return {
      answer: (text) => tell({ op: 'answer', s, text }),
      title: (title) => tell({ op: 'title', s, title }),
      bell: () => tell({ op: 'bell', s }),
      notice: (text) => tell({ op: 'notice', s, text }),
      drawn: (end) => tell({ op: 'drawn', s, end }),
    }
  }
}

function snapshotOf(emulator: Emulator): Drawn {
  // One screenful above at the least: a terminal that gets more rows takes them from there.
  const shallow = emulator.queued > FLOOD_BYTES
  const depths = shallow ? [emulator.rows] : [SCROLLBACK_LINES, SCROLLBACK_LINES / 10, emulator.rows]
  for (const lines of depths) {
    const screen = emulator.snapshot(lines)
    if (screen.data.length <= SNAPSHOT_BYTES) return { ...screen, shallow }
  }
  return { ...emulator.snapshot(0), shallow: false }
}
