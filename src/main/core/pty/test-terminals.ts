import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import {
  type ClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  type ServerFrame,
} from '../../../shared/contract/terminal-frames.ts'
import { systemClock } from '../../kernel/clock.ts'
import { readLock } from '../../kernel/lock-file.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { isAlive } from '../../kernel/process-table.ts'
import { descriptorPath } from '../../pty-protocol/host-place.ts'
import { listSegments } from '../../pty-protocol/log-files.ts'
import { PROTOCOL_VERSION } from '../../pty-protocol/messages.ts'
import type { PtySpec } from '../../pty-protocol/pty-host.ts'
import { createTerminals } from './create-terminals.ts'
import type { TerminalEvent } from './terminal.ts'
import type { TerminalChannel } from './terminal-channel.ts'
import type { Terminals } from './terminals.ts'

/** Helpers of the tests in this folder: the real detached host, real programs, temporary data directories. */

/** By path, not by import: core never imports the host. */
export const HOST_ENTRY = resolve(import.meta.dirname, '../../pty-host/entry.ts')
export const TEST_ENV = { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: tmpdir(), LANG: 'C.UTF-8' }

export function openTerminals(dataDir: string): Terminals {
  return createTerminals({
    dataDir,
    entry: HOST_ENTRY,
    nodePath: process.execPath,
    electron: false,
    log: silentLogger,
    clock: systemClock,
    idleMs: 500,
  })
}

export interface Bench {
  dir: string
  terminals: Terminals
  events: TerminalEvent[]
  /** Another core over the same data directory, as after a restart. */
  restart(): Terminals
  hostPid(): Promise<number>
  spec(file: string, args: string[], more?: Partial<PtySpec>): PtySpec
  stop(): Promise<void>
}

export async function startBench(): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), 'quartet-terminals-'))
  const events: TerminalEvent[] = []
  let count = 0
  const watch = (terminals: Terminals) => {
    terminals.onEvent((event) => events.push(event))
    return terminals
  }
  const bench: Bench = {
    dir,
    events,
    terminals: watch(openTerminals(dir)),
    restart() {
      bench.terminals.dispose()
      bench.terminals = watch(openTerminals(dir))
      return bench.terminals
    },
    async hostPid() {
      const holder = await readLock(descriptorPath(dir, PROTOCOL_VERSION))
      if (!holder) throw new Error('no host runs')
      return holder.pid
    },
    spec(file, args, more = {}) {
      const id = more.id ?? `c${process.pid}-${++count}`
      return {
        id,
        epoch: 1,
        file,
        args,
        cwd: dir,
        env: TEST_ENV,
        cols: 80,
        rows: 24,
        logPath: join(dir, `${id}.log`),
        ...more,
      }
    },
    async stop() {
      const holder = await readLock(descriptorPath(dir, PROTOCOL_VERSION))
      if (holder) {
        process.kill(holder.pid, 'SIGTERM')
        await until(async () => !(await isAlive(holder.pid, holder.startedAt)))
      }
      bench.terminals.dispose()
      await rm(dir, { recursive: true, force: true })
    },
  }
  return bench
}

