import { plural, took } from '../ui/format.ts'
import { type DecisionTimes as Times, useDecisionTimes } from './use-decision-times.ts'

/** Fewer say nothing about a habit. */
const MIN_FOR_HABIT = 3

/** The usual time from ready to verdict, as one sentence; null while there are too few verdicts to say. */
export function usualTime(times: Times | null): string | null {
  if (!times || times.count < MIN_FOR_HABIT || times.medianMs === null || times.p90Ms === null) return null
  return `Usually ${took(times.medianMs)} here, nine of ten within ${took(times.p90Ms)}`
}

/** What Quartet is measured by: the engineer's time from ready to verdict, over the newest verdicts of the repository. */
export function DecisionTimes({ repoId, verdicts }: { repoId: string; verdicts: number }) {
  const times = useDecisionTimes(repoId, verdicts)
  if (!times || times.count === 0) return null
  const longest = Math.max(...times.recent.map((one) => one.ms), 1)
  return (
    <section className="decision-times" data-testid="decision-times" aria-label="From ready to verdict">
      <dl className="num">
        <div>
          <dt>From ready to verdict</dt>
          <dd>{took(times.medianMs ?? 0)}</dd>
        </div>
        {times.count < MIN_FOR_HABIT ? null : (
          <div>
            <dt>Nine of ten within</dt>
            <dd>{took(times.p90Ms ?? 0)}</dd>
          </div>
        )}
        <div>
          <dt>Verdicts</dt>
          <dd>{times.count}</dd>
        </div>
      </dl>
      <div
        className="decision-bars"
        role="img"
        aria-label={`The last ${plural(times.recent.length, 'verdict')}`}
      >
        {[...times.recent].reverse().map((one) => (
          <span
            key={`${one.attemptId}:${one.at}`}
            data-kind={one.kind}
            // One that took an hour must not flatten all others to nothing.
            style={{ height: `${8 + 92 * Math.sqrt(one.ms / longest)}%` }}
            title={`${one.kind} in ${took(one.ms)}`}
          />
        ))}
      </div>
    </section>
  )
}
