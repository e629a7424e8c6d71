import type { Clock } from '../../kernel/clock.ts'

/** Escape and Ctrl-C, alone: as bytes, and as terminals with the Kitty protocol send them (press or repeat, no other key held). */
const KEYS = /^(?:\x1b|\x03|\x1b\[(?:27(?:;1(?::[12])?)?|99;5(?::[12])?)u)$/

/** True when exactly this key was typed: an escape sequence or a paste that holds one of these bytes is none. */
export function isInterruptKey(bytes: Uint8Array): boolean {
  return bytes.length <= 16 && KEYS.test(Buffer.from(bytes).toString('latin1'))
}

/** An agent that goes on drawing for this long after the key was not stopped by it. */
const GOES_ON_MS = 10_000

/** Remembers who was perhaps interrupted: Escape fires no hook in some agents, and in others it only closes a menu. */
export class InterruptWatch {
  readonly #clock: Clock
  readonly #suspected = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  suspect(attemptId: string): void {
    this.#suspected.set(attemptId, this.#clock.monotonic())
  }

  isSuspected(attemptId: string): boolean {
    return this.#suspected.has(attemptId)
  }

  /** It works on after all; true when that was in doubt. */
  clear(attemptId: string): boolean {
    return this.#suspected.delete(attemptId)
  }

  /** True once the key is so long ago that an agent which still draws was not stopped by it. */
  isOld(attemptId: string): boolean {
    const at = this.#suspected.get(attemptId)
    return at !== undefined && this.#clock.monotonic() - at > GOES_ON_MS
  }
}
