import { concat, incompleteUtf8 } from './byte-pieces.ts'
import { clampCsi, harmlessCsiEnd } from './csi-counts.ts'

/**
 * Terminal output is hostile text (QUALITY.md §3.4): `CSI 2147483647 b` freezes xterm.js for 96 s, a 40 MB OSC costs
 * hundreds of megabytes. This filter stands before every parser of ours. It passes only whole and well-formed escape
 * sequences: an unfinished one is held back until its end arrives in a later chunk, counts are clamped to what the
 * screen can show, strings above the cap are dropped, and so are those that xterm.js ignores anyway (APC, PM, SOS).
 *
 * Because nothing unfinished reaches the parser, its screen is exact after every write, and `pending()` says which
 * bytes a snapshot must end with so that the next parser goes on in the middle of the sequence.
 */

/** Payload of one OSC or DCS string; xterm.js itself would keep 10 MB. */
export const MAX_STRING_BYTES = 64 * 1024
/** A CSI sequence of more bytes has no meaning to any program. */
const MAX_CSI_BYTES = 512

const BEL = 0x07
const CAN = 0x18
const SUB = 0x1a
const ESC = 0x1b
/** First byte of a C1 control (U+0080 to U+009F) in UTF-8. */
const C1_LEAD = 0xc2

type State =
  | 'ground'
  | 'utf8' // inside a character that a chunk border cut
  | 'c1' // seen 0xC2 in ground
  | 'escape' // seen ESC
  | 'intermediate' // ESC and 0x20–0x2F
  | 'csi'
  | 'csi-ignored' // too long to mean anything
  | 'string' // OSC or DCS
  | 'ignored' // APC, PM, SOS or an oversized string
  | 'string-escape' // ESC inside a string
  | 'string-c1' // 0xC2 inside a string

const EMPTY = new Uint8Array(0)
const STRING_END = Uint8Array.of(ESC, 0x5c)
/** Opens a string that every parser ignores up to ESC \: stands for one that is being swallowed. */
const IGNORED_STRING = Uint8Array.of(ESC, 0x5f)

export class EscapeFilter {
  #cols: number
  #rows: number
  #state: State = 'ground'
  /** Where a string goes on when the ESC or 0xC2 in it was not its end. */
  #outer: 'string' | 'ignored' = 'ignored'
  /** The string is an OSC, which BEL may end. */
  #isOsc = false
  /** Bytes of the unfinished sequence from earlier chunks. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  #out: Uint8Array[] = []
  #chunk: Uint8Array = EMPTY
  /** Start of the bytes of this chunk that may pass but were not given yet. */
  #from = 0
  /** Start of the sequence under way, in this chunk; its beginning may be held from earlier ones. */
  #mark = 0

  constructor(cols: number, rows: number) {
    this.#cols = cols
    this.#rows = rows
  }

  resize(cols: number, rows: number): void {
    this.#cols = cols
    this.#rows = rows
  }

  /** Back to a fresh filter: for a terminal that is reset before a snapshot. */
  reset(): void {
    this.#state = 'ground'
    this.#clearHeld()
  }

