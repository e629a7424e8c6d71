/** The part of xterm.js' `terminal.parser` that guards need; the browser build and the headless one both have it. */
export interface GuardedParser {
  registerCsiHandler(
    id: { prefix?: string; intermediates?: string; final: string },
    callback: (params: (number | number[])[]) => boolean,
  ): { dispose(): void }
  registerDcsHandler(
    id: { prefix?: string; intermediates?: string; final: string },
    callback: (data: string, params: (number | number[])[]) => boolean,
  ): { dispose(): void }
  registerOscHandler(ident: number, callback: (data: string) => boolean): { dispose(): void }
}

/** Functions whose first parameter is a count that xterm.js 6.0 works off one by one. */
const COUNTED = ['b', 'L', 'M', 'S', 'T', 'Z', 'I', 'X', '@', 'P'] as const
const COUNTED_WITH_INTERMEDIATE = [
  { intermediates: ' ', final: '@' },
  { intermediates: ' ', final: 'A' },
  { intermediates: "'", final: '}' },
  { intermediates: "'", final: '~' },
] as const

/**
 * The second line of defence behind `EscapeFilter`, for whatever is written to a parser without passing the filter:
 * a count above rows × cols is swallowed. Gives what takes the guards away again.
 */
export function guardCounts(
  parser: GuardedParser,
  size: () => { cols: number; rows: number },
): { dispose(): void } {
  const tooMany = (params: (number | number[])[]) => {
    const { cols, rows } = size()
    return typeof params[0] === 'number' && params[0] > cols * rows
  }
  return together([
    ...COUNTED.map((final) => parser.registerCsiHandler({ final }, tooMany)),
    ...COUNTED_WITH_INTERMEDIATE.map((id) => parser.registerCsiHandler(id, tooMany)),
  ])
}

const always = () => true

/**
 * For renderers: only the emulator beside the process answers queries, with or without a window open. Here they are
 * swallowed, so that no program hears two answers and no replay sends any.
 */
export function swallowQueries(parser: GuardedParser): { dispose(): void } {
  const asksColour = (data: string) => data.split(';').includes('?')
  return together([
    parser.registerCsiHandler({ final: 'c' }, always), // DA1
    parser.registerCsiHandler({ prefix: '>', final: 'c' }, always), // DA2
    parser.registerCsiHandler({ prefix: '=', final: 'c' }, always), // DA3
    parser.registerCsiHandler({ final: 'n' }, always), // DSR, CPR
    parser.registerCsiHandler({ prefix: '?', final: 'n' }, always),
    parser.registerCsiHandler({ intermediates: '$', final: 'p' }, always), // DECRQM
    parser.registerCsiHandler({ prefix: '?', intermediates: '$', final: 'p' }, always),
    parser.registerCsiHandler({ prefix: '>', final: 'q' }, always), // XTVERSION
    parser.registerCsiHandler({ final: 't' }, always), // window reports and operations
    parser.registerDcsHandler({ intermediates: '$', final: 'q' }, always), // DECRQSS
    parser.registerOscHandler(4, asksColour),
    parser.registerOscHandler(10, asksColour),
    parser.registerOscHandler(11, asksColour),
    parser.registerOscHandler(12, asksColour),
  ])
}

function together(parts: readonly { dispose(): void }[]): { dispose(): void } {
  return { dispose: () => parts.forEach((part) => void part.dispose()) }
}
