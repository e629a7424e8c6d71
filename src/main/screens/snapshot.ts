import type { IBuffer, IBufferCell, Terminal } from '@xterm/headless'
import type { ModeTracker } from './mode-tracker.ts'

/**
 * Writes a terminal as the bytes that draw it again on a reset terminal of the same size: lines above the screen,
 * both screens, styles, links, cursor and modes. Ours instead of the serialize addon, which loses the colours of
 * blank cells, the mouse encoding, underline styles and links, and confuses bold with dim.
 */
export function serializeScreen(
  terminal: Terminal,
  modes: ModeTracker,
  scrollback: number,
  title: string,
): Buffer {
  const pen = new Pen(terminal)
  const { normal, active } = terminal.buffer
  // Bytes by the row: a string that grows piece by piece leaves twenty times its size behind, for V8's slow collection.
  const parts: Buffer[] = []
  const put = (text: string) => parts.push(Buffer.from(text))
  drawBuffer(terminal, normal, Math.max(0, normal.length - terminal.rows - scrollback), pen, put)
  if (active.type === 'alternate') {
    put(`${pen.plain()}\u001b[${normal.cursorY + 1};${Math.min(normal.cursorX, terminal.cols - 1) + 1}H`)
    // What comes back with the cursor when the alternate screen is left.
    const saved = inner(terminal, [...BUFFERS, 'normal', 'savedCurAttrData'])
    if (isStyled(saved)) put(pen.use(saved))
    put('\u001b[?1049h\u001b[H')
    drawBuffer(terminal, active, 0, pen, put)
  }
  put(pen.plain() + modes.serialize())
  if (title !== '') put(`\u001b]2;${title}\u001b\\`)
  put(saveCursor(terminal, modes, pen) + placeCursor(terminal, modes, pen))
  put(modes.serializeCharsets() + (terminal.modes.insertMode ? '\u001b[4h' : ''))
  return Buffer.concat(parts)
}

function drawBuffer(
  terminal: Terminal,
  buffer: IBuffer,
  from: number,
  pen: Pen,
  put: (row: string) => void,
): void {
  const cols = terminal.cols
  const cell = buffer.getNullCell()
  const other = buffer.getNullCell()
  /** The cursor waits behind the last column, so that the next character opens a wrapped line. */
  let wrapReady = false
  for (let y = from; y < buffer.length; y++) {
    const line = buffer.getLine(y)
    if (!line) continue
    let out = ''
    if (y > from) {
      if (!line.isWrapped) out += `${pen.plain()}\r\n`
      else if (!wrapReady || isBlank(line.getCell(0, cell))) out += openWrappedLine(terminal, buffer, y, pen)
    }
    let gap = 0
    wrapReady = false
    for (let x = 0; x < cols; x++) {
      const at = line.getCell(x, cell)
      if (!at || at.getWidth() === 0) continue
      if (isBlank(at)) {
        // Never written: left as they are, or erased in their colour.
        const colour = blankStyle(at)
        let end = x + 1
        while (end < cols && isBlank(line.getCell(end, other)) && blankStyle(other) === colour) end++
        if (colour !== '') {
          if (gap > 0) out += `\u001b[${gap}C`
          out += `${pen.use(at)}\u001b[${end - x}X`
          gap = 0
        }
        gap += end - x
        x = end - 1
        continue
      }
      if (gap > 0) out += `\u001b[${gap}C`
      gap = 0
      out += pen.use(at) + at.getChars()
      wrapReady = x + at.getWidth() >= cols
    }
    // A wide character that did not fit leaves the last cell empty; from there the next one wraps by itself.
    const next = buffer.getLine(y + 1)
    if (gap === 1 && next?.isWrapped && next.getCell(0, cell)?.getWidth() === 2) {
      out += `\u001b[${cols}G`
      wrapReady = true
    }
    put(out)
  }
}

/** Wraps to line `y` although there is nothing (any more) to print at the border: with two blanks, erased afterwards. */
function openWrappedLine(terminal: Terminal, buffer: IBuffer, y: number, pen: Pen): string {
  const cell = buffer.getNullCell()
  const last = buffer.getLine(y - 1)?.getCell(terminal.cols - 1, cell)
  const restoreLast =
    last && isBlank(last)
      ? `\u001b[A\u001b[${terminal.cols}G${pen.use(last)}\u001b[X\u001b[B\r${pen.plain()}`
      : ''
  const toBorder = last && isBlank(last) ? `${pen.plain()}\u001b[${terminal.cols}G ` : pen.plain()
  return `${toBorder} ${restoreLast}\r\u001b[X`
}