  /** What, written to a fresh filter, brings it to where this one stands. At most `MAX_STRING_BYTES` and a little. */
  pending(): Uint8Array {
    if (this.#state === 'csi-ignored')
      return concat([Uint8Array.of(ESC, 0x5b), new Uint8Array(MAX_CSI_BYTES).fill(0x30)])
    const inside = this.#state === 'string-escape' || this.#state === 'string-c1'
    if (this.#state !== 'ignored' && !(inside && this.#outer === 'ignored')) return concat(this.#held)
    const last = this.#state === 'string-escape' ? [ESC] : this.#state === 'string-c1' ? [C1_LEAD] : []
    // BEL ends an oversized OSC, but no other ignored string: the next filter must see that it is one.
    const opening = this.#isOsc
      ? concat([Uint8Array.of(ESC, 0x5d), new Uint8Array(MAX_STRING_BYTES).fill(0x78)])
      : IGNORED_STRING
    return concat([opening, Uint8Array.from(last)])
  }

  /** Gives what the parser may see of `chunk` and of what was held back before it. The result may share its memory. */
  push(chunk: Uint8Array): Uint8Array {
    this.#chunk = chunk
    this.#out = []
    this.#from = 0
    this.#mark = 0
    let at = 0
    while (at < chunk.length) at = this.#step(chunk[at]!, at)
    if (this.#state === 'ground') {
      const cut = incompleteUtf8(chunk, this.#from)
      if (cut > 0) {
        this.#mark = chunk.length - cut
        this.#state = 'utf8'
      }
    }
    if (this.#state === 'ground') {
      this.#give(chunk.length)
    } else {
      this.#give(this.#mark)
      this.#hold(chunk.subarray(this.#mark))
    }
    this.#chunk = EMPTY
    const out = this.#out
    this.#out = []
    return concat(out)
  }

  /** Handles the byte at `at`, or a run that begins there; gives where to go on. */
  #step(byte: number, at: number): number {
    switch (this.#state) {
      case 'ground':
        return this.#ground(at)
      case 'utf8': {
        // The cut character is complete, or broken, at the first byte that does not continue it.
        const have = this.#heldBytes + (at - this.#mark)
        if (byte >= 0x80 && byte < 0xc0 && have < 4) return at + 1
        return this.#accept(at)
      }
      case 'c1':
        if (byte === 0x9b) this.#state = 'csi'
        else if (byte === 0x90 || byte === 0x9d) this.#enterString(byte === 0x9d)
        else if (byte === 0x98 || byte === 0x9e || byte === 0x9f) return this.#ignoreString(at + 1)
        else if (byte >= 0x80 && byte < 0xc0) return this.#accept(at + 1)
        // A lead byte alone is no character, and must not meet a continuation behind a sequence that is taken out.
        else return this.#reject(at)
        return at + 1
      case 'escape':
        return this.#escape(byte, at)
      case 'intermediate':
        if (byte < 0x20 || byte === 0x7f) return this.#control(byte, at)
        if (byte >= 0x80) return this.#reject(at)
        return byte < 0x30 ? at + 1 : this.#accept(at + 1)
      case 'csi':
        return this.#csi(at)
      case 'csi-ignored':
        if (byte === ESC || byte >= 0x80) return this.#reject(at)
        if ((byte >= 0x40 && byte < 0x7f) || byte === CAN || byte === SUB) return this.#reject(at + 1)
        return this.#skip(at + 1)
      case 'string':
      case 'ignored':
        return this.#string(at)
      case 'string-escape':
        if (byte === 0x5c) return this.#endString(at + 1)
        // Any ESC ends a string; ESC \ is only its polite form.
        if (this.#outer === 'string') this.#replace(at, this.#whole(at).subarray(0, -1), STRING_END)
        else this.#reject(at)
        this.#hold(Uint8Array.of(ESC))
        this.#state = 'escape'
        return at
      case 'string-c1':
        if (byte === 0x9c) return this.#endString(at + 1)
        if (byte >= 0x80 && byte < 0xa0) {
          // Another C1 control breaks the string off and counts itself.
          this.#reject(at)
          this.#hold(Uint8Array.of(C1_LEAD))
          this.#state = 'c1'
          return at
        }
        this.#state = this.#outer
        return this.#outer === 'ignored' ? this.#skip(at) : at
    }
  }

  /** Runs over text and over the plain sequences in it; anything else is left to the states above. */
  #ground(at: number): number {
    const chunk = this.#chunk
    const size = chunk.length
    let next = at
    while (next < size) {
      const byte = chunk[next]!
      if (byte !== ESC && byte !== C1_LEAD) {
        next++
      } else if (byte === C1_LEAD && next + 1 < size && chunk[next + 1]! >= 0xa0 && chunk[next + 1]! < 0xc0) {
        next += 2
      } else if (byte === ESC && next + 2 < size && chunk[next + 1] === 0x5b) {
        const end = harmlessCsiEnd(chunk, next + 2)
        if (end < 0) break
        next = end
      } else {
        break
      }
    }
    if (next >= size) return next
    this.#mark = next
    this.#state = chunk[next] === ESC ? 'escape' : 'c1'
    return next + 1
  }

  #escape(byte: number, at: number): number {
    if (byte === 0x5b) this.#state = 'csi'
    else if (byte === 0x5d || byte === 0x50) this.#enterString(byte === 0x5d)
    else if (byte === 0x58 || byte === 0x5e || byte === 0x5f) {
      this.#isOsc = false
      return this.#ignoreString(at + 1)
    } else if (byte < 0x20 || byte === 0x7f) return this.#control(byte, at)
    else if (byte < 0x30) this.#state = 'intermediate'
    else if (byte < 0x7f) return this.#accept(at + 1)
    else return this.#reject(at)
    return at + 1
  }

  #csi(at: number): number {
    const chunk = this.#chunk
    let next = at
    while (next < chunk.length && chunk[next]! >= 0x20 && chunk[next]! < 0x40) next++
    if (this.#heldBytes + (next - this.#mark) > MAX_CSI_BYTES) {
      this.#reject(next)
      this.#state = 'csi-ignored'
      return next
    }
    if (next >= chunk.length) return next
    const byte = chunk[next]!
    if (byte >= 0x80) return this.#reject(next)
    if (byte < 0x20 || byte === 0x7f) return this.#control(byte, next)
    const end = next + 1
    if (this.#heldBytes === 0) {
      const clamped = clampCsi(chunk, this.#mark, end, this.#cols, this.#rows)
      return clamped ? this.#replace(end, clamped) : this.#accept(end)
    }
    const whole = this.#whole(end)
    return this.#replace(end, clampCsi(whole, 0, whole.length, this.#cols, this.#rows) ?? whole)
  }

  #string(at: number): number {
    const chunk = this.#chunk
    let next = at
    while (next < chunk.length) {
      const byte = chunk[next]!
      if (byte === ESC || byte === C1_LEAD || byte === CAN || byte === SUB || (byte === BEL && this.#isOsc))
        break
      next++
    }
    if (this.#state === 'ignored') this.#skip(next)
    else if (this.#heldBytes + (next - this.#mark) > MAX_STRING_BYTES) this.#ignoreString(next)
    if (next >= chunk.length) return next
    const byte = chunk[next]!
    if (byte === ESC || byte === C1_LEAD) {
      this.#outer = this.#state === 'string' ? 'string' : 'ignored'
      this.#state = byte === ESC ? 'string-escape' : 'string-c1'
      return this.#outer === 'ignored' ? this.#skip(next + 1) : next + 1
    }
    if (byte === BEL && this.#state === 'string') return this.#accept(next + 1)
    return this.#reject(next + 1)
  }

  /** A control inside a sequence works at once, as in every parser, and the sequence goes on; ESC, CAN and SUB end it. */
  #control(byte: number, at: number): number {
    if (byte === ESC) {
      this.#reject(at)
      this.#mark = at
      this.#state = 'escape'
      return at + 1
    }
    if (byte === CAN || byte === SUB) return this.#reject(at + 1)
    this.#give(this.#mark)
    this.#hold(this.#chunk.subarray(this.#mark, at))
    if (byte !== 0x7f) this.#out.push(this.#chunk.subarray(at, at + 1))
    return this.#skip(at + 1)
  }

  #enterString(isOsc: boolean): void {
    this.#isOsc = isOsc
    this.#state = 'string'
  }

  #ignoreString(end: number): number {
    this.#reject(end)
    this.#state = 'ignored'
    return end
  }

  #endString(end: number): number {
    return this.#outer === 'string' ? this.#accept(end) : this.#reject(end)
  }

  /** The sequence is good as it is: it passes together with the text around it. */
  #accept(end: number): number {
    if (this.#heldBytes > 0) {
      this.#out.push(...this.#held)
      this.#clearHeld()
    }
    this.#state = 'ground'
    return end
  }

  /** The sequence is taken out. */
  #reject(end: number): number {
    return this.#replace(end)
  }

  #replace(end: number, ...instead: Uint8Array[]): number {
    this.#give(this.#mark)
    this.#out.push(...instead)
    this.#clearHeld()
    this.#state = 'ground'
    return this.#skip(end)
  }

  #whole(end: number): Uint8Array {
    return concat([...this.#held, this.#chunk.subarray(this.#mark, end)])
  }

  #give(end: number): void {
    if (end > this.#from) this.#out.push(this.#chunk.subarray(this.#from, end))
    this.#from = Math.max(this.#from, end)
  }

  #skip(end: number): number {
    this.#from = end
    this.#mark = end
    return end
  }

  #hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    // A copy: the caller may reuse its buffer, and a slice would keep 64 KiB alive for three bytes.
    this.#held.push(bytes.slice())
    this.#heldBytes += bytes.length
  }

  #clearHeld(): void {
    this.#held = []
    this.#heldBytes = 0
  }
}
