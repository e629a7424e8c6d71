import { useEffect } from 'react'
import { create } from 'zustand'
import type { Overlap } from '../../shared/domain/review.ts'
import { type App, outcomeOf, useApp } from '../connection/app-context.ts'
import { useEntities } from './entities.ts'

interface Radar {
  /** Conflicts that are known, by attempt: what it conflicts with (null: its base) and in which files. */
  byAttempt: Readonly<Record<string, readonly { other: string | null; files: readonly string[] }[]>>
}

export const useOverlaps = create<Radar>(() => ({ byAttempt: {} }))

/** Heads move in bursts while agents work; a merge of every pair costs git processes. */
const SETTLE_MS = 3_000
/** While pairs are still unknown the core is asked again after this. */
const UNCHECKED_MS = 8_000

/** Asks for the overlaps of a repository when one of its heads has moved and come to rest, as long as it is on screen. */
export function useOverlapRadar(repoId: string | null): void {
  const app = useApp()
  const heads = useEntities((state) =>
    Object.values(state.attempts)
      .filter(
        (attempt) => attempt.repoId === repoId && !attempt.trashRef && attempt.headSha !== attempt.baseSha,
      )
      .map((attempt) => `${attempt.id}@${attempt.headSha}`)
      .sort()
      .join(),
  )
  useEffect(() => {
    // Nothing was changed anywhere: nothing can conflict.
    if (repoId === null || heads === '') return useOverlaps.setState({ byAttempt: {} })
    let timer: ReturnType<typeof setTimeout> | null = null
    let gone = false
    const ask = async () => {
      const unchecked = await read(app, repoId, () => gone)
      if (!gone && unchecked > 0) timer = setTimeout(() => void ask(), UNCHECKED_MS)
    }
    timer = setTimeout(() => void ask(), SETTLE_MS)
    return () => {
      gone = true
      if (timer) clearTimeout(timer)
    }
  }, [app, repoId, heads])
}

/** How many pairs are not known yet. A failure leaves what was known: it is a hint, and the next head asks again. */
async function read(app: App, repoId: string, gone: () => boolean): Promise<number> {
  const outcome = await outcomeOf(() => app.core().review.overlaps({ repoId }))
  if (!outcome.ok || gone()) return 0
  useOverlaps.setState({ byAttempt: byAttempt(outcome.value.overlaps) })
  return outcome.value.unchecked
}

/** Each overlap seen from both of its ends. */
export function byAttempt(overlaps: readonly Overlap[]): Radar['byAttempt'] {
  const found: Record<string, { other: string | null; files: readonly string[] }[]> = {}
  const add = (id: string, other: string | null, files: readonly string[]) => {
    const list = found[id] ?? []
    list.push({ other, files })
    found[id] = list
  }
  for (const { a, b, files } of overlaps) {
    add(a, b, files)
    if (b !== null) add(b, a, files)
  }
  return found
}
