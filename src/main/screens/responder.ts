/**
 * The answers that a terminal may type into a program: device attributes (DA1, DA2), status and cursor position (DSR, CPR),
 * modes (DECRQM), settings that were asked validly (DECRQSS) and the two theme colours. Everything else, above all what
 * could hold received text (titles, answerback), never reaches the program.
 */
const ALLOWED =
  /^(?:\u001b\[[?>]?[\d;]*c|\u001b\[\??0n|\u001b\[\??\d+;\d+(?:;\d+)?R|\u001b\[\??\d+;[0-4]\$y|\u001bP1\$r[\d;]*(?:m|r| q|"p|"q)\u001b\\|\u001b\]1[01];rgb:[0-9a-f]{4}\/[0-9a-f]{4}\/[0-9a-f]{4}\u001b\\)$/

/** Answers per second and terminal; an honest program asks a handful when it starts. */
const ANSWERS_PER_SECOND = 64

/** Lets allowed answers through, at most 64 in a second; the rest is dropped. */
export class Responder {
  readonly #send: (answer: string) => void
  readonly #monotonic: () => number
  #windowStart = Number.NEGATIVE_INFINITY
  #sent = 0

  constructor(send: (answer: string) => void, monotonic: () => number = () => performance.now()) {
    this.#send = send
    this.#monotonic = monotonic
  }

  offer(answer: string): void {
    if (!ALLOWED.test(answer)) return
    const now = this.#monotonic()
    if (now - this.#windowStart >= 1_000) {
      this.#windowStart = now
      this.#sent = 0
    }
    if (this.#sent >= ANSWERS_PER_SECOND) return
    this.#sent++
    this.#send(answer)
  }
}
