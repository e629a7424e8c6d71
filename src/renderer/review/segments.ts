import type { Range } from './intraline.ts'

/** Syntax of one line: end of the token and the number of its colour, in turns; the first begins at 0. */
export type LineTokens = readonly number[]

/** A piece of a line that is drawn in one way. */
export interface Segment {
  text: string
  /** Number of the colour; 0 is that of plain text. */
  colour: number
  changed: boolean
}

/** Cuts a line where its colour or its being changed ends; together the pieces are exactly `text`. */
export function segments(text: string, tokens: LineTokens | undefined, changed: readonly Range[]): Segment[] {
  const out: Segment[] = []
  let token = 0
  let range = 0
  let at = 0
  while (at < text.length) {
    while (tokens && token < tokens.length && (tokens[token] ?? 0) <= at) token += 2
    while (range < changed.length && (changed[range]?.[1] ?? 0) <= at) range += 1
    const inToken = tokens !== undefined && token < tokens.length
    const here = changed[range]
    const inside = here !== undefined && here[0] <= at
    const end = Math.min(
      text.length,
      inToken ? (tokens[token] ?? text.length) : text.length,
      here === undefined ? text.length : inside ? here[1] : here[0],
    )
    out.push({ text: text.slice(at, end), colour: inToken ? (tokens[token + 1] ?? 0) : 0, changed: inside })
    at = end
  }
  return out
}
