import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { Failure } from '../../shared/domain/failure.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Disposable } from '../kernel/disposable.ts'
import type { Logger } from '../kernel/logger.ts'
import { encodeWireFrame, WireDecoder } from '../pty-protocol/framing.ts'
import type { ReplayRequest, ReplayResult } from '../pty-protocol/pty-host.ts'
import {
  FromScreens,
  SCREENS_FD,
  type ScreenQuestion,
  type ToScreens,
} from '../pty-protocol/screen-messages.ts'
import {
  type ScreenAnswer,
  type ScreenEvents,
  type ScreenLink,
  type ScreenSource,
  SessionScreen,
} from './session-screen.ts'

/**
 * What may be on its way to the other process, not drawn yet, of all terminals together: 5 ms of its work, which is how old a
 * screen is in a flood. With a third of that it runs dry between two batches, at half of the speed.
 */
const QUEUED_BYTES = 192 * 1024
/** What one terminal may have of that at the least, however many there are. */
const LEAST_BYTES = 32 * 1024
/** A process that dies this often in this time is left alone for as long: something is wrong that a start does not mend. */
const MAX_DEATHS = 3
const DEATHS_WITHIN_MS = 60_000
/** Bytes or a question were given to it and nothing came back for this long, twice in a row: it hangs. */
const STUCK_MS = 10_000

/** More than the host has: parsing makes garbage, and takes a tenth longer with 2 MB; with 16 a flood keeps 50 MB more. */
const YOUNG_SPACE = '--max-semi-space-size=8'

export interface ScreensOptions {
  /** Script of the other process: `screens.js` of the build, or `main/screens/entry.ts` where Node strips types itself. */
  entry: string
  log: Logger
  clock: Clock
  /** Tests are less patient. */
  stuckMs?: number | undefined
}

interface Question {
  resolve: (answer: ScreenAnswer) => void
  reject: (error: Error) => void
}

/**
 * The screens of all terminals of a host, drawn by a process of their own. So the host stays small (a fork costs in proportion
 * to memory: 1 ms at 50 MB, 5 ms at 150), no parsing stands between a key and its echo, and output that is too much for a
 * parser costs a screen for a moment, never a terminal.
 */
export class Screens implements Disposable {
  readonly #options: ScreensOptions
  readonly #screens = new Map<number, SessionScreen>()
  readonly #questions = new Map<number, Question>()
  readonly #link: ScreenLink
  #child: { process: ChildProcess; socket: Socket } | null = null
  #next = 1
  #deaths: number[] = []
  #restart: NodeJS.Timeout | undefined
  #watch: NodeJS.Timeout | undefined
  #suspected = false
  #disposed = false

