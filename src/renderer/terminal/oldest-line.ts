import type { IBuffer, Terminal } from '@xterm/xterm'

/** So many lines name a place in a recording: one alone ("ok") is written again and again. */
const LINES_OF_A_PLACE = 3

/** What is looked at of a terminal. */
type Viewed = Pick<Terminal, 'onScroll' | 'rows'> & {
  buffer: { active: IBuffer; normal: IBuffer }
  options: { scrollback?: number | undefined }
}

/**
 * Knows whether the view stands at the oldest line that a tile keeps, and more was written before it: a tile is drawn from a
 * snapshot of a thousand lines and keeps five thousand; the rest is in the recording.
 */
export class OldestLine {
  readonly #term: Viewed
  readonly #changed: () => void
  readonly #scroll: { dispose(): void }
  /** Something was written before the first byte that this tile was given. */
  #missedBeginning = false
  #shown = false

  constructor(term: Viewed, changed: () => void) {
    this.#term = term
    this.#changed = changed
    this.#scroll = term.onScroll(() => this.#look())
  }

  /** True while the oldest line is in view and there was more. */
  get shown(): boolean {
    return this.#shown
  }

  /** The tile begins, or begins anew, with a screen as it was at `offset` of the `epoch`-th life. */
  begins(epoch: number, offset: number): void {
    this.#missedBeginning = epoch > 1 || offset > 0
    this.#look()
  }

  /** The first lines that can be told apart, as they stand in the recording. */
  lines(): string[] {
    return firstLines(this.#term.buffer.normal, LINES_OF_A_PLACE)
  }

  dispose(): void {
    this.#scroll.dispose()
  }

  #look(): void {
    const { active, normal } = this.#term.buffer
    const isFull = normal.length >= this.#term.rows + (this.#term.options.scrollback ?? 0)
    const shown =
      active.type === 'normal' &&
      active.baseY > 0 &&
      active.viewportY === 0 &&
      (isFull || this.#missedBeginning)
    if (shown === this.#shown) return
    this.#shown = shown
    this.#changed()
  }
}

/** The first `count` lines of a buffer with anything on them, wrapped ones whole; a first line whose beginning is gone does not count. */
export function firstLines(buffer: Pick<IBuffer, 'getLine' | 'length'>, count: number): string[] {
  const lines: string[] = []
  let open: string | null = null
  for (let y = 0; y < buffer.length; y++) {
    const line = buffer.getLine(y)
    if (!line) break
    const text = line.translateToString(true)
    if (line.isWrapped) {
      if (open !== null) open += text
      continue
    }
    if (open?.trim()) lines.push(open.trim())
    if (lines.length >= count) return lines
    open = text
  }
  if (open?.trim()) lines.push(open.trim())
  return lines.slice(0, count)
}
