import type { Attempt, TrashReason } from '../../shared/domain/attempt.ts'
import { canAttempt } from '../../shared/machines/attempt-machine.ts'
import { type App, callOrToast, outcomeOf } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { blockersOf, checksOf, findingsOf } from '../state/evidence.ts'
import { toast } from '../state/toasts.ts'
import { useUi } from '../state/ui.ts'

/** Why an attempt cannot be called mergeable now; null when it can. */
export function mergeableBlocked(attempt: Attempt | null): string | null {
  if (!attempt) return 'No attempt is focused.'
  // The core refuses it as well; a failed attempt has a verdict due that can only be trash then.
  if (changedNothing(attempt)) return `#${attempt.n} changed nothing: there is nothing to land.`
  if (canAttempt(attempt.status, 'approve')) return null
  if (attempt.verdict) return `#${attempt.n} has its verdict.`
  return `#${attempt.n} is not ready for a verdict yet.`
}

/** Its agent never ran; or its head is its base, and nothing is left uncommitted either. */
function changedNothing(attempt: Attempt): boolean {
  if (!canAttempt(attempt.status, 'approve')) return false
  if (attempt.terminalId === null && attempt.headSha === null) return true
  if (attempt.diffstat === null) return false
  return attempt.diffstat.files === 0 && (attempt.headSha ?? attempt.baseSha) === attempt.baseSha
}

/** Why an attempt cannot be trashed now; null when it can. */
export function trashBlocked(attempt: Attempt | null): string | null {
  if (!attempt) return 'No attempt is focused.'
  return canAttempt(attempt.status, 'trash') ? null : `#${attempt.n} is ${attempt.status} already.`
}

/** Why there is nothing to undo; null when there is. `now` in ms. */
export function undoBlocked(attempt: Attempt | null, now: number): string | null {
  if (!attempt?.verdict) return 'There is no verdict to undo.'
  return attempt.verdict.undoUntil > now ? null : 'The ten seconds for undo are over. Restore brings it back.'
}

/** Calls an attempt mergeable; open P0 findings and red checks ask for a reason first. */
export async function markMergeable(app: App, attempt: Attempt, overrideReason?: string): Promise<void> {
  const entities = useEntities.getState()
  const blockers = blockersOf(checksOf(entities, attempt.id), findingsOf(entities, attempt.id))
  if (blockers.length > 0 && overrideReason === undefined) {
    useUi.setState({ overriding: attempt.id })
    return
  }
  const outcome = await outcomeOf(() =>
    app.core().attempts.verdict({
      id: attempt.id,
      kind: 'mergeable',
      ...(attempt.headSha ? { headSha: attempt.headSha } : {}),
      ...(overrideReason === undefined ? {} : { overrideReason }),
    }),
  )
  if (outcome.ok) useUi.setState({ overriding: null, trashing: null })
  else if (outcome.code === 'blocked_by_findings') useUi.setState({ overriding: attempt.id })
  else toast('bad', outcome.message)
}

export async function trash(
  app: App,
  attempt: Attempt,
  reasons: TrashReason[] = [],
  note = '',
): Promise<void> {
  useUi.setState({ trashing: null })
  await callOrToast(() =>
    app.core().attempts.verdict({
      id: attempt.id,
      kind: 'trash',
      ...(attempt.headSha ? { headSha: attempt.headSha } : {}),
      reasons,
      note,
    }),
  )
}

export async function undoVerdict(app: App, attempt: Attempt): Promise<void> {
  await callOrToast(() => app.core().attempts.undo({ id: attempt.id }))
}

export async function stopAgent(app: App, attempt: Attempt): Promise<void> {
  await callOrToast(() => app.core().attempts.stop({ id: attempt.id }))
}

export async function resumeAgent(app: App, attempt: Attempt): Promise<void> {
  await callOrToast(() => app.core().attempts.resume({ id: attempt.id }))
}

export async function restoreAttempt(app: App, attempt: Attempt): Promise<void> {
  const restored = await callOrToast(() => app.core().attempts.restore({ id: attempt.id }))
  if (restored) toast('ok', `#${attempt.n} is back in its worktree.`)
}
