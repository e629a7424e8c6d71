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

/**
 * For each line of a hunk the line that it replaced or that replaces it, by index; null where it stands alone. In blocks
 * of the same number of removed and added lines only: elsewhere the pairing would be a guess.
 */
export function counterparts(lines: readonly DiffLine[]): (number | null)[] {
  const partner: (number | null)[] = lines.map(() => null)
  let at = 0
  while (at < lines.length) {
    const dels: number[] = []
    const adds: number[] = []
    while (lines[at]?.kind === 'del' || (dels.length > 0 && lines[at]?.kind === 'note')) {
      if (lines[at]?.kind === 'del') dels.push(at)
      at += 1
    }
    while (lines[at]?.kind === 'add') adds.push(at++)
    if (dels.length === adds.length)
      dels.forEach((del, index) => {
        const add = adds[index]
        if (add === undefined) return
        partner[del] = add
        partner[add] = del
      })
    if (dels.length === 0 && adds.length === 0) at += 1
  }
  return partner
}
