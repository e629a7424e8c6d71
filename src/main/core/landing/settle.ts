import type { Pull } from '../../../shared/domain/pull.ts'

/** The fields of a pull request that flicker: a forge computes them in the background and may answer from different copies. */
export type Flicker = Pick<Pull, 'mergeability' | 'checks' | 'decision'>

const BAD: { [K in keyof Flicker]: ReadonlySet<string> } = {
  mergeability: new Set(['conflict', 'blocked']),
  checks: new Set(['red']),
  decision: new Set(['changes_requested']),
}

export interface Settled {
  shown: Flicker
  /** Good news that must be seen once more before it counts. */
  pending: Partial<Flicker>
}

/**
 * What is shown after an observation. Bad news counts at once; a bad state is over only when two observations in a row
 * say the same, so that a flickering answer neither resets what was told to an agent nor tells it again. Another head
 * starts afresh. Pure.
 */
export function settle(
  before: Flicker | null,
  pending: Partial<Flicker>,
  seen: Flicker,
  sameHead: boolean,
): Settled {
  if (!before || !sameHead) return { shown: seen, pending: {} }
  const next: Partial<Flicker> = {}
  const one = <K extends keyof Flicker>(field: K): Flicker[K] => {
    const was = before[field]
    const is = seen[field]
    if (!BAD[field].has(was) || was === is || BAD[field].has(is)) return is
    // Not knowing is no good news.
    if (is === 'unknown') return was
    if (pending[field] === is) return is
    next[field] = is
    return was
  }
  return {
    shown: { mergeability: one('mergeability'), checks: one('checks'), decision: one('decision') },
    pending: next,
  }
}
