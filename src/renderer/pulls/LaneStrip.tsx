import { ArrowDown, ArrowUp, CirclePause, CirclePlay, Ellipsis, GitMerge, ListX } from 'lucide-react'
import { useMemo } from 'react'
import type { LandRun } from '../../shared/domain/landing.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { openTask, useUi } from '../state/ui.ts'
import { Elapsed } from '../ui/Elapsed.tsx'
import { plainLine } from '../ui/format.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { letGo } from '../ui/let-go.ts'
import { Menu, MenuItem, MenuLine } from '../ui/Menu.tsx'
import { canPause, canTakeOut, type Lane, lanesOf, PHASE_TEXT, placeBefore, TONE } from './land-phases.ts'
import { PhaseSteps } from './PhaseSteps.tsx'
import './lane.css'

/** What lands now and what waits behind it, one lane per repository and base. Nothing is shown while no lane is in use. */
export function LaneStrip() {
  const repoId = useUi((state) => state.repoId)
  const runs = useEntities((state) => state.landRuns)
  const lanes = useMemo(() => lanesOf(runs, repoId), [runs, repoId])
  if (lanes.length === 0) return null
  return (
    <section className="lanes" data-testid="lane-strip" aria-label="Land lanes">
      {lanes.map((lane) => (
        <LaneList key={lane.key} lane={lane} />
      ))}
    </section>
  )
}

function LaneList({ lane }: { lane: Lane }) {
  const repo = useEntities((state) => state.repositories[lane.repoId]?.name ?? '')
  return (
    <div className="lane">
      <h2 className="group-head">
        <GitMerge size={12} aria-hidden="true" />
        <span className="truncate" title={`${repo}, ${lane.baseBranch}`}>
          Lane of {plainLine(repo, 60)} · <span className="mono">{plainLine(lane.baseBranch, 60)}</span>
        </span>
        <span className="group-count">{lane.runs.length}</span>
      </h2>
      <ol>
        {lane.runs.map((run, index) => (
          <RunRow key={run.id} run={run} place={index + 1} lane={lane} />
        ))}
      </ol>
    </div>
  )
}

const STATUS_TEXT: Partial<Record<LandRun['status'], string>> = {
  waiting: 'waits',
  fixing: 'being fixed by its agent',
  paused: 'paused',
}
function RunRow({ run, place, lane }: { run: LandRun; place: number; lane: Lane }) {
  const title = useEntities((state) => state.tasks[run.taskId]?.title ?? '')
  const n = useEntities((state) => state.attempts[run.attemptId]?.n)
  const forge = useEntities((state) => state.repositories[run.repoId]?.forge ?? 'local')
  const current = useUi((state) => state.taskId === run.taskId && state.page === 'board')
  const status = STATUS_TEXT[run.status]
  return (
    <li className="lane-run" data-testid="lane-run" data-status={run.status}>
      <button
        type="button"
        className="lane-open"
        aria-current={current ? 'page' : undefined}
        onClick={(event) => {
          letGo(event)
          openTask(run.taskId, n)
        }}
      >
        <span className="lane-place num" title={`Place ${place} of ${lane.runs.length}`}>
          {place}
        </span>
        <span className="row-main">
          <span className="row-line">
            <span className="row-title truncate">{plainLine(title)}</span>
            <span className="row-age num">
              <Elapsed since={run.startedAt} />
            </span>
          </span>
          <PhaseSteps run={run} forge={forge} />
          <span className="row-sub">
            {PHASE_TEXT[run.phase]}
            {status ? ` · ${status}` : ''}
            {run.fixes > 0 ? ` · fix round ${run.fixes}` : ''}
          </span>
          {run.reason && run.status !== 'paused' ? (
            <span className="lane-reason" data-tone={TONE[run.status]} title={plainLine(run.reason, 300)}>
              {plainLine(run.reason, 300)}
            </span>
          ) : null}
        </span>
      </button>
      <RunMenu run={run} lane={lane} />
    </li>
  )
}

function RunMenu({ run, lane }: { run: LandRun; lane: Lane }) {
  const { core } = useApp()
  const up = placeBefore(lane, run.id, -1)
  const down = placeBefore(lane, run.id, 1)
  const move = (before: string | null | undefined) => {
    if (before !== undefined) void callOrToast(() => core().landing.reorder({ id: run.id, before }))
  }
  return (
    <Menu
      align="end"
      trigger={
        <IconButton label="More for this landing" size="s">
          <Ellipsis size={14} />
        </IconButton>
      }
    >
      {run.status === 'paused' ? (
        <MenuItem
          icon={<CirclePlay size={14} />}
          onSelect={() => void callOrToast(() => core().landing.resume({ id: run.id }))}
        >
          Go on
        </MenuItem>
      ) : (
        <MenuItem
          icon={<CirclePause size={14} />}
          off={!canPause(run)}
          onSelect={() => void callOrToast(() => core().landing.pause({ id: run.id }))}
        >
          Pause after this step
        </MenuItem>
      )}
      <MenuItem icon={<ArrowUp size={14} />} off={up === undefined} onSelect={() => move(up)}>
        Move up
      </MenuItem>
      <MenuItem icon={<ArrowDown size={14} />} off={down === undefined} onSelect={() => move(down)}>
        Move down
      </MenuItem>
      <MenuLine />
      <MenuItem
        icon={<ListX size={14} />}
        off={!canTakeOut(run)}
        onSelect={() => void callOrToast(() => core().landing.remove({ id: run.id }))}
      >
        Take out and judge again
      </MenuItem>
    </Menu>
  )
}
