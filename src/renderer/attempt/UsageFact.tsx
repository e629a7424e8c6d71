import type { Attempt } from '../../shared/domain/attempt.ts'
import { money } from '../ui/format.ts'
import { tokens, usageDetails } from './usage-text.ts'

/** Money, tokens and turns of an attempt as far as its agent tells them. */
export function UsageFact({ attempt: { usage } }: { attempt: Attempt }) {
  if (!usage) return null
  return (
    <span className="tile-usage" data-testid="usage" title={usageDetails(usage)}>
      {usage.cost === null ? '' : `${money(usage.cost)} · `}
      {tokens(usage)}
      {usage.turns > 0 ? ` · ${usage.turns}t` : ''}
    </span>
  )
}
