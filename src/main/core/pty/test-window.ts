import {
  decodeServerFrame,
  encodeClientFrame,
  type ServerFrame,
} from '../../../shared/contract/terminal-frames.ts'
import { TestScreen } from '../../pty-protocol/test-screen.ts'
import type { TerminalChannel } from './terminal-channel.ts'

const VIEW = 1

/**
 * One tile of a window, as the product's behaves: it outlives its wires, goes on at the byte it has, sends again what was not
 * acknowledged, and acknowledges what is parsed. Remembers every gap and repeat instead of throwing into the wire's code.
 */
export class TestWindow {
  readonly screen: TestScreen
  readonly faults: string[] = []
  end: Extract<ServerFrame, { kind: 'exited' }> | null = null
  /** What the program calls itself now. */
  title = ''
  /** How often a screen was drawn anew, and how often it went on where it was. */
  readonly opened = { snapshot: 0, resume: 0 }
  /** Most bytes that had come and were not acknowledged. */
  peak = 0
  readonly #terminalId: string
  readonly #unconfirmed: { seq: number; bytes: Uint8Array }[] = []
  #channel: TerminalChannel | null = null
  #seq = 0
  #size: { cols: number; rows: number }
  #place: { epoch: number; offset: number } | null = null
  #coming: { epoch: number; offset: number } | null = null
  #unread = 0
  #drawing: Promise<void> = Promise.resolve()

  constructor(terminalId: string, cols: number, rows: number) {
    this.#terminalId = terminalId
    this.#size = { cols, rows }
    this.screen = new TestScreen(cols, rows, true)
    this.screen.terminal.onTitleChange((title) => {
      this.title = title
    })
  }

  /** Bytes of the program that it has. */
  get offset(): number {
    return this.#place?.offset ?? 0
  }

  get connected(): boolean {
    return this.#channel !== null
  }

  connect(channel: TerminalChannel): void {
    this.#channel = channel
    this.#unread = 0
    channel.onMessage((bytes) => {
      if (this.#channel === channel) this.#hear(decodeServerFrame(bytes.slice()), channel)
    })
    channel.onClose(() => {
      if (this.#channel === channel) this.#channel = null
    })
    const open = {
      terminalId: this.#terminalId,
      writer: `window-${this.#terminalId}`,
      focused: true,
      visible: true,
    }
    channel.send(encodeClientFrame({ kind: 'open', viewId: VIEW, ...open, ...this.#size, from: this.#place }))
    for (const input of this.#unconfirmed) this.#sendInput(input)
  }

  type(text: string): void {
    const input = { seq: ++this.#seq, bytes: Buffer.from(text) }
    this.#unconfirmed.push(input)
    this.#sendInput(input)
  }

  resize(cols: number, rows: number): void {
    this.#size = { cols, rows }
    this.#channel?.send(encodeClientFrame({ kind: 'resize', viewId: VIEW, cols, rows }))
  }

  /** Resolves when everything that came is on the screen. */
  async settled(): Promise<void> {
    for (let last: Promise<void> | null = null; last !== this.#drawing; ) {
      last = this.#drawing
      await last
    }
  }

  #sendInput({ seq, bytes }: { seq: number; bytes: Uint8Array }): void {
    this.#channel?.send(encodeClientFrame({ kind: 'input', viewId: VIEW, seq, bytes }))
  }

  #hear(frame: ServerFrame, channel: TerminalChannel): void {
    switch (frame.kind) {
      case 'opened': {
        const { epoch, offset, cols, rows, mode } = frame
        this.opened[mode]++
        if (mode === 'resume' && offset !== this.offset)
          this.faults.push(`went on at ${offset} instead of ${this.offset}`)
        if (mode === 'snapshot' && offset < this.offset)
          this.faults.push(`drawn anew at ${offset}, before ${this.offset}`)
        this.#coming = { epoch, offset }
        // A wire may break between this frame and its screen: then there is nothing to go on from.
        this.#place = mode === 'snapshot' ? null : this.#coming
        if (mode === 'snapshot') this.#draw(() => this.screen.reset(cols, rows, new Uint8Array(0)))
        else this.#draw(async () => this.screen.resize(cols, rows))
        break
      }
      case 'snapshot':
        this.#place = this.#coming
        this.#write(frame.bytes, channel)
        break
      case 'output':
        if (frame.offset !== this.offset) this.faults.push(`output at ${frame.offset} after ${this.offset}`)
        this.#place = { epoch: this.#place?.epoch ?? 0, offset: frame.offset + frame.bytes.length }
        this.#write(frame.bytes, channel)
        break
      case 'resized':
        this.#draw(async () => this.screen.resize(frame.cols, frame.rows))
        break
      case 'exited':
        if (frame.offset !== this.offset) this.faults.push(`ended at ${frame.offset}, heard ${this.offset}`)
        this.end = frame
        break
      case 'inputAck':
        while (this.#unconfirmed[0] && this.#unconfirmed[0].seq <= frame.seq) this.#unconfirmed.shift()
        break
      case 'error':
        this.faults.push(`${frame.code}: ${frame.message}`)
        break
    }
  }

  #write(bytes: Uint8Array, channel: TerminalChannel): void {
    this.#unread += bytes.length
    this.peak = Math.max(this.peak, this.#unread)
    this.#draw(async () => {
      await this.screen.write(bytes)
      if (this.#channel !== channel) return
      this.#unread -= bytes.length
      channel.send(encodeClientFrame({ kind: 'ack', viewId: VIEW, bytes: bytes.length }))
    })
  }

  #draw(step: () => Promise<void>): void {
    this.#drawing = this.#drawing.then(step)
  }
}
