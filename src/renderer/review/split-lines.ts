import type { DiffLine } from './diff-model.ts'

/** Indices of lines of one hunk that stand beside each other; null where that side has nothing. */
export interface LinePair {
  left: number | null
  right: number | null
}

/**
 * Lays the lines of a hunk in two columns: context beside itself, and in a block of removed and added lines the first
 * removed beside the first added and so on. A note stands on the side of the line that it belongs to.
 */
export function splitLines(lines: readonly DiffLine[]): LinePair[] {
  const pairs: LinePair[] = []
  let dels: number[] = []
  let adds: number[] = []
  const flush = () => {
    for (let i = 0; i < Math.max(dels.length, adds.length); i++)
      pairs.push({ left: dels[i] ?? null, right: adds[i] ?? null })
    dels = []
    adds = []
  }
  lines.forEach((line, index) => {
    switch (line.kind) {
      case 'context':
        flush()
        pairs.push({ left: index, right: index })
        break
      case 'del':
        // Removed after added: git starts a new block.
        if (adds.length > 0) flush()
        dels.push(index)
        break
      case 'add':
        adds.push(index)
        break
      case 'note':
        if (adds.length > 0) adds.push(index)
        else if (dels.length > 0) dels.push(index)
        else pairs.push({ left: index, right: index })
        break
    }
  })
  flush()
  return pairs
}

/** Blocks beyond this are not searched for what belongs together: the search grows with both their lengths. */
const MAX_BLOCK = 60
/** Share of common words from which a line is taken for another one's new shape. */
const MIN_ALIKE = 0.5

/**
 * For each line of a hunk the line that it replaced or that replaces it, by index; null where it stands alone. In a block
 * of as many removed as added lines these are the ones at the same place, else the first that are alike, in order.
 */
export function counterparts(lines: readonly DiffLine[]): (number | null)[] {
  const partner: (number | null)[] = lines.map(() => null)
  const pair = (del: number, add: number) => {
    partner[del] = add
    partner[add] = del
  }
  let at = 0
  while (at < lines.length) {
    const dels: number[] = []
    const adds: number[] = []
    for (; lines[at]?.kind === 'del' || (dels.length > 0 && lines[at]?.kind === 'note'); at++)
      if (lines[at]?.kind === 'del') dels.push(at)
    while (lines[at]?.kind === 'add') adds.push(at++)
    if (dels.length === 0 && adds.length === 0) at += 1
    else if (dels.length === adds.length)
      for (const [index, del] of dels.entries()) pair(del, adds[index] ?? del)
    else if (dels.length <= MAX_BLOCK && adds.length <= MAX_BLOCK) pairAlike(lines, dels, adds, pair)
  }
  return partner
}

function pairAlike(
  lines: readonly DiffLine[],
  dels: readonly number[],
  adds: readonly number[],
  pair: (del: number, add: number) => void,
): void {
  let from = 0
  for (const del of dels) {
    const words = wordsOf(lines[del]?.text ?? '')
    const found = adds.findIndex(
      (add, index) => index >= from && alike(words, wordsOf(lines[add]?.text ?? '')),
    )
    const add = adds[found]
    if (add === undefined) continue
    pair(del, add)
    from = found + 1
  }
}

const wordsOf = (text: string): ReadonlySet<string> => new Set(text.match(/[\p{L}\p{N}_]+/gu))

function alike(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size === 0 || b.size === 0) return false
  let common = 0
  for (const word of a) if (b.has(word)) common += 1
  return (2 * common) / (a.size + b.size) >= MIN_ALIKE
}
