import { Plug } from 'lucide-react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { PORTS_PER_ATTEMPT } from '../../shared/domain/attempt.ts'
import { money } from '../ui/format.ts'
import { tokens, usageDetails } from './usage-text.ts'

/** Money, tokens and turns of an attempt as far as its agent tells them, and the ports that are its own. */
export function UsageFact({ attempt }: { attempt: Attempt }) {
  const { usage, portBase } = attempt
  return (
    <>
      {usage ? (
        <span className="tile-usage" data-testid="usage" title={usageDetails(usage)}>
          {usage.cost === null ? '' : `${money(usage.cost)} · `}
          {tokens(usage)}
          {usage.turns > 0 ? ` · ${usage.turns}t` : ''}
        </span>
      ) : null}
      {portBase === null ? null : (
        <span
          className="tile-fact tile-quiet"
          title={`Ports ${portBase}–${portBase + PORTS_PER_ATTEMPT - 1} are this attempt’s own ($PORT is ${portBase})`}
        >
          <Plug size={12} aria-hidden="true" />
          {portBase}
        </span>
      )}
    </>
  )
}
