import headlessModule, { type IBuffer, type Terminal } from '@xterm/headless'
import { EscapeFilter } from '../../shared/terminal/escape-filter.ts'
import { graphemes } from './graphemes.ts'

/** A plain terminal as a renderer has it; `filtered` stands the escape filter before it. For tests. */
export class TestScreen {
  readonly terminal: Terminal
  readonly #filter: EscapeFilter | null

  constructor(cols: number, rows: number, filtered: boolean, scrollback = 1_000) {
    this.terminal = new headlessModule.Terminal({
      cols,
      rows,
      scrollback,
      allowProposedApi: true,
      logLevel: 'off',
    })
    this.terminal.loadAddon(graphemes())
    this.#filter = filtered ? new EscapeFilter(cols, rows) : null
  }

  async write(bytes: Uint8Array): Promise<void> {
    const data = this.#filter ? this.#filter.push(bytes) : bytes
    await new Promise<void>((resolve) => this.terminal.write(data, resolve))
  }

  /** What a renderer does with a snapshot. */
  async reset(cols: number, rows: number, snapshot: Uint8Array): Promise<void> {
    this.#filter?.reset()
    this.#filter?.resize(cols, rows)
    this.terminal.reset()
    this.terminal.resize(cols, rows)
    await this.write(snapshot)
  }

  resize(cols: number, rows: number): void {
    this.#filter?.resize(cols, rows)
    this.terminal.resize(cols, rows)
  }

  /** Everything a person or a program can tell apart: cells with style, wraps, cursor, modes, both buffers. */
  describe(lines = 1_000): unknown {
    const { terminal } = this
    const { buffer, modes } = terminal
    return {
      active: buffer.active.type,
      normal: describeBuffer(terminal, buffer.normal, lines),
      alternate: buffer.active.type === 'alternate' ? describeBuffer(terminal, buffer.alternate, 0) : null,
      cursor: [buffer.active.cursorX, buffer.active.cursorY],
      modes: { ...modes, synchronizedOutputMode: false },
      hidden: path(terminal, ['_core', 'coreService', 'isCursorHidden']),
      shape: path(terminal, ['_core', 'coreService', 'decPrivateModes', 'cursorStyle']),
      mouse:
        path(terminal, ['_core', 'coreMouseService', 'activeEncoding']) ??
        path(terminal, ['_core', 'mouseStateService', 'activeEncoding']),
      region: [
        path(terminal, ['_core', 'buffer', 'scrollTop']),
        path(terminal, ['_core', 'buffer', 'scrollBottom']),
      ],
    }
  }
}

function path(root: object, names: readonly string[]): unknown {
  let at: unknown = root
  for (const name of names) at = typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined
  return at
}

function describeBuffer(terminal: Terminal, buffer: IBuffer, scrollback: number): string[] {
  const out: string[] = []
  for (let y = Math.max(0, buffer.length - terminal.rows - scrollback); y < buffer.length; y++) {
    const line = buffer.getLine(y)
    if (!line) continue
    const cells: string[] = []
    for (let x = 0; x < terminal.cols; x++) {
      const cell = line.getCell(x)
      if (!cell) continue
      // A cell that was never written shows its background only.
      const chars = cell.getChars()
      const style = chars === '' ? '' : styleText(cell)
      const link = Reflect.apply(Reflect.get(cell, 'hasExtendedAttrs'), cell, [])
        ? path(cell, ['extended', 'urlId'])
        : 0
      const service = path(terminal, ['_core', '_oscLinkService'])
      const getter =
        typeof service === 'object' && service !== null ? Reflect.get(service, 'getLinkData') : null
      const data =
        typeof link === 'number' && link > 0 && typeof getter === 'function'
          ? getter.call(service, link)
          : null
      const uri = typeof data === 'object' && data !== null ? String(path(data, ['uri'])) : ''
      cells.push(
        `${chars}/${cell.getWidth()}/${style}/${cell.getBgColorMode()}:${cell.getBgColor()}${chars === '' ? '' : uri}`,
      )
    }
    out.push(`${line.isWrapped ? '~' : ' '}${cells.join('|').replace(/(\|\/1\/\/0:-1)+$/, '')}`)
  }
  return out
}

function styleText(cell: object): string {
  const call = (name: string) => {
    const getter: unknown = Reflect.get(cell, name)
    return typeof getter === 'function' ? String(Reflect.apply(getter, cell, [])) : '?'
  }
  return [
    'isBold',
    'isDim',
    'isItalic',
    'isUnderline',
    'getUnderlineStyle',
    'getUnderlineColor',
    'isBlink',
    'isInverse',
    'isInvisible',
    'isStrikethrough',
    'isOverline',
    'getFgColorMode',
    'getFgColor',
  ]
    .map((name) => (name.startsWith('is') ? (call(name) === '0' ? '0' : '1') : call(name)))
    .join(',')
}
