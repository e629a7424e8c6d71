/** Begin and end of a changed piece within a line, in UTF-16 units; the end is not part of it. */
export type Range = readonly [from: number, to: number]

/** Words beyond this are compared by their common begin and end only: the table of the comparison grows with the square. */
const MAX_WORDS = 160
/** Below this share of common text two lines are different lines, not a changed one. */
const MIN_COMMON = 0.3

const words = (text: string): string[] => text.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? []

/** What differs between a line and the one that replaced it; empty lists when they have too little in common to say. */
export function intraline(before: string, after: string): { before: Range[]; after: Range[] } {
  if (before === after || before === '' || after === '') return { before: [], after: [] }
  const a = words(before)
  const b = words(after)
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end])
    end += 1
  const [sameA, sameB] =
    a.length - start - end > MAX_WORDS || b.length - start - end > MAX_WORDS
      ? [new Set<number>(), new Set<number>()]
      : commonWords(a.slice(start, a.length - end), b.slice(start, b.length - end))
  const changedIn = (list: readonly string[], same: ReadonlySet<number>): Range[] => {
    const ranges: [number, number][] = []
    let at = 0
    list.forEach((word, index) => {
      const inside = index >= start && index < list.length - end && !same.has(index - start)
      const last = ranges.at(-1)
      if (inside && last && last[1] === at) last[1] += word.length
      else if (inside) ranges.push([at, at + word.length])
      at += word.length
    })
    return ranges
  }
  const left = changedIn(a, sameA)
  const right = changedIn(b, sameB)
  const changed = (ranges: readonly Range[]) => ranges.reduce((sum, [from, to]) => sum + to - from, 0)
  const common = 1 - (changed(left) + changed(right)) / (before.length + after.length)
  return common < MIN_COMMON ? { before: [], after: [] } : { before: left, after: right }
}

/** Indices of the longest common subsequence of two lists, on each side. */
function commonWords(a: readonly string[], b: readonly string[]): [Set<number>, Set<number>] {
  const width = b.length + 1
  const table = new Uint16Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i * width + j] =
        a[i] === b[j]
          ? (table[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(table[(i + 1) * width + j] ?? 0, table[i * width + j + 1] ?? 0)
  const inA = new Set<number>()
  const inB = new Set<number>()
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      inA.add(i++)
      inB.add(j++)
    } else if ((table[(i + 1) * width + j] ?? 0) >= (table[i * width + j + 1] ?? 0)) i += 1
    else j += 1
  }
  return [inA, inB]
}
