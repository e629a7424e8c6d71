import { Bell, Maximize2, Minimize2 } from 'lucide-react'
import { memo } from 'react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { isOver, isUnfinished } from '../../shared/machines/attempt-machine.ts'
import { OverlapChip } from '../review/OverlapChip.tsx'
import { useSignals } from '../state/signals.ts'
import { focusTile, useUi } from '../state/ui.ts'
import { Elapsed, momentOf } from '../ui/Elapsed.tsx'
import { NOW, plainLine } from '../ui/format.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { chordsOf } from '../ui/keymap.ts'
import { useTimeText } from '../ui/now.ts'
import { onMac } from '../ui/platform.ts'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { ATTEMPT_LOOK } from '../ui/status-look.ts'
import { ageText, MINUTE_MS } from '../ui/time-text.ts'
import { AgentIcon } from './AgentIcon.tsx'
import { TileMenu } from './TileMenu.tsx'

const SOURCE_SAYS: Record<Attempt['statusSource'], string> = {
  core: 'Quartet',
  process: 'the agent’s process',
  hook: 'the agent’s hook',
  output: 'the agent’s output',
  screen: 'the agent’s screen',
  engineer: 'you',
}

export const TileHead = memo(function TileHead({ attempt }: { attempt: Attempt }) {
  const zoomed = useUi((state) => state.zoomed)
  const rang = useSignals((state) => attempt.terminalId !== null && attempt.terminalId in state.bells)
  const title = useSignals((state) => state.byAttempt[attempt.id]?.title)
  const look = ATTEMPT_LOOK[attempt.status]
  const { scenario, model } = attempt.slot
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a shortcut for the pointer; the button beside does the same
    <header className="tile-head" onDoubleClick={() => useUi.setState({ zoomed: !zoomed })}>
      <span className="tile-n">{attempt.n}</span>
      <AgentIcon agent={attempt.agent} />
      <span
        className="tile-agent truncate"
        title={[attempt.agent, scenario, model].filter(Boolean).join(' · ')}
      >
        {scenario ? (
          <>
            <span className="tile-family">{attempt.agent} · </span>
            {scenario}
          </>
        ) : (
          attempt.agent
        )}
        {model ? <span className="tile-model"> {model}</span> : null}
      </span>
      <span
        className="tile-status"
        data-tone={look.tone}
        title={`Known from ${SOURCE_SAYS[attempt.statusSource]}, since ${momentOf(attempt.statusAt)}`}
      >
        <StatusIcon look={look} size={13} />
        <span>{look.text}</span>
      </span>
      <span className="tile-more">
        {isOver(attempt.status) ? null : (
          <StatusAge
            since={attempt.statusAt}
            told={isUnfinished(attempt.status) ? attempt.startedAt : null}
          />
        )}
        {title ? (
          <span className="tile-title truncate" title={plainLine(title)}>
            {plainLine(title)}
          </span>
        ) : null}
      </span>
      <OverlapChip attemptId={attempt.id} />
      {rang ? (
        <span title="The terminal rang" role="img" aria-label="The terminal rang" className="tile-bell">
          <Bell size={12} />
        </span>
      ) : null}
      {attempt.startedAt ? (
        <span className="tile-time num" title={`Time at work, since ${momentOf(attempt.startedAt)}`}>
          <Elapsed
            since={attempt.startedAt}
            until={isUnfinished(attempt.status) ? null : (attempt.endedAt ?? attempt.readyAt)}
          />
        </span>
      ) : null}
      <IconButton
        label={zoomed ? 'Back to all tiles' : 'Zoom'}
        kbd={chordsOf('tile.zoom', onMac)[0]}
        size="s"
        onClick={() => {
          focusTile(attempt.taskId, attempt.n)
          useUi.setState({ zoomed: !zoomed })
        }}
      >
        {zoomed ? <Minimize2 size={13} /> : <Maximize2 size={13} />}
      </IconButton>
      <TileMenu attempt={attempt} />
    </header>
  )
})

/** How old the status is, once that is a minute. `told` is when the time at work began that stands at the end of the head. */
function StatusAge({ since, told }: { since: number; told: number | null }) {
  const text = useTimeText(ageText, since)
  if (text === NOW) return null
  return (
    <span className="tile-age num" data-told={told !== null && since - told < MINUTE_MS}>
      {text}
    </span>
  )
}