function isBlank(cell: IBufferCell | undefined): boolean {
  return !cell || (cell.getCode() === 0 && cell.getChars() === '' && cell.getWidth() !== 0)
}

function blankStyle(cell: IBufferCell): string {
  return cell.isBgDefault() ? '' : styleOf(cell)
}

const BUFFERS = ['_core', '_bufferService', 'buffers'] as const

/** The place and style that a program saved (ESC 7) to come back to; nothing when it never did. */
function saveCursor(terminal: Terminal, modes: ModeTracker, pen: Pen): string {
  const x = inner(terminal, [...BUFFERS, 'active', 'savedX'])
  const y = inner(terminal, [...BUFFERS, 'active', 'savedY'])
  const style = inner(terminal, [...BUFFERS, 'active', 'savedCurAttrData'])
  if (typeof x !== 'number' || typeof y !== 'number' || !isStyled(style)) return ''
  const row = Math.max(0, y - terminal.buffer.active.baseY)
  const styled = pen.use(style)
  if (x === 0 && row === 0 && styled === '') return ''
  return `\u001b[${row - modes.originRow() + 1};${Math.min(x, terminal.cols - 1) + 1}H${styled}\u001b7`
}

/**
 * Cursor, its style, and what it stands on: behind the last column it waits to wrap, and behind a character just printed
 * it waits to join the next one to it. Both states come back only by printing that character again in its place.
 */
function placeCursor(terminal: Terminal, modes: ModeTracker, pen: Pen): string {
  const buffer = terminal.buffer.active
  const row = buffer.cursorY - modes.originRow() + 1
  const go = (x: number) => `\u001b[${row};${Math.min(x, terminal.cols - 1) + 1}H`
  const current = inner(terminal, ['_core', '_inputHandler', '_curAttrData'])
  const style = isStyled(current) ? current : null
  const joins = inner(terminal, ['_core', '_inputHandler', '_parser', 'precedingJoinState'])
  const waitsToWrap = buffer.cursorX >= terminal.cols
  const again = waitsToWrap || (typeof joins === 'number' && joins > 0)
  const line = again ? buffer.getLine(buffer.baseY + buffer.cursorY) : undefined
  let x = buffer.cursorX - 1
  if (line?.getCell(x)?.getWidth() === 0) x--
  const before = x >= 0 ? line?.getCell(x) : undefined
  const ends = before ? x + before.getWidth() === buffer.cursorX : false
  if (!before || !ends || isBlank(before)) return go(buffer.cursorX) + (style ? pen.use(style) : '')
  const redrawn = go(x) + pen.use(before) + before.getChars()
  return redrawn + (style ? pen.use(style) : '')
}

/** The getters that cells and the current style of xterm.js share. */
type Styled = Pick<
  IBufferCell,
  | 'isBold'
  | 'isItalic'
  | 'isDim'
  | 'isUnderline'
  | 'isBlink'
  | 'isInverse'
  | 'isInvisible'
  | 'isStrikethrough'
  | 'isOverline'
  | 'isFgRGB'
  | 'isBgRGB'
  | 'isFgPalette'
  | 'isBgPalette'
  | 'getFgColor'
  | 'getBgColor'
>

function isStyled(value: unknown): value is Styled {
  return typeof value === 'object' && value !== null && 'isOverline' in value && 'getFgColor' in value
}

/** Walks down properties that are not in xterm.js' types; undefined when one is missing. */
function inner(root: object, path: readonly string[]): unknown {
  let at: unknown = root
  for (const name of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = Reflect.get(at, name)
  }
  return at
}

/** Calls a getter that is not in xterm.js' types; undefined when there is none. */
function call(cell: Styled, name: string): unknown {
  const getter: unknown = Reflect.get(cell, name)
  return typeof getter === 'function' ? Reflect.apply(getter, cell, []) : undefined
}

/** Number of the link of a cell, 0 for none. A cell without extended attributes still shows those of the one before. */
function urlIdOf(cell: Styled): number {
  const urlId = call(cell, 'hasExtendedAttrs') ? inner(cell, ['extended', 'urlId']) : 0
  return typeof urlId === 'number' ? urlId : 0
}

