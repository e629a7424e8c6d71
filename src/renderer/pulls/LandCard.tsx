import { Check, ChevronRight, Circle, CirclePause, GitMerge, LoaderCircle, TriangleAlert } from 'lucide-react'
import { Collapsible } from 'radix-ui'
import type { LandRun } from '../../shared/domain/landing.ts'
import type { Task } from '../../shared/domain/task.ts'
import { continueLanding } from '../attempt/task-actions.ts'
import { useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { Button } from '../ui/Button.tsx'
import { Elapsed } from '../ui/Elapsed.tsx'
import { sha7 } from '../ui/format.ts'
import { PHASE_TEXT, phasesOf, TONE } from './land-phases.ts'
import { PhaseSteps } from './PhaseSteps.tsx'
import './land.css'

const HEAD: Partial<Record<LandRun['status'], string>> = { landed: 'Landed', failed: 'Did not land:' }

/** The newest landing of a task, phase by phase. */
export function LandCard({ task }: { task: Task }) {
  const app = useApp()
  const run = useEntities((state) => newestRun(state.landRuns, task.id))
  const forge = useEntities((state) => state.repositories[task.repoId]?.forge ?? 'local')
  const n = useEntities((state) => (run ? state.attempts[run.attemptId]?.n : undefined))
  if (!run) return null
  const phases = phasesOf(forge, run.phase)
  const at = phases.indexOf(run.phase)
  const over = run.status === 'landed'
  return (
    <section className="land" data-testid="land-card" data-status={run.status} aria-label="Landing">
      <div className="land-head">
        <GitMerge
          size={15}
          className="status-icon"
          data-tone={over ? 'ok' : run.status === 'failed' ? 'bad' : 'accent'}
          aria-hidden="true"
        />
        <span className="land-title">
          {HEAD[run.status] ?? 'Landing'} #{n} on <span className="mono">{run.baseBranch}</span>
        </span>
        <span className="spacer" />
        <span className="num rail-quiet">
          <Elapsed since={run.startedAt} until={run.endedAt} />
        </span>
      </div>
      {over ? (
        <p className="land-line">
          {run.method === 'squash' ? 'Squashed' : run.method === 'merge' ? 'Merged' : 'Rebased'} as{' '}
          <span className="mono">{sha7(run.landedSha)}</span>
        </p>
      ) : (
        <Collapsible.Root className="land-progress">
          <PhaseSteps run={run} forge={forge} />
          <Collapsible.Trigger className="land-now">
            <NowIcon run={run} />
            <span className="land-now-text truncate">
              {PHASE_TEXT[run.phase]}
              {run.status === 'paused' ? <span className="rail-quiet"> · paused</span> : null}
            </span>
            <span className="spacer" />
            <span className="land-count rail-quiet num">
              {at + 1} of {phases.length}
            </span>
            <ChevronRight size={12} className="group-arrow" aria-label="All steps" />
          </Collapsible.Trigger>
          <Collapsible.Content>
            <ol className="land-phases">
              {phases.map((phase, index) => {
                const state = index < at ? 'done' : index === at ? 'now' : 'later'
                return (
                  <li key={phase} data-state={state} aria-current={state === 'now' ? 'step' : undefined}>
                    {state === 'done' ? (
                      <Check size={12} className="status-icon" data-tone="ok" />
                    ) : state === 'later' ? (
                      <Circle size={12} className="status-icon" data-tone="quiet" />
                    ) : (
                      <NowIcon run={run} />
                    )}
                    {PHASE_TEXT[phase]}
                  </li>
                )
              })}
            </ol>
          </Collapsible.Content>
        </Collapsible.Root>
      )}
      {run.reason && run.status !== 'paused' ? (
        <p className="land-reason" data-tone={run.status === 'active' ? 'quiet' : TONE[run.status]}>
          {run.reason}
        </p>
      ) : null}
      {run.status === 'failed' ? (
        <p className="rail-quiet">Call an attempt mergeable, and it lands from the start.</p>
      ) : null}
      {run.status === 'waiting' || run.status === 'paused' ? (
        <Button size="s" kbd="L" onClick={() => void continueLanding(app, task)}>
          Go on
        </Button>
      ) : null}
    </section>
  )
}

/** What the landing does in its phase: works, stands still, or has failed. */
function NowIcon({ run }: { run: LandRun }) {
  if (run.status === 'paused')
    return <CirclePause size={13} className="status-icon" data-tone="quiet" aria-hidden="true" />
  if (run.status === 'active' || run.status === 'fixing')
    return (
      <LoaderCircle
        size={13}
        className="status-icon"
        data-tone="run"
        data-spin={run.phase !== 'queued'}
        aria-hidden="true"
      />
    )
  return <TriangleAlert size={13} className="status-icon" data-tone={TONE[run.status]} aria-hidden="true" />
}

function newestRun(runs: Readonly<Record<string, LandRun>>, taskId: string): LandRun | undefined {
  let newest: LandRun | undefined
  for (const run of Object.values(runs)) {
    if (run.taskId !== taskId || run.status === 'removed') continue
    if (!newest || run.startedAt > newest.startedAt) newest = run
  }
  return newest
}
