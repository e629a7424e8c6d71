import { X } from 'lucide-react'
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Task } from '../../shared/domain/task.ts'
import { AgentIcon } from '../attempt/AgentIcon.tsx'
import { useEntities } from '../state/entities.ts'
import { focusedOf, shownAttempts } from '../state/selection.ts'
import { useUi } from '../state/ui.ts'
import { clockTime, dayOf, duration } from '../ui/format.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { Select } from '../ui/Select.tsx'
import { Skeleton } from '../ui/Skeleton.tsx'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { ReplayControls } from './ReplayControls.tsx'
import { type FactMark, factMarks, marksOfRun, neighbour } from './replay-facts.ts'
import { type ReplayPlayer, SPEEDS } from './replay-player.ts'
import { takePlace } from './replay-ui.ts'
import { useReplay } from './use-replay.ts'
import '@xterm/xterm/css/xterm.css'
import '../terminal/terminal.css'
import './replay.css'

/** What the focused attempt's terminal showed, from its beginning on, with what happened beside it. */
export default function Replay({ task }: { task: Task }) {
  const remembered = useUi((state) => state.focusedTile[task.id])
  const attempt = useEntities((state) => focusedOf(shownAttempts(state, task), remembered))
  const epoch = useEntities((state) =>
    attempt?.terminalId ? (state.terminals[attempt.terminalId]?.epoch ?? 0) : 0,
  )
  return attempt ? <Recording key={`${attempt.id} ${epoch}`} attempt={attempt} epoch={epoch} /> : null
}

const STEP_MS = 5_000
const leave = () => useUi.setState({ pane: 'terminals' })

function Recording({ attempt, epoch }: { attempt: Attempt; epoch: number }) {
  const root = useRef<HTMLElement>(null)
  const host = useRef<HTMLDivElement>(null)
  const [run, setRun] = useState<number | null>(null)
  const [lines] = useState(() => takePlace(attempt.id))
  const replay = useReplay(attempt, epoch, run, run === null ? lines : null, host)
  const ready = replay.phase === 'ready' ? replay : null
  const shownRun = run ?? epoch
  const marks = useMemo(
    () => (ready ? marksOfRun(factMarks(ready.facts), ready.timeline, shownRun, ready.runs) : []),
    [ready, shownRun],
  )
  useEffect(() => root.current?.focus(), [])
  return (
    <section
      ref={root}
      className="replay"
      data-testid="replay"
      aria-label={`Replay of attempt ${attempt.n}`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the player takes keys as a whole
      tabIndex={0}
      onKeyDown={(event) => {
        if (!ready || event.ctrlKey || event.metaKey || event.altKey) return
        const pressed =
          event.target instanceof HTMLElement && event.target.closest('button, [role="combobox"]')
        if (pressed && (event.key === ' ' || event.key === 'Enter')) return
        if (steer(ready.player, ready.timeline, marks, event.key, event.shiftKey)) event.preventDefault()
      }}
    >
      <header className="replay-head">
        <span className="tile-n">{attempt.n}</span>
        <AgentIcon agent={attempt.agent} />
        <strong>{attempt.agent}</strong>
        {ready ? (
          <span className="rail-quiet num truncate">
            {dayOf(ready.timeline.start)} {clockTime(ready.timeline.start)} – {clockTime(ready.timeline.end)}{' '}
            · {duration(ready.timeline.end - ready.timeline.start)}
            {ready.live ? ' · still running; this is what it wrote until now' : ''}
          </span>
        ) : null}
        <span className="spacer" />
        {epoch > 1 ? (
          <Select
            label="Run of the agent"
            testId="replay-run"
            width={112}
            value={String(shownRun)}
            options={Array.from({ length: epoch }, (_, i) => ({
              value: String(epoch - i),
              label: `Run ${epoch - i} of ${epoch}`,
            }))}
            onChange={(value) => setRun(Number(value))}
          />
        ) : null}
        <IconButton label="Back to the terminals" kbd="Esc" size="s" onClick={leave}>
          <X size={15} />
        </IconButton>
      </header>
      <div className="replay-body">
        <div className="terminal-place replay-stage">
          <div ref={host} className="replay-host" />
          {replay.phase === 'loading' ? <Skeleton height={160} /> : null}
          {replay.phase === 'empty' ? (
            <p className="replay-note">Nothing was recorded: its terminal has not written anything yet.</p>
          ) : null}
          {replay.phase === 'problem' ? (
            <p className="replay-note" role="alert">
              {replay.message}
            </p>
          ) : null}
        </div>
        {ready ? <MarkList player={ready.player} marks={marks} end={ready.timeline.end} /> : null}
      </div>
      {ready ? <ReplayControls player={ready.player} timeline={ready.timeline} marks={marks} /> : null}
    </section>
  )
}

/** Gives a key to the player; false when it is none of its keys. */
function steer(
  player: ReplayPlayer,
  timeline: { start: number; end: number },
  marks: readonly FactMark[],
  key: string,
  shift: boolean,
): boolean {
  const { at, playing, speed } = player.get()
  const faster = SPEEDS.find((one) => one > speed)
  const slower = SPEEDS.findLast((one) => one < speed)
  switch (key) {
    case ' ':
      if (playing) player.pause()
      else player.play()
      return true
    case 'ArrowLeft':
    case 'ArrowRight': {
      const by = key === 'ArrowRight' ? 1 : -1
      const to = shift ? neighbour(marks, at, by)?.at : at + by * STEP_MS
      if (to !== undefined) void player.seek(to)
      return true
    }
    case 'Home':
      void player.seek(timeline.start)
      return true
    case 'End':
      void player.seek(timeline.end)
      return true
    case '>':
      if (faster) player.setSpeed(faster)
      return true
    case '<':
      if (slower) player.setSpeed(slower)
      return true
    default:
      return false
  }
}

function MarkList({ player, marks, end }: { player: ReplayPlayer; marks: readonly FactMark[]; end: number }) {
  const current = useSyncExternalStore(
    player.subscribe,
    () => marks.findLast((mark) => mark.at <= player.get().at)?.seq ?? null,
  )
  return (
    <aside className="replay-marks" aria-label="What happened">
      {marks.length === 0 ? <p className="rail-quiet">No commit, check, question or verdict yet.</p> : null}
      <ol>
        {marks.map((mark) => (
          <li key={mark.seq}>
            <button
              type="button"
              className="replay-mark-row"
              aria-current={mark.seq === current ? 'step' : undefined}
              onClick={() => void player.seek(mark.at)}
            >
              <StatusIcon look={{ shape: mark.shape, tone: mark.tone, text: '' }} size={13} />
              <span className="replay-mark-text">{mark.text}</span>
              <time className="rail-quiet num" dateTime={new Date(mark.at).toISOString()}>
                {clockTime(mark.at)}
                {mark.at > end ? ' (after)' : ''}
              </time>
            </button>
          </li>
        ))}
      </ol>
    </aside>
  )
}
