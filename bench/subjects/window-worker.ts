import { parentPort, workerData } from 'node:worker_threads'
import graphemes from '@xterm/addon-unicode-graphemes'
import headless, { type Terminal } from '@xterm/headless'
import { type FrameClock, OutputPump } from '../../src/renderer/terminal/output-pump.ts'
import { WriteQueue } from '../../src/renderer/terminal/write-queue.ts'
import {
  type ClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  type ServerFrame,
} from '../../src/shared/contract/terminal-frames.ts'
import { EscapeFilter } from '../../src/shared/terminal/escape-filter.ts'
import { guardCounts, swallowQueries } from '../../src/shared/terminal/escape-guards.ts'
import { pause } from '../lib/measure.ts'
import type { WindowReply, WindowRequest, WindowStart } from './window-messages.ts'

// A window without a screen, in a thread of its own as a renderer is in a process of its own: the product's frames, queue,
// schedule and parser, everything but the painting.

const { wire, frames } = workerData as WindowStart
const ACK_BYTES = 32 * 1024
const FRAME_MS = 1_000 / 60
const encoder = new TextEncoder()

const clock: FrameClock = {
  now: () => performance.now(),
  frame: (run) => {
    if (frames === 'at once') setImmediate(() => run(performance.now()))
    else setTimeout(() => run(performance.now()), FRAME_MS - (performance.now() % FRAME_MS))
  },
  later: (run, ms) => void setTimeout(run, ms),
}
const pump = new OutputPump(clock)
const send = (frame: ClientFrame) => wire.postMessage(encodeClientFrame(frame))

interface Wanted {
  bytes: Buffer
  found: (at: number) => void
}

class View {
  readonly id: number
  readonly term: Terminal
  parsed = 0
  frozen = false
  typedAt = 0
  readonly #queue = new WriteQueue()
  readonly #filter = new EscapeFilter(80, 24)
  readonly #pumpId: number
  #inFlight = 0
  #unacked = 0
  #seq = 0
  #wanted: Wanted | null = null
  #tail = Buffer.alloc(0)

