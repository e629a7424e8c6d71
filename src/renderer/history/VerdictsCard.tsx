import { useShallow } from 'zustand/react/shallow'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Task } from '../../shared/domain/task.ts'
import { useEntities } from '../state/entities.ts'
import { shownAttempts } from '../state/selection.ts'
import { focusTile } from '../state/ui.ts'
import { plainLine, took } from '../ui/format.ts'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { ATTEMPT_LOOK } from '../ui/status-look.ts'
import { usualTime } from './DecisionTimes.tsx'
import { useDecisionTimes } from './use-decision-times.ts'
import './history.css'

/** What was decided about each attempt of the round, and how long it took: a line for each, siblings of a winner among them. */
export function VerdictsCard({ task }: { task: Task }) {
  const attempts = useEntities(useShallow((state) => shownAttempts(state, task)))
  const judged = attempts.filter((attempt) => attempt.verdict)
  const usual = usualTime(useDecisionTimes(task.repoId, judged.length))
  return (
    <div className="verdicts" data-testid="verdicts">
      <ul>
        {judged.map((attempt) => (
          <li key={attempt.id} data-kind={attempt.verdict?.kind}>
            <button type="button" onClick={() => focusTile(task.id, attempt.n)}>
              <StatusIcon look={ATTEMPT_LOOK[attempt.status]} size={13} />
              <span className="fact-n">#{attempt.n}</span>
              <span className="verdict-words">{verdictText(attempt)}</span>
              <span className="num rail-quiet">{timeText(attempt)}</span>
            </button>
          </li>
        ))}
      </ul>
      {usual ? <p className="rail-quiet">{usual}.</p> : null}
    </div>
  )
}

const lostToSibling = (attempt: Attempt): boolean =>
  attempt.verdict?.reasons.includes('lost to sibling') ?? false

/** “mergeable”, “trash: no tests”, “lost to #2”, with the note that was written beside it. */
function verdictText(attempt: Attempt): string {
  const { verdict } = attempt
  if (!verdict) return ''
  // The reason names the winner, also when that one has lost its verdict since.
  if (lostToSibling(attempt))
    return /^Lost to #\d+/.exec(attempt.reason ?? '')?.[0].toLowerCase() ?? 'lost to a sibling'
  const why = [verdict.reasons.join(', '), plainLine(verdict.note, 300)].filter(Boolean).join('; ')
  return why ? `${verdict.kind}: ${why}` : verdict.kind
}

/** From ready to the engineer's verdict; empty where nobody decided, or nothing was ready. */
function timeText(attempt: Attempt): string {
  const { verdict, readyAt } = attempt
  if (!verdict || readyAt === null || lostToSibling(attempt)) return ''
  return took(Math.max(0, verdict.at - readyAt))
}
