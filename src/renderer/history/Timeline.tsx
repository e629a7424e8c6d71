import { useEffect, useRef } from 'react'
import type { Fact } from '../../shared/domain/fact.ts'
import { useEntities } from '../state/entities.ts'
import { Button } from '../ui/Button.tsx'
import { dayOf } from '../ui/format.ts'
import { DecisionTimes } from './DecisionTimes.tsx'
import { isNoise } from './fact-text.ts'
import { FactRow } from './TimelineList.tsx'
import { useFacts } from './use-facts.ts'

/** Everything that happened to a task, newest first, by day. */
export function Timeline({ taskId }: { taskId: string }) {
  const { facts, more, loading, loadOlder } = useFacts(taskId)
  const repoId = useEntities((state) => state.tasks[taskId]?.repoId)
  const asked = useRef<string | null>(null)
  useEffect(() => {
    // What came with the state may be only the end of the story: ask for its begin once per task.
    if (asked.current === taskId) return
    asked.current = taskId
    loadOlder()
  }, [taskId, loadOlder])
  const days = byDay(facts.filter((fact) => !isNoise(fact)))
  return (
    <section className="timeline" data-testid="timeline" aria-label="Timeline">
      {repoId ? (
        <DecisionTimes
          repoId={repoId}
          verdicts={facts.filter((fact) => fact.kind === 'verdict.given').length}
        />
      ) : null}
      {days.map(([day, ofDay]) => (
        <div key={day} className="timeline-day">
          <h2>{day}</h2>
          <ol className="facts">
            {ofDay.map((fact) => (
              <FactRow key={fact.seq} fact={fact} />
            ))}
          </ol>
        </div>
      ))}
      {more ? (
        <Button busy={loading} onClick={loadOlder}>
          Older
        </Button>
      ) : (
        <p className="rail-quiet">That is the beginning.</p>
      )}
    </section>
  )
}

function byDay(facts: readonly Fact[]): [string, Fact[]][] {
  const days = new Map<string, Fact[]>()
  for (const fact of facts) {
    const day = dayOf(fact.at)
    const ofDay = days.get(day)
    if (ofDay) ofDay.push(fact)
    else days.set(day, [fact])
  }
  return [...days]
}
