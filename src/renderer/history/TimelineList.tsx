import type { Fact } from '../../shared/domain/fact.ts'
import { useEntities } from '../state/entities.ts'
import { Age } from '../ui/Elapsed.tsx'
import { clockTime, dayOf } from '../ui/format.ts'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { factShape, factText, isNoise } from './fact-text.ts'
import { useFacts } from './use-facts.ts'
import './history.css'

/** The newest facts of a task in a narrow place. */
export function TimelineList({ taskId, limit }: { taskId: string; limit: number }) {
  const { facts } = useFacts(taskId)
  const shown = facts.filter((fact) => !isNoise(fact)).slice(0, limit)
  if (shown.length === 0) return <p className="rail-quiet">Nothing recent. All shows the whole history.</p>
  return (
    <ol className="facts" data-dense="true">
      {shown.map((fact) => (
        <FactRow key={fact.seq} fact={fact} dense />
      ))}
    </ol>
  )
}

export function FactRow({ fact, dense }: { fact: Fact; dense?: boolean }) {
  const n = useEntities((state) => (fact.attemptId ? state.attempts[fact.attemptId]?.n : undefined))
  const shape = factShape(fact)
  const full = `${dayOf(fact.at)} ${clockTime(fact.at)}`
  return (
    <li className="fact" data-actor={fact.actor} data-kind={fact.kind}>
      <span className="fact-mark">
        {shape ? (
          <StatusIcon look={{ shape, tone: 'quiet', text: '' }} size={13} />
        ) : (
          <span className="fact-dot" />
        )}
      </span>
      <span className="fact-text">
        {n ? <span className="fact-n">#{n}</span> : null} {factText(fact)}
        {fact.actor === 'engineer' ? <span className="fact-actor"> · you</span> : null}
      </span>
      <time className="fact-time num" title={full} dateTime={new Date(fact.at).toISOString()}>
        {dense ? <Age since={fact.at} /> : clockTime(fact.at)}
      </time>
    </li>
  )
}