/** Emits style and link changes, and only changes. */
class Pen {
  readonly #links: unknown
  #style = ''
  #link = ''

  constructor(terminal: Terminal) {
    this.#links = inner(terminal, ['_core', '_oscLinkService'])
  }

  use(cell: Styled): string {
    const style = styleOf(cell)
    const link = this.#linkOf(cell)
    let out = ''
    if (link !== this.#link) out += `\u001b]8;${link === '' ? ';' : link}\u001b\\`
    if (style !== this.#style) out += `\u001b[${style === '' ? '' : `0;${style}`}m`
    this.#style = style
    this.#link = link
    return out
  }

  plain(): string {
    const out = (this.#link === '' ? '' : '\u001b]8;;\u001b\\') + (this.#style === '' ? '' : '\u001b[m')
    this.#style = ''
    this.#link = ''
    return out
  }

  /** `id=…;uri`, or '' for none. */
  #linkOf(cell: Styled): string {
    const urlId = urlIdOf(cell)
    if (urlId === 0 || typeof this.#links !== 'object' || this.#links === null) return ''
    const lookup: unknown = Reflect.get(this.#links, 'getLinkData')
    const data: unknown = typeof lookup === 'function' ? Reflect.apply(lookup, this.#links, [urlId]) : null
    const uri = typeof data === 'object' && data !== null ? inner(data, ['uri']) : null
    const id = typeof data === 'object' && data !== null ? inner(data, ['id']) : null
    return typeof uri === 'string' ? `${typeof id === 'string' && id !== '' ? `id=${id}` : ''};${uri}` : ''
  }
}

/** SGR parameters without the leading reset; '' for the default. */
function styleOf(cell: Styled): string {
  const out: string[] = []
  if (cell.isBold()) out.push('1')
  if (cell.isDim()) out.push('2')
  if (cell.isItalic()) out.push('3')
  if (cell.isUnderline()) out.push(...underline(cell))
  if (cell.isBlink()) out.push('5')
  if (cell.isInverse()) out.push('7')
  if (cell.isInvisible()) out.push('8')
  if (cell.isStrikethrough()) out.push('9')
  if (cell.isOverline()) out.push('53')
  if (cell.isFgRGB()) out.push(`38;2;${rgb(cell.getFgColor())}`)
  else if (cell.isFgPalette()) out.push(palette(cell.getFgColor(), 30, 90, 38))
  if (cell.isBgRGB()) out.push(`48;2;${rgb(cell.getBgColor())}`)
  else if (cell.isBgPalette()) out.push(palette(cell.getBgColor(), 40, 100, 48))
  return out.join(';')
}

/** Bits of xterm.js' extended attributes: underline style. */
const STYLE_MASK = 0x1c000000
const STYLE_SHIFT = 26
/** Bit of the foreground word: plainly underlined. */
const UNDERLINED = 0x10000000

function underline(cell: Styled): string[] {
  let style = call(cell, 'getUnderlineStyle')
  if (urlIdOf(cell) > 0) {
    // A link claims to be underlined; whether its text is, stands in the words behind.
    const bits = inner(cell, ['extended', '_ext'])
    const foreground = inner(cell, ['fg'])
    style = typeof bits === 'number' ? (bits & STYLE_MASK) >>> STYLE_SHIFT : 0
    if (style === 0 && !(typeof foreground === 'number' && foreground & UNDERLINED)) return []
  }
  const out = [typeof style === 'number' && style > 1 ? `4:${style}` : '4']
  const colour = call(cell, 'getUnderlineColor')
  if (typeof colour !== 'number' || call(cell, 'isUnderlineColorDefault') === true) return out
  if (call(cell, 'isUnderlineColorRGB') === true) out.push(`58:2::${rgb(colour).replaceAll(';', ':')}`)
  else if (call(cell, 'isUnderlineColorPalette') === true) out.push(`58:5:${colour}`)
  return out
}

function rgb(colour: number): string {
  return `${(colour >>> 16) & 255};${(colour >>> 8) & 255};${colour & 255}`
}

function palette(colour: number, dark: number, bright: number, extended: number): string {
  if (colour < 8) return String(dark + colour)
  if (colour < 16) return String(bright + colour - 8)
  return `${extended};5;${colour}`
}