/** What `look` gives once it is neither null nor false; throws after `ms`. */
export async function until<T>(
  look: () => Promise<T | null | false> | T | null | false,
  ms = 30_000,
): Promise<T> {
  const deadline = performance.now() + ms
  for (;;) {
    const found = await look()
    if (found !== null && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms for ${look.toString()}`)
    await new Promise((done) => setTimeout(done, 10))
  }
}

/** Writes `bytes` of lines of base64 unchanged to the terminal, with `pauseMs` after each 64 KiB; its SHA-256 goes to `sumFile`. */
export function scribe(bytes: number, sumFile: string, pauseMs = 0): string[] {
  const script = `
    const crypto = require('node:crypto'), fs = require('node:fs'), hash = crypto.createHash('sha256')
    const nap = new Int32Array(new SharedArrayBuffer(4))
    for (let left = ${bytes}; left > 0; ) {
      const block = Buffer.from(crypto.randomBytes(48_000).toString('base64').replace(/.{77}/g, '$&\\n')).subarray(0, left)
      hash.update(block)
      for (let at = 0; at < block.length; ) at += fs.writeSync(1, block, at)
      left -= block.length
      if (${pauseMs}) Atomics.wait(nap, 0, 0, ${pauseMs})
    }
    fs.writeFileSync(process.argv[1], hash.digest('hex'))`
  return ['-c', 'stty raw -echo; exec "$0" -e "$1" "$2"', process.execPath, script, sumFile]
}

export async function logSum(logPath: string): Promise<string> {
  const hash = createHash('sha256')
  for (const segment of await listSegments(logPath)) hash.update(await readFile(segment.path))
  return hash.digest('hex')
}

/** A client at the other end of a channel in memory: keeps frames, acknowledges bytes unless frozen, checks for gaps. */
export class TestClient implements TerminalChannel {
  readonly frames: ServerFrame[] = []
  frozen = false
  closed = false
  /** Per view: place after the last byte, and what is in flight. */
  readonly at = new Map<number, number>()
  readonly inFlight = new Map<number, number>()
  /** Most bytes that were in flight at once over the views of a predicate. */
  peak = 0
  readonly #kept = new Map<number, Buffer[]>()
  #message: (bytes: Uint8Array) => void = () => {}
  #close: () => void = () => {}

  onMessage(listener: (bytes: Uint8Array) => void): void {
    this.#message = listener
  }

  onClose(listener: () => void): void {
    this.#close = listener
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.#close()
  }

  /** Client to server. */
  say(frame: ClientFrame): void {
    this.#message(encodeClientFrame(frame))
  }

  sayRaw(bytes: Uint8Array): void {
    this.#message(bytes)
  }

  open(viewId: number, terminalId: string, more: Partial<Extract<ClientFrame, { kind: 'open' }>> = {}): void {
    const writer = `writer-${viewId}`
    this.say({
      kind: 'open',
      viewId,
      terminalId,
      writer,
      cols: 0,
      rows: 0,
      focused: false,
      visible: true,
      from: null,
      ...more,
    })
  }

  /** Server to client. */
  send(message: Uint8Array): void {
    const frame = decodeServerFrame(message.slice())
    if (frame.kind === 'opened') {
      this.at.set(frame.viewId, frame.offset)
      if (frame.mode === 'snapshot') this.#kept.set(frame.viewId, [])
    }
    if (frame.kind === 'output') {
      const at = this.at.get(frame.viewId)
      if (at !== frame.offset) throw new Error(`a gap: ${frame.offset} after ${at}`)
      this.at.set(frame.viewId, frame.offset + frame.bytes.length)
    }
    if (frame.kind === 'output' || frame.kind === 'snapshot') {
      this.#kept.get(frame.viewId)?.push(Buffer.from(frame.bytes))
      this.inFlight.set(frame.viewId, (this.inFlight.get(frame.viewId) ?? 0) + frame.bytes.length)
      this.peak = Math.max(
        this.peak,
        [...this.inFlight.values()].reduce((sum, bytes) => sum + bytes, 0),
      )
      if (!this.frozen) setImmediate(() => this.acknowledge(frame.viewId))
    } else {
      this.frames.push(frame)
    }
  }

  acknowledge(viewId: number): void {
    const bytes = this.inFlight.get(viewId) ?? 0
    if (bytes === 0 || this.closed) return
    this.inFlight.set(viewId, 0)
    this.say({ kind: 'ack', viewId, bytes })
  }

  thaw(): void {
    this.frozen = false
    for (const viewId of this.inFlight.keys()) this.acknowledge(viewId)
  }

  /** Snapshot and output since the last snapshot. */
  text(viewId: number): string {
    return Buffer.concat(this.#kept.get(viewId) ?? []).toString('utf8')
  }

  find<K extends ServerFrame['kind']>(kind: K, viewId: number): Extract<ServerFrame, { kind: K }> | null {
    const found = this.frames.findLast((frame) => frame.kind === kind && frame.viewId === viewId)
    return found ? (found as Extract<ServerFrame, { kind: K }>) : null
  }
}