  constructor(options: ScreensOptions) {
    this.#options = options
    this.#link = {
      send: (message, tail) => this.#send(message, tail),
      ask: (question) => this.#ask(question),
      closed: (s) => this.#screens.delete(s),
    }
  }

  /** Pid of the process that draws; null while there is none. */
  get pid(): number | null {
    return this.#child?.process.pid ?? null
  }

  /** Starts the process now, so that the first terminal does not wait for it. */
  start(): void {
    if (this.#child || this.#restart || this.#disposed) return
    this.#child = this.#spawn()
    for (const screen of this.#screens.values()) screen.redraw()
  }

  /** The screen of a new terminal. */
  open(size: { cols: number; rows: number }, source: ScreenSource, events: ScreenEvents): SessionScreen {
    const s = this.#next++
    const screen = new SessionScreen(s, size, source, this.#link, events)
    this.#screens.set(s, screen)
    return screen
  }

  /** Bytes that one terminal may have waiting before its program has to: few when many write much. */
  allowance(): number {
    let busy = 0
    for (const screen of this.#screens.values()) if (screen.queued > 0) busy++
    return Math.max(LEAST_BYTES, Math.floor(QUEUED_BYTES / Math.max(1, busy)))
  }

  /** As `PtyHost.replay`. Throws `pty_failed`. */
  async replay(request: ReplayRequest): Promise<ReplayResult> {
    try {
      const { answer, tail } = await this.#ask({ op: 'replay', request })
      if (answer.op !== 'screen') throw new Error('not a screen')
      const { offset, cols, rows } = answer
      return { offset, cols, rows, data: tail }
    } catch (error) {
      throw new Failure('pty_failed', 'This part of the log could not be drawn.', {}, { cause: error })
    }
  }

  dispose(): void {
    this.#disposed = true
    clearTimeout(this.#restart)
    clearTimeout(this.#watch)
    this.#child?.socket.destroy()
  }

  #send(message: ToScreens, tail?: Uint8Array): void {
    this.start()
    const { socket } = this.#child ?? {}
    if (!socket || socket.destroyed) return
    socket.cork()
    for (const part of encodeWireFrame(message, tail)) socket.write(part)
    socket.uncork()
    this.#watch ??= setTimeout(() => this.#look(), this.#options.stuckMs ?? STUCK_MS).unref()
  }

  #ask(question: ScreenQuestion): Promise<ScreenAnswer> {
    return new Promise((resolve, reject) => {
      const re = this.#next++
      this.#questions.set(re, { resolve, reject })
      this.#send({ ...question, re })
      if (!this.#child) {
        this.#questions.delete(re)
        reject(new Error('nobody draws screens'))
      }
    })
  }

  #spawn(): { process: ChildProcess; socket: Socket } {
    const stdio = Array.from({ length: SCREENS_FD }, () => 'ignore' as const)
    const child = spawn(process.execPath, [this.#options.entry], {
      stdio: [...stdio, 'pipe'],
      env: { ...process.env, NODE_OPTIONS: YOUNG_SPACE },
    })
    const socket = child.stdio[SCREENS_FD]
    if (!(socket instanceof Socket)) throw new Error('no socket to the screens')
    const decoder = new WireDecoder()
    const gone = (why: string) => {
      if (this.#child?.process !== child) return
      this.#child = null
      socket.destroy()
      child.kill('SIGKILL')
      this.#down(why)
    }
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const { header, tail } of decoder.push(chunk)) this.#take(FromScreens.parse(header), tail)
      } catch (error) {
        this.#options.log.error('the screens said something odd', { error })
        gone('damage')
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => gone('closed'))
    child.on('error', (error) => gone(error.message))
    child.on('exit', (code, signal) => gone(signal ?? `exit code ${code}`))
    return { process: child, socket }
  }

  #take(message: FromScreens, tail: Buffer): void {
    this.#suspected = false
    if ('s' in message) {
      this.#screens.get(message.s)?.told(message)
      return
    }
    const question = this.#questions.get(message.re)
    this.#questions.delete(message.re)
    if (message.op === 'no') question?.reject(new Error(message.message))
    else question?.resolve({ answer: message, tail })
  }

  #down(why: string): void {
    if (this.#disposed) return
    const { log, clock } = this.#options
    const now = clock.monotonic()
    this.#deaths = [...this.#deaths.filter((at) => now - at < DEATHS_WITHIN_MS), now]
    const again = this.#deaths.length < MAX_DEATHS
    log.error('the process that draws screens has died', { why, again })
    for (const screen of this.#screens.values()) screen.lost()
    const questions = [...this.#questions.values()]
    this.#questions.clear()
    for (const { reject } of questions) reject(new Error('the process that draws screens has died'))
    if (again) {
      if (this.#screens.size > 0) this.start()
      return
    }
    this.#restart = setTimeout(() => {
      this.#restart = undefined
      if (this.#screens.size > 0) this.start()
    }, DEATHS_WITHIN_MS).unref()
  }

  /** Looks whether the other process answers; not at all while there is nothing to answer. */
  #look(): void {
    this.#watch = undefined
    const waits = this.#questions.size > 0 || [...this.#screens.values()].some((screen) => screen.queued > 0)
    if (!waits || !this.#child) {
      this.#suspected = false
      return
    }
    if (this.#suspected) {
      this.#suspected = false
      this.#options.log.error('the process that draws screens hangs', {})
      this.#child.process.kill('SIGKILL')
      return
    }
    // Twice: after a long sleep of the machine this comes before what it has said meanwhile.
    this.#suspected = true
    this.#watch = setTimeout(() => this.#look(), this.#options.stuckMs ?? STUCK_MS).unref()
  }
}
