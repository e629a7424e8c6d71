import type { Terminal } from '@xterm/headless'

/** Private modes that the serialize addon does not know, with their default. */
const TRACKED: ReadonlyMap<number, boolean> = new Map([
  [12, false], // cursor blinks
  [25, true], // cursor visible
  [1005, false], // mouse reports in UTF-8
  [1006, false], // in SGR form
  [1015, false], // in urxvt form
  [1016, false], // in SGR form, by pixels
])
const CHARSET_SLOTS = ['(', ')', '*', '+'] as const

/**
 * Remembers what the serialised cells do not say: cursor shape and visibility, mouse encoding, scroll region, tab stops,
 * character sets. Follows the sequences that set them, next to the parser's own handlers.
 */
export class ModeTracker {
  readonly #terminal: Terminal
  readonly #modes = new Map<number, boolean>()
  readonly #charsets = new Map<string, string>()
  #activeCharset: 'G0' | 'G1' = 'G0'
  #cursorStyle = 0
  /** Each buffer has a region of its own; the alternate one forgets it when it is left. */
  readonly #regions = new Map<'normal' | 'alternate', { top: number; bottom: number }>()
  #tabs: Set<number> | null = null

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    const parser = terminal.parser
    const seen = (work: () => void) => {
      work()
      return false
    }
    parser.registerCsiHandler({ prefix: '?', final: 'h' }, (params) => seen(() => this.#set(params, true)))
    parser.registerCsiHandler({ prefix: '?', final: 'l' }, (params) => seen(() => this.#set(params, false)))
    parser.registerCsiHandler({ intermediates: ' ', final: 'q' }, (params) =>
      seen(() => {
        this.#cursorStyle = typeof params[0] === 'number' ? params[0] : 0
      }),
    )
    parser.registerCsiHandler({ final: 'r' }, (params) => seen(() => this.#setRegion(params)))
    parser.registerCsiHandler({ final: 'g' }, (params) => seen(() => this.#clearTabs(params[0])))
    parser.registerEscHandler({ final: 'H' }, () =>
      seen(() => this.#tabStops().add(terminal.buffer.active.cursorX)),
    )
    parser.registerCsiHandler({ intermediates: '!', final: 'p' }, () => seen(() => this.#softReset()))
    parser.registerEscHandler({ final: 'c' }, () => seen(() => this.reset()))
    for (const slot of CHARSET_SLOTS) {
      for (const final of '0AB') {
        parser.registerEscHandler({ intermediates: slot, final }, () =>
          seen(() => this.#charsets.set(slot, final)),
        )
      }
    }
  }

  /** SO and SI cannot be seen by handlers; the emulator tells which set was invoked last. */
  invoked(charset: 'G0' | 'G1'): void {
    this.#activeCharset = charset
  }

  resized(): void {
    // xterm.js gives up the regions when the size changes.
    this.#regions.clear()
  }

  reset(): void {
    this.#modes.clear()
    this.#charsets.clear()
    this.#activeCharset = 'G0'
    this.#cursorStyle = 0
    this.#regions.clear()
    this.#tabs = null
  }

  /** Sequences that bring a reset terminal to these modes; they may move the cursor. Insert mode is the caller's. */
  serialize(): string {
    const { modes, cols } = this.#terminal
    let out = ''
    if (this.#tabs) {
      out += '\u001b[3g'
      for (const column of [...this.#tabs].sort((a, b) => a - b))
        if (column < cols) out += `\u001b[1;${column + 1}H\u001bH`
    }
    const region = this.#region()
    if (region) out += `\u001b[${region.top};${region.bottom}r`
    // Origin mode first: it sends the cursor home and gives its coordinates another meaning.
    if (modes.originMode) out += '\u001b[?6h'
    if (modes.applicationCursorKeysMode) out += '\u001b[?1h'
    if (modes.applicationKeypadMode) out += '\u001b='
    if (modes.bracketedPasteMode) out += '\u001b[?2004h'
    if (modes.reverseWraparoundMode) out += '\u001b[?45h'
    if (modes.sendFocusMode) out += '\u001b[?1004h'
    if (!modes.wraparoundMode) out += '\u001b[?7l'
    out += MOUSE[modes.mouseTrackingMode]
    for (const [mode, on] of this.#modes)
      if (on !== TRACKED.get(mode)) out += `\u001b[?${mode}${on ? 'h' : 'l'}`
    if (this.#cursorStyle !== 0) out += `\u001b[${this.#cursorStyle} q`
    return out
  }

  /** First row (from 0) of the scroll region if coordinates count from there. */
  originRow(): number {
    return this.#terminal.modes.originMode ? (this.#region()?.top ?? 1) - 1 : 0
  }

  /** Character sets other than ASCII; apart, because text that is printed after them comes out changed. */
  serializeCharsets(): string {
    let out = ''
    for (const [slot, final] of this.#charsets) if (final !== 'B') out += `\u001b${slot}${final}`
    return this.#activeCharset === 'G1' ? `${out}\u000e` : out
  }

  #set(params: (number | number[])[], on: boolean): void {
    for (const mode of params) if (typeof mode === 'number' && TRACKED.has(mode)) this.#modes.set(mode, on)
    if (!on && params.some((mode) => mode === 47 || mode === 1047 || mode === 1049))
      this.#regions.delete('alternate')
    // A later mouse encoding replaces an earlier one.
    for (const mode of params) {
      if (!on || (mode !== 1005 && mode !== 1006 && mode !== 1015 && mode !== 1016)) continue
      for (const other of [1005, 1006, 1015, 1016]) if (other !== mode) this.#modes.delete(other)
    }
  }

  #setRegion(params: (number | number[])[]): void {
    const rows = this.#terminal.rows
    const [first, second] = params
    const top = typeof first === 'number' && first > 0 ? first : 1
    const bottom = typeof second === 'number' && second > 0 && second <= rows ? second : rows
    if (bottom <= top) return
    this.#regions.set(this.#terminal.buffer.active.type, { top, bottom })
  }

  #region(): { top: number; bottom: number } | null {
    const region = this.#regions.get(this.#terminal.buffer.active.type)
    return region && (region.top > 1 || region.bottom < this.#terminal.rows) ? region : null
  }

  #tabStops(): Set<number> {
    this.#tabs ??= new Set(Array.from({ length: Math.ceil(this.#terminal.cols / 8) }, (_, i) => i * 8))
    return this.#tabs
  }

  #clearTabs(param: number | number[] | undefined): void {
    if (param === 3) this.#tabs = new Set()
    else if (!param) this.#tabStops().delete(this.#terminal.buffer.active.cursorX)
  }

  #softReset(): void {
    this.#regions.delete(this.#terminal.buffer.active.type)
    this.#charsets.clear()
    this.#modes.delete(25)
    this.#cursorStyle = 0
  }
}

const MOUSE: Readonly<Record<Terminal['modes']['mouseTrackingMode'], string>> = {
  none: '',
  x10: '\u001b[?9h',
  vt200: '\u001b[?1000h',
  drag: '\u001b[?1002h',
  any: '\u001b[?1003h',
}
