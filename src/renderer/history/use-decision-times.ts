import { useEffect, useState } from 'react'
import type { CoreClient } from '../../shared/contract/client.ts'
import { outcomeOf, useApp } from '../connection/app-context.ts'

export type DecisionTimes = Awaited<ReturnType<CoreClient['review']['decisionTimes']>>

/** How long verdicts took in a repository; asked anew when `verdicts` (how many there are on screen) changes. Null until known. */
export function useDecisionTimes(repoId: string, verdicts: number): DecisionTimes | null {
  const { core } = useApp()
  const [times, setTimes] = useState<DecisionTimes | null>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the number is what says that there is more to know
  useEffect(() => {
    let gone = false
    void outcomeOf(() => core().review.decisionTimes({ repoId })).then((outcome) => {
      // A failure leaves what was known: these figures decide nothing.
      if (!gone && outcome.ok) setTimes(outcome.value)
    })
    return () => {
      gone = true
    }
  }, [core, repoId, verdicts])
  return times
}
