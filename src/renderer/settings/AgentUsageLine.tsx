import { useMemo } from 'react'
import { isOver } from '../../shared/machines/attempt-machine.ts'
import { usageOfAgent } from '../attempt/usage-text.ts'
import { useEntities } from '../state/entities.ts'
import { compact, money, plainLine, plural } from '../ui/format.ts'

/** What the known attempts of an agent used, and the limit that holds new ones back. */
export function AgentUsageLine({ agent }: { agent: string }) {
  const attempts = useEntities((state) => state.attempts)
  const used = useMemo(() => usageOfAgent(Object.values(attempts), agent), [attempts, agent])
  const limit = useMemo(
    () =>
      Object.values(attempts).find(
        (attempt) =>
          attempt.agent === agent && attempt.attention?.kind === 'limit' && !isOver(attempt.status),
      )?.attention?.detail,
    [attempts, agent],
  )
  return (
    <>
      {used ? (
        <p className="rail-quiet num" data-testid={`usage-${agent}`}>
          {plural(used.attempts, 'attempt')}: {compact(used.tokens)} tokens, {plural(used.turns, 'turn')}
          {used.unpriced < used.attempts ? `, ${money(used.cost)}` : ''}
          {used.unpriced > 0 ? ` (no price known for ${used.unpriced})` : ''}
        </p>
      ) : null}
      {limit ? <p className="agent-problem">{plainLine(limit, 400)}</p> : null}
    </>
  )
}
