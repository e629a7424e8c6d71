import type { IBuffer, IBufferRange } from '@xterm/xterm'

/** What a link shows, from the cells that it covers (xterm.js counts lines and columns of a range from 1): its reader saw only this. */
export function textOf(buffer: Pick<IBuffer, 'getLine'>, range: IBufferRange): string {
  let text = ''
  for (let y = range.start.y; y <= range.end.y; y++) {
    const line = buffer.getLine(y - 1)
    const from = y === range.start.y ? range.start.x - 1 : 0
    const to = y === range.end.y ? range.end.x : undefined
    text += line?.translateToString(true, from, to) ?? ''
  }
  return text
}
