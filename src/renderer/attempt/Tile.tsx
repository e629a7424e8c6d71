import { memo, useCallback } from 'react'
import { showRecording } from '../history/replay-ui.ts'
import { useEntities } from '../state/entities.ts'
import { focusTile, useUi } from '../state/ui.ts'
import { TerminalView } from '../terminal/TerminalView.tsx'
import { ATTEMPT_LOOK } from '../ui/status-look.ts'
import { AnswerBox } from './AnswerBox.tsx'
import { AttentionBar } from './AttentionBar.tsx'
import { EndBar } from './EndBar.tsx'
import { neverRan } from './end-text.ts'
import { NeverRan } from './NeverRan.tsx'
import { PreparingSteps } from './PreparingSteps.tsx'
import { TileFoot } from './TileFoot.tsx'
import { TileHead } from './TileHead.tsx'
import { UndoBanner } from './UndoBanner.tsx'
import './tile.css'

/** One attempt: who it is, how it stands, its terminal, its evidence and its verdict. */
export const Tile = memo(function Tile({ attemptId, focused }: { attemptId: string; focused: boolean }) {
  const attempt = useEntities((state) => state.attempts[attemptId])
  // Always the same one: the terminal is not drawn anew with its tile.
  const showOlder = useCallback((lines: readonly string[]) => showRecording(attemptId, lines), [attemptId])
  if (!attempt) return null
  const before = attempt.status === 'pending' || attempt.status === 'preparing'
  const gone = attempt.status === 'trashed' || attempt.status === 'lost'
  return (
    <section
      className="tile"
      data-testid={`tile-${attempt.n}`}
      data-status={attempt.status}
      data-focused={focused}
      data-gone={gone}
      data-attention={attempt.attention?.kind}
      aria-label={`Attempt ${attempt.n}, ${attempt.agent}, ${ATTEMPT_LOOK[attempt.status].text}`}
      aria-current={focused || undefined}
      onPointerDownCapture={() => {
        if (!focused) focusTile(attempt.taskId, attempt.n)
      }}
      onFocusCapture={() => {
        if (useUi.getState().focusedTile[attempt.taskId] !== attempt.n) focusTile(attempt.taskId, attempt.n)
      }}
    >
      <TileHead attempt={attempt} />
      {attempt.terminalId && !before ? (
        <TerminalView
          terminalId={attempt.terminalId}
          label={`Terminal of attempt ${attempt.n}`}
          testId={`tile-terminal-${attempt.n}`}
          onOlder={showOlder}
        />
      ) : (
        <div className="tile-before">
          {neverRan(attempt) ? <NeverRan attempt={attempt} /> : <PreparingSteps attempt={attempt} />}
        </div>
      )}
      <AttentionBar attempt={attempt} />
      {neverRan(attempt) ? null : <EndBar attempt={attempt} />}
      <UndoBanner attempt={attempt} />
      <div className="tile-bottom" data-asks={attempt.status === 'waiting'}>
        {attempt.status === 'waiting' ? <AnswerBox attempt={attempt} /> : null}
        <TileFoot attempt={attempt} />
      </div>
    </section>
  )
})
