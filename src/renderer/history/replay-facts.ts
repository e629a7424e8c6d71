import type { Fact, FactKind } from '../../shared/domain/fact.ts'
import type { Tone } from '../ui/Badge.tsx'
import type { StatusShape } from '../ui/status-look.ts'
import { factShape, factText } from './fact-text.ts'

/** A fact as a mark on the scrubber. */
export interface FactMark {
  seq: number
  at: number
  shape: StatusShape
  tone: Tone
  text: string
}

/** What somebody looks for in a recording; starts and ends of steps are in the timeline of the task. */
const MARKED: Partial<Record<FactKind, { shape: StatusShape; tone: Tone }>> = {
  'attempt.commit': { shape: 'ring', tone: 'accent' },
  'check.ended': { shape: 'flask', tone: 'quiet' },
  'attempt.question': { shape: 'question', tone: 'warn' },
  'attempt.answered': { shape: 'draft', tone: 'quiet' },
  'attempt.asked': { shape: 'rework', tone: 'quiet' },
  'attempt.claimed': { shape: 'draft', tone: 'quiet' },
  'review.ended': { shape: 'eye', tone: 'quiet' },
  'verdict.given': { shape: 'scale', tone: 'accent' },
  'verdict.undone': { shape: 'rework', tone: 'quiet' },
}

/** What follows an end so soon was said of that run: its checks, its last commit. */
const AFTER_MS = 60_000

/** The facts that mark a recording, in the order they happened. */
export function factMarks(facts: readonly Fact[]): FactMark[] {
  return facts
    .flatMap((fact): FactMark[] => {
      const look = MARKED[fact.kind]
      if (!look) return []
      const tone = fact.kind === 'check.ended' ? (fact.body.status === 'passed' ? 'ok' : 'bad') : look.tone
      return [
        { seq: fact.seq, at: fact.at, shape: factShape(fact) ?? look.shape, tone, text: factText(fact) },
      ]
    })
    .sort((a, b) => a.seq - b.seq)
}

/**
 * The marks that belong to the `run`-th of `runs` starts of an agent: what happened from its beginning on until the next one
 * began. The first has also what came before, the newest also what came after.
 */
export function marksOfRun(
  marks: readonly FactMark[],
  { start, end }: { start: number; end: number },
  run: number,
  runs: number,
): FactMark[] {
  return marks.filter(({ at }) => (run <= 1 || at >= start) && (run >= runs || at <= end + AFTER_MS))
}

/** The mark to go to from `at`: the next (1) or the one before (-1). A second of grace lets one step back twice. */
export function neighbour(marks: readonly FactMark[], at: number, by: -1 | 1): FactMark | undefined {
  return by > 0 ? marks.find((mark) => mark.at > at + 1) : marks.findLast((mark) => mark.at < at - 1_000)
}
