import { useCallback, useMemo, useState } from 'react'
import type { Fact } from '../../shared/domain/fact.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'

const PAGE = 200

/** The facts of a task, newest first: those that came with the state, and older ones on demand. */
export function useFacts(taskId: string): {
  facts: Fact[]
  more: boolean
  loading: boolean
  loadOlder: () => void
} {
  const { core } = useApp()
  const recent = useEntities((state) => state.facts)
  const [older, setOlder] = useState<readonly Fact[]>([])
  const [ended, setEnded] = useState(false)
  const [loading, setLoading] = useState(false)

  const facts = useMemo(() => {
    const bySeq = new Map<number, Fact>()
    for (const fact of recent) if (fact.taskId === taskId) bySeq.set(fact.seq, fact)
    for (const fact of older) bySeq.set(fact.seq, fact)
    return [...bySeq.values()].sort((a, b) => b.seq - a.seq)
  }, [recent, older, taskId])

  const last = facts.at(-1)?.seq
  const loadOlder = useCallback(() => {
    setLoading(true)
    void callOrToast(() =>
      core().history.facts({ taskId, limit: PAGE, ...(last === undefined ? {} : { before: last }) }),
    ).then((page) => {
      setLoading(false)
      if (!page) return
      setOlder((have) => [...have, ...page])
      if (page.length < PAGE) setEnded(true)
    })
  }, [core, taskId, last])

  return { facts, more: !ended, loading, loadOlder }
}
