import { create } from 'zustand'
import { useEntities } from '../state/entities.ts'
import { focusTile, useUi } from '../state/ui.ts'

/** Where a recording shall open: at these lines of the newest run of this attempt. Taken by the player that opens it. */
interface ReplayUi {
  from: { attemptId: string; lines: readonly string[] } | null
}

const useReplayUi = create<ReplayUi>(() => ({ from: null }))

/** Opens the recording of an attempt at these lines. */
export function showRecording(attemptId: string, lines: readonly string[]): void {
  const attempt = useEntities.getState().attempts[attemptId]
  if (!attempt) return
  useReplayUi.setState({ from: { attemptId, lines } })
  focusTile(attempt.taskId, attempt.n)
  useUi.setState({ pane: 'replay' })
}

/** The place that was asked for of this attempt, once. */
export function takePlace(attemptId: string): readonly string[] | null {
  const { from } = useReplayUi.getState()
  if (from?.attemptId !== attemptId) return null
  useReplayUi.setState({ from: null })
  return from.lines
}