  constructor(id: number, request: Extract<WindowRequest, { ask: 'open' }>) {
    this.id = id
    this.term = new headless.Terminal({
      cols: request.cols,
      rows: request.rows,
      scrollback: 5_000,
      allowProposedApi: true,
      logLevel: 'off',
    })
    this.term.loadAddon(new graphemes.UnicodeGraphemesAddon())
    guardCounts(this.term.parser, () => this.term)
    swallowQueries(this.term.parser)
    this.#pumpId = pump.add({ waiting: () => !this.#queue.empty, flush: () => this.#flush() })
    if (request.focused) pump.focus(this.#pumpId)
    const { terminalId, focused, visible, cols, rows } = request
    send({
      kind: 'open',
      viewId: id,
      terminalId,
      writer: `bench-${id}`,
      cols,
      rows,
      focused,
      visible,
      from: null,
    })
  }

  type(bytes: Uint8Array): void {
    this.typedAt = performance.now()
    pump.typed()
    send({ kind: 'input', viewId: this.id, seq: ++this.#seq, bytes })
  }

  /** Resolves with the time at which these bytes were parsed. Ask before they can come. */
  find(text: string): Promise<number> {
    this.#tail = Buffer.alloc(0)
    return new Promise((found) => {
      this.#wanted = { bytes: Buffer.from(text), found }
    })
  }

  close(): void {
    pump.remove(this.#pumpId)
    send({ kind: 'close', viewId: this.id })
    this.term.dispose()
  }

  receive(frame: ServerFrame): void {
    if (this.frozen) return
    if (frame.kind === 'error') throw new Error(`${frame.code}: ${frame.message}`)
    if (frame.kind === 'opened') {
      if (frame.mode === 'snapshot') this.#settle(this.#queue.reset(frame.cols, frame.rows))
    } else if (frame.kind === 'snapshot' || frame.kind === 'output') this.#queue.bytes(frame.bytes)
    else if (frame.kind === 'resized') this.#queue.resize(frame.cols, frame.rows)
    if (!this.#queue.empty) pump.notify(this.#pumpId)
  }

  #flush(): void {
    for (;;) {
      const next = this.#queue.take(this.#inFlight)
      if (!next) return
      if (next.kind === 'bytes') {
        this.#write(next.bytes)
        return
      }
      if (next.kind === 'reset') {
        this.term.reset()
        this.#filter.reset()
      }
      if (next.cols > 0 && next.rows > 0) {
        this.term.resize(next.cols, next.rows)
        this.#filter.resize(next.cols, next.rows)
      }
    }
  }

  #write(bytes: Uint8Array): void {
    this.#inFlight++
    this.term.write(this.#filter.push(bytes), () => {
      this.#inFlight--
      this.parsed += bytes.length
      this.#look(bytes)
      this.#settle(bytes.length)
      // Painting is what this window leaves out: what is parsed counts as drawn.
      pump.drawn(this.#pumpId)
      if (!this.#queue.empty) pump.notify(this.#pumpId)
    })
  }

  #look(bytes: Uint8Array): void {
    const wanted = this.#wanted
    if (!wanted) return
    const all = Buffer.concat([this.#tail, bytes])
    if (all.includes(wanted.bytes)) {
      this.#wanted = null
      wanted.found(performance.now())
    } else this.#tail = all.subarray(Math.max(0, all.length - wanted.bytes.length))
  }

  #settle(bytes: number): void {
    this.#unacked += bytes
    if (this.#unacked === 0 || this.frozen) return
    if (this.#unacked < ACK_BYTES && this.#inFlight > 0) return
    send({ kind: 'ack', viewId: this.id, bytes: this.#unacked })
    this.#unacked = 0
  }
}

const views = new Map<number, View>()
let nextView = 0
/** As in `pty.c`. */
const MARKS = '%&*+,$'
const LOST_MS = 2_000

async function echoes(view: View, count: number, everyMs: number): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const mark = MARKS[i % MARKS.length]!
    const found = view.find(mark)
    view.type(encoder.encode(mark))
    const begin = view.typedAt
    const timer = Promise.withResolvers<number>()
    const late = setTimeout(() => timer.resolve(-1), LOST_MS)
    const at = await Promise.race([found, timer.promise])
    clearTimeout(late)
    times.push(at < 0 ? -1 : at - begin)
    await pause(Math.max(0, begin + everyMs - performance.now()))
  }
  return times
}

function screenOf(view: View): string {
  const { active } = view.term.buffer
  const lines = Array.from(
    { length: view.term.rows },
    (_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? '',
  )
  return lines.join('\n')
}

async function answer(request: WindowRequest): Promise<WindowReply['value']> {
  if (request.ask === 'open') {
    const id = ++nextView
    views.set(id, new View(id, request))
    return id
  }
  const view = views.get(request.view)
  if (!view) throw new Error('There is no such view.')
  switch (request.ask) {
    case 'close':
      view.close()
      views.delete(view.id)
      return 0
    case 'type':
      view.type(encoder.encode(request.text))
      return 0
    case 'seen':
      return (await view.find(request.text)) - view.typedAt
    case 'echo':
      return await echoes(view, request.count, request.everyMs)
    case 'freeze':
      view.frozen = true
      return view.parsed
    case 'screen':
      return screenOf(view)
    case 'parsed':
      return view.parsed
  }
}

wire.on('message', (message: Uint8Array) => {
  const frame = decodeServerFrame(message)
  views.get(frame.viewId)?.receive(frame)
})
parentPort?.on('message', (request: WindowRequest) => {
  answer(request).then(
    (value) => parentPort?.postMessage({ re: request.re, value } satisfies WindowReply),
    (error: unknown) => {
      throw error
    },
  )
})
