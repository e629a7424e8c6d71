import type { LineTokens } from '../segments.ts'
import type { Language } from './languages.ts'
import type { HighlightAnswer, HighlightRequest } from './protocol.ts'

/** Lines kept with their colours: a few large diffs; what was asked for longest ago goes first. */
const MAX_LINES = 120_000
/** Requests under way; beyond it they wait here, where a jump can overtake them. */
const MAX_PENDING = 4
/** A grammar that says nothing for so long hangs on hostile text: the worker is ended and the text stays plain. */
const HANG_MS = 15_000

interface Entry {
  language: Language
  lines: readonly string[]
  tokens: (LineTokens | undefined)[]
  state: 'waiting' | 'asked' | 'done'
}

/**
 * Colours lines in a worker, so that no grammar ever blocks the window. Ask with `want` for what is on screen, draw what
 * `tokens` has, and draw again when a listener is told.
 */
export class Highlighter {
  readonly #entries = new Map<string, Entry>()
  readonly #waiting: string[] = []
  readonly #asked = new Map<number, string>()
  readonly #listeners = new Set<() => void>()
  readonly #makeWorker: () => Worker
  #worker: Worker | null = null
  #nextId = 1
  #lines = 0
  #watchdog: ReturnType<typeof setTimeout> | null = null
  #version = 0
  #told = false

  constructor(makeWorker: () => Worker) {
    this.#makeWorker = makeWorker
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Changes whenever there are new colours. */
  readonly version = (): number => this.#version

  tokens(key: string): readonly (LineTokens | undefined)[] | undefined {
    return this.#entries.get(key)?.tokens
  }

  /** Wants the colours of some lines; `key` names them for ever. Asking again costs nothing. */
  want(key: string, language: Language, lines: () => readonly string[]): void {
    if (this.#entries.has(key)) return
    const text = lines()
    this.#entries.set(key, { language, lines: text, tokens: [], state: 'waiting' })
    this.#waiting.push(key)
    this.#lines += text.length
    this.#evict()
    this.#send()
  }

  dispose(): void {
    if (this.#watchdog) clearTimeout(this.#watchdog)
    this.#worker?.terminate()
    this.#worker = null
    this.#entries.clear()
    this.#waiting.length = 0
    this.#asked.clear()
  }

  #send(): void {
    while (this.#asked.size < MAX_PENDING) {
      const key = this.#waiting.pop()
      if (key === undefined) return
      const entry = this.#entries.get(key)
      if (entry?.state !== 'waiting') continue
      entry.state = 'asked'
      const id = this.#nextId++
      this.#asked.set(id, key)
      this.#ask({ id, language: entry.language, lines: entry.lines })
    }
  }

  #ask(request: HighlightRequest): void {
    if (!this.#worker) {
      this.#worker = this.#makeWorker()
      this.#worker.addEventListener('message', (event: MessageEvent<HighlightAnswer>) =>
        this.#take(event.data),
      )
      this.#worker.addEventListener('error', () => this.#restart())
    }
    this.#worker.postMessage(request)
    this.#watch()
  }

  #take(message: HighlightAnswer): void {
    const key = this.#asked.get(message.id)
    const entry = key === undefined ? undefined : this.#entries.get(key)
    if (message.kind === 'lines') {
      if (entry)
        message.tokens.forEach((tokens, index) => {
          entry.tokens[message.from + index] = tokens
        })
      this.#tell()
    } else {
      this.#asked.delete(message.id)
      if (entry) entry.state = 'done'
      this.#send()
    }
    this.#watch()
  }

  /** What was under way stays plain: asking for it again would only hang again. */
  #restart(): void {
    this.#worker?.terminate()
    this.#worker = null
    for (const key of this.#asked.values()) {
      const entry = this.#entries.get(key)
      if (entry) entry.state = 'done'
    }
    this.#asked.clear()
    this.#send()
  }

  #watch(): void {
    if (this.#watchdog) clearTimeout(this.#watchdog)
    this.#watchdog = this.#asked.size === 0 ? null : setTimeout(() => this.#restart(), HANG_MS)
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#lines <= MAX_LINES) return
      if (entry.state !== 'done') continue
      this.#entries.delete(key)
      this.#lines -= entry.lines.length
    }
  }

  /** Once per frame, however many parts arrive. */
  #tell(): void {
    if (this.#told) return
    this.#told = true
    requestAnimationFrame(() => {
      this.#told = false
      this.#version += 1
      for (const listener of this.#listeners) listener()
    })
  }
}

/** One for the window: the colours of a file are kept while one goes from attempt to attempt. */
export const highlighter = new Highlighter(
  () =>
    new Worker(new URL('./highlight-worker.ts', import.meta.url), { type: 'module', name: 'syntax colours' }),
)
