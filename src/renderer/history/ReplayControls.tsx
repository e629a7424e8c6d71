import { FastForward, Pause, Play, SkipBack, SkipForward } from 'lucide-react'
import { useSyncExternalStore } from 'react'
import { clockTime, duration } from '../ui/format.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { Select } from '../ui/Select.tsx'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { type FactMark, neighbour } from './replay-facts.ts'
import { type ReplayPlayer, SPEEDS } from './replay-player.ts'
import type { ReplayTimeline } from './replay-time.ts'

/** Play, pause, speed, and the scrubber with its marks. */
export function ReplayControls({
  player,
  timeline,
  marks,
}: {
  player: ReplayPlayer
  timeline: ReplayTimeline
  marks: readonly FactMark[]
}) {
  const state = useSyncExternalStore(player.subscribe, player.get)
  const span = Math.max(1, timeline.end - timeline.start)
  const percent = (at: number) => `${Math.min(100, Math.max(0, ((at - timeline.start) / span) * 100))}%`
  const toMark = (by: -1 | 1) => {
    const mark = neighbour(marks, state.at, by)
    if (mark) void player.seek(mark.at)
  }
  return (
    <footer className="replay-foot">
      <div className="replay-track">
        <div className="replay-rail" />
        <div className="replay-done" style={{ width: percent(state.at) }} />
        <input
          type="range"
          className="replay-range"
          aria-label="Moment of the recording"
          aria-valuetext={`${duration(state.at - timeline.start)} of ${duration(span)}`}
          min={timeline.start}
          max={timeline.end}
          step={10}
          value={state.at}
          onChange={(event) => void player.seek(Number(event.target.value))}
        />
        {marks.map((mark) => (
          <button
            key={mark.seq}
            type="button"
            className="replay-mark"
            data-tone={mark.tone}
            data-testid="replay-mark"
            tabIndex={-1}
            style={{ left: percent(mark.at) }}
            title={`${clockTime(mark.at)} ${mark.text}`}
            aria-label={mark.text}
            onClick={() => void player.seek(mark.at)}
          >
            <StatusIcon look={{ shape: mark.shape, tone: mark.tone, text: '' }} size={11} />
          </button>
        ))}
      </div>
      <div className="replay-buttons">
        <IconButton
          label="Mark before"
          kbd="Shift ←"
          off={!neighbour(marks, state.at, -1)}
          onClick={() => toMark(-1)}
        >
          <SkipBack size={15} />
        </IconButton>
        <IconButton
          label={state.playing ? 'Pause' : 'Play'}
          kbd="Space"
          data-testid="replay-play"
          onClick={() => (state.playing ? player.pause() : player.play())}
        >
          {state.playing ? <Pause size={16} /> : <Play size={16} />}
        </IconButton>
        <IconButton
          label="Next mark"
          kbd="Shift →"
          off={!neighbour(marks, state.at, 1)}
          onClick={() => toMark(1)}
        >
          <SkipForward size={15} />
        </IconButton>
        <span className="num replay-time" data-testid="replay-time">
          {duration(state.at - timeline.start)} <span className="rail-quiet">of {duration(span)}</span>
        </span>
        <span className="num rail-quiet">{clockTime(state.at)}</span>
        {state.drawing ? <span className="rail-quiet">drawing…</span> : null}
        {state.problem ? (
          <span className="replay-problem truncate" role="alert">
            {state.problem}
          </span>
        ) : null}
        <span className="spacer" />
        <button
          type="button"
          className="replay-skip"
          aria-pressed={state.skipSilence}
          onClick={() => player.setSkipSilence(!state.skipSilence)}
        >
          <FastForward size={13} /> Skip silence
        </button>
        <Select
          label="Speed"
          width={72}
          value={String(state.speed)}
          options={SPEEDS.map((speed) => ({ value: String(speed), label: `${speed}×` }))}
          onChange={(value) => player.setSpeed(Number(value))}
        />
      </div>
    </footer>
  )
}
