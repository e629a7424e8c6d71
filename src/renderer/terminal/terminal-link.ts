import {
  type ClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  type ResumePoint,
  type ServerFrame,
} from '../../shared/contract/terminal-frames.ts'
import type { BinaryChannel } from '../connection/connection.ts'
import type { InputQueue } from './input-queue.ts'

/** The core asks for patience with `limit`: the same input is sent again after this. */
const INPUT_AGAIN_MS = 300

export interface ViewListener {
  onFrame(frame: ServerFrame): void
  /** What to say when the view is (re)opened: the size wished for and how far we got. */
  opening(): { cols: number; rows: number; focused: boolean; visible: boolean; from: ResumePoint | null }
}

export interface View {
  input(bytes: Uint8Array): boolean
  ack(bytes: number): void
  resize(cols: number, rows: number): void
  focus(focused: boolean, visible: boolean): void
  /** Opens it again after an error ended it. */
  reopen(): void
  close(): void
}

interface Opened {
  terminalId: string
  input: InputQueue
  listener: ViewListener
  retry: ReturnType<typeof setTimeout> | null
}

/** The views of this window on the terminals of the core; they outlive the wire and are opened anew on the next one. */
export class TerminalLink {
  readonly #views = new Map<number, Opened>()
  #channel: BinaryChannel | null = null
  #nextViewId = 1

  /** Goes over to a new wire, or to none. */
  bind(channel: BinaryChannel | null): void {
    this.#channel = channel
    if (!channel) return
    channel.onMessage((bytes) => {
      if (this.#channel === channel) this.#receive(bytes)
    })
    channel.onClose(() => {
      if (this.#channel === channel) this.#channel = null
    })
    for (const viewId of this.#views.keys()) this.#sendOpen(viewId)
  }

  open(terminalId: string, input: InputQueue, listener: ViewListener): View {
    let viewId = this.#nextViewId++
    const view: Opened = { terminalId, input, listener, retry: null }
    this.#views.set(viewId, view)
    this.#sendOpen(viewId)
    return {
      input: (bytes) => {
        const frames = input.push(bytes)
        if (!frames) return false
        // While an earlier input waits to be sent again, later ones wait behind it: the order is the text.
        if (view.retry === null) {
          for (const frame of frames) this.#send({ kind: 'input', viewId, ...frame })
        }
        return true
      },
      ack: (bytes) => this.#send({ kind: 'ack', viewId, bytes }),
      resize: (cols, rows) => this.#send({ kind: 'resize', viewId, cols, rows }),
      focus: (focused, visible) => this.#send({ kind: 'focus', viewId, focused, visible }),
      reopen: () => {
        // Frames of the ended view may still be on their way: they must not be taken for this one's.
        this.#views.delete(viewId)
        viewId = this.#nextViewId++
        this.#views.set(viewId, view)
        this.#sendOpen(viewId)
      },
      close: () => {
        if (view.retry) clearTimeout(view.retry)
        this.#views.delete(viewId)
        this.#send({ kind: 'close', viewId })
      },
    }
  }

  #sendOpen(viewId: number): void {
    const view = this.#views.get(viewId)
    if (!view) return
    const wish = view.listener.opening()
    this.#send({
      kind: 'open',
      viewId,
      terminalId: view.terminalId,
      writer: view.input.writer,
      ...wish,
    })
    this.#sendUnconfirmed(viewId, view)
  }

  #sendUnconfirmed(viewId: number, view: Opened): void {
    for (const frame of view.input.unconfirmed()) this.#send({ kind: 'input', viewId, ...frame })
  }

  #receive(bytes: Uint8Array): void {
    const frame = decodeServerFrame(bytes)
    const view = this.#views.get(frame.viewId)
    // A frame for a view that we closed was on its way.
    if (!view) return
    if (frame.kind === 'inputAck') {
      view.input.acked(frame.seq)
      return
    }
    if (frame.kind === 'error' && frame.code === 'limit') {
      view.retry ??= setTimeout(() => {
        view.retry = null
        this.#sendUnconfirmed(frame.viewId, view)
      }, INPUT_AGAIN_MS)
      return
    }
    if (frame.kind === 'exited') view.input.clear()
    view.listener.onFrame(frame)
  }

  #send(frame: ClientFrame): void {
    this.#channel?.send(encodeClientFrame(frame))
  }
}
