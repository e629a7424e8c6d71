import type { FailureCode } from '../../shared/domain/failure.ts'
import type { Clock } from '../kernel/clock.ts'
import { Emitter } from '../kernel/emitter.ts'
import type { Logger } from '../kernel/logger.ts'
import type { SecretStore } from '../kernel/secret-store.ts'
import { FromCore, type ToCore } from './core-messages.ts'
import { CrashBudget } from './crash-budget.ts'
import { answerFrom } from './keychain-line.ts'

/** What we use of Electron's UtilityProcess. `Port` is MessagePortMain. */
export interface UtilityLike<Port> {
  postMessage(message: unknown, transfer?: Port[]): void
  on(event: 'message', listener: (message: unknown) => void): unknown
  on(event: 'exit', listener: (code: number) => void): unknown
  kill(): boolean
}

export interface CoreProcessOptions<Port> {
  fork: () => UtilityLike<Port>
  /** Where the core may keep secrets. */
  keychain: SecretStore
  clock: Clock
  log: Logger
  /** First wait before a restart; doubles up to `maxBackoffMs`. */
  backoffMs?: number
  maxBackoffMs?: number
  /** How long an ending core may take before it is killed. */
  endMs?: number
}

export interface CoreFailure {
  code: FailureCode
  message: string
  /** Where another core runs that holds the data. */
  url: string | null
}

const MAX_CRASHES = 5
const CRASH_WINDOW_MS = 120_000

/** Keeps one core running in a process of its own: restarts it after a crash, gives up on a loop, ends it in order. */
export class CoreProcess<Port> {
  /** A core is there; again after each restart. */
  readonly onReady = new Emitter<{ url: string }>()
  /** It cannot start, for a reason that the user must solve. */
  readonly onFailed = new Emitter<CoreFailure>()
  /** It crashed too often; `restart` tries again. */
  readonly onGaveUp = new Emitter<{ exitCode: number }>()
  /** It ended because somebody asked for it. */
  readonly onEnded = new Emitter<void>()

  readonly #options: Required<CoreProcessOptions<Port>>
  readonly #crashes = new CrashBudget(MAX_CRASHES, CRASH_WINDOW_MS)
  readonly #questions = new Map<number, (busy: boolean) => void>()
  #child: UtilityLike<Port> | null = null
  #ready = false
  #ending = false
  /** Start once more as soon as the one that failed is gone. */
  #again = false
  #restart: NodeJS.Timeout | null = null
  #question = 0

  constructor(options: CoreProcessOptions<Port>) {
    this.#options = { backoffMs: 500, maxBackoffMs: 10_000, endMs: 15_000, ...options }
  }

  get ready(): boolean {
    return this.#ready
  }

  start(): void {
    if (this.#child || this.#ending) return
    this.#again = false
    const child = this.#options.fork()
    this.#child = child
    /** Why it goes, once it said so: going without a word is a crash. */
    let said: 'failed' | 'ended' | null = null
    child.on('message', (data) => {
      const message = FromCore.safeParse(data)
      // Not what it said: a secret might be in it.
      if (!message.success) return this.#options.log.warn('the core said something unknown')
      switch (message.data.type) {
        case 'ready':
          this.#ready = true
          return this.onReady.emit({ url: message.data.url })
        case 'failed':
          said = 'failed'
          return this.onFailed.emit(message.data)
        case 'busy':
          return this.#answer(message.data.id, message.data.busy)
        case 'secret':
          // To the one that asked: another core may have taken its place meanwhile.
          return void answerFrom(this.#options.keychain, message.data).then((answer) => {
            if (this.#child === child) this.#say(answer)
          })
        case 'ended':
          said = 'ended'
          this.#ready = false
          return
      }
    })
    child.on('exit', (code) => {
      if (this.#child !== child) return
      this.#child = null
      this.#ready = false
      for (const id of [...this.#questions.keys()]) this.#answer(id, false)
      if (this.#ending || said === 'ended') this.onEnded.emit()
      else if (this.#again) this.start()
      else if (said === null) this.#crashed(code)
    })
  }

  /** Tries again after `onGaveUp` or `onFailed`. */
  restart(): void {
    this.#crashes.reset()
    if (this.#child) this.#again = true
    else this.start()
  }

  /** Hands the core's ends of two channels over; false when there is no core to take them. */
  connect(rpc: Port, terminals: Port): boolean {
    if (!this.#child || !this.#ready) return false
    this.#say({ type: 'connect' }, [rpc, terminals])
    return true
  }

  /** Whether something is at work; a core that does not answer counts as idle: nothing of it can be kept. */
  async busy(): Promise<boolean> {
    if (!this.#ready) return false
    const id = ++this.#question
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#questions.set(id, resolve)
    const timer = setTimeout(() => this.#answer(id, false), 3_000)
    this.#say({ type: 'busy?', id })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends the core for good, by force when it does not end in time. Agents go on unless `stopAgents`. */
  async end(options: { stopAgents: boolean }): Promise<void> {
    this.#ending = true
    if (this.#restart) clearTimeout(this.#restart)
    const child = this.#child
    if (!child) return
    const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()))
    // One that is still starting does not listen yet.
    if (this.#ready) this.#say({ type: 'end', stopAgents: options.stopAgents })
    else child.kill()
    const timer = setTimeout(() => {
      this.#options.log.warn('the core did not end in time and was killed')
      child.kill()
    }, this.#options.endMs)
    await exited
    clearTimeout(timer)
  }

  #crashed(exitCode: number): void {
    const crashes = this.#crashes.record(this.#options.clock.monotonic())
    this.#options.log.error('the core crashed', { exitCode, crashes })
    if (crashes === null) {
      this.onGaveUp.emit({ exitCode })
      return
    }
    const wait = Math.min(this.#options.maxBackoffMs, this.#options.backoffMs * 2 ** (crashes - 1))
    this.#restart = setTimeout(() => this.start(), wait)
  }

  #answer(id: number, busy: boolean): void {
    this.#questions.get(id)?.(busy)
    this.#questions.delete(id)
  }

  #say(message: ToCore, ports?: Port[]): void {
    this.#child?.postMessage(message, ports)
  }
}
