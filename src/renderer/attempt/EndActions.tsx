import { Play, RotateCcw } from 'lucide-react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { useApp } from '../connection/app-context.ts'
import { Button } from '../ui/Button.tsx'
import { canRestore, canResume, startWord } from './TileMenu.tsx'
import { restoreAttempt, resumeAgent } from './verdict-actions.ts'

/** The ways on from an end, as far as there are any now. */
export function EndActions({ attempt }: { attempt: Attempt }) {
  const app = useApp()
  return (
    <>
      {canResume(attempt) && attempt.status !== 'stalled' ? (
        <Button size="s" onClick={() => void resumeAgent(app, attempt)}>
          <Play size={13} /> {startWord(attempt)}
        </Button>
      ) : null}
      {canRestore(attempt) ? (
        <Button size="s" onClick={() => void restoreAttempt(app, attempt)}>
          <RotateCcw size={13} /> Restore
        </Button>
      ) : null}
    </>
  )
}
