import type { DiffFile, DiffHunk } from './diff-model.ts'
import { highlighter } from './highlight/highlighter.ts'
import { languageOf } from './highlight/language-of.ts'
import { intraline, type Range } from './intraline.ts'
import type { LineTokens } from './segments.ts'
import { counterparts } from './split-lines.ts'

const NO_RANGES: readonly Range[] = []

interface HunkFacts {
  partner: (number | null)[]
  /** Changed pieces by line, worked out when the line is first drawn. */
  changed: Map<number, readonly Range[]>
  /** Place of each line in the text of its side; context is taken from the new one. */
  place: number[]
  hasOld: boolean
}

/** Facts of a hunk are worked out once, and go with it. */
const known = new WeakMap<DiffHunk, HunkFacts>()

function factsOf(hunk: DiffHunk): HunkFacts {
  const have = known.get(hunk)
  if (have) return have
  const place: number[] = []
  let before = 0
  let after = 0
  for (const line of hunk.lines) {
    if (line.kind === 'del') place.push(before++)
    else if (line.kind === 'note') place.push(-1)
    else {
      if (line.kind === 'context') before += 1
      place.push(after++)
    }
  }
  const facts: HunkFacts = {
    partner: counterparts(hunk.lines),
    changed: new Map(),
    place,
    hasOld: hunk.lines.some((line) => line.kind === 'del'),
  }
  known.set(hunk, facts)
  return facts
}

/** What differs within a line from the one that it stands for. */
export function changedRanges(hunk: DiffHunk, index: number): readonly Range[] {
  const facts = factsOf(hunk)
  const have = facts.changed.get(index)
  if (have) return have
  const partner = facts.partner[index]
  const line = hunk.lines[index]
  const other = partner == null ? undefined : hunk.lines[partner]
  if (partner == null || !line || !other) return NO_RANGES
  const [del, add] = line.kind === 'del' ? [line, other] : [other, line]
  const { before, after } = intraline(del.text, add.text)
  facts.changed.set(line.kind === 'del' ? index : partner, before)
  facts.changed.set(line.kind === 'del' ? partner : index, after)
  return line.kind === 'del' ? before : after
}

const sideText = (hunk: DiffHunk, side: 'old' | 'new'): string[] =>
  hunk.lines.flatMap((line) =>
    line.kind === 'context' || line.kind === (side === 'old' ? 'del' : 'add') ? [line.text] : [],
  )

const keyOf = (file: DiffFile, hunk: number, side: 'old' | 'new'): string =>
  `${file.fingerprint}:${hunk}:${side}`

/** Asks for the colours of a hunk that is on screen. */
export function wantColours(file: DiffFile, hunkIndex: number): void {
  const language = languageOf(file.path)
  const hunk = file.hunks[hunkIndex]
  if (!language || !hunk) return
  if (factsOf(hunk).hasOld)
    highlighter.want(keyOf(file, hunkIndex, 'old'), language, () => sideText(hunk, 'old'))
  highlighter.want(keyOf(file, hunkIndex, 'new'), language, () => sideText(hunk, 'new'))
}

/** The colours of a line as far as they are known. */
export function tokensOf(file: DiffFile, hunkIndex: number, index: number): LineTokens | undefined {
  const hunk = file.hunks[hunkIndex]
  const line = hunk?.lines[index]
  if (!hunk || !line || line.kind === 'note') return undefined
  const place = factsOf(hunk).place[index]
  if (place === undefined || place < 0) return undefined
  return highlighter.tokens(keyOf(file, hunkIndex, line.kind === 'del' ? 'old' : 'new'))?.[place]
}
