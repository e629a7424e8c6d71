import { Check, Circle, GitMerge, LoaderCircle, TriangleAlert } from 'lucide-react'
import type { LandRun } from '../../shared/domain/landing.ts'
import type { Task } from '../../shared/domain/task.ts'
import { continueLanding } from '../attempt/task-actions.ts'
import { useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { Button } from '../ui/Button.tsx'
import { Elapsed } from '../ui/Elapsed.tsx'
import { sha7 } from '../ui/format.ts'
import { PHASE_TEXT, phasesOf } from './land-phases.ts'
import './land.css'

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
        <GitMerge size={15} className="status-icon" data-tone={over ? 'ok' : 'accent'} aria-hidden="true" />
        <span className="land-title">
          {over ? 'Landed' : 'Landing'} #{n} on <span className="mono">{run.baseBranch}</span>
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
        <ol className="land-phases">
          {phases.map((phase, index) => {
            const state = index < at ? 'done' : index === at ? 'now' : 'later'
            return (
              <li key={phase} data-state={state} aria-current={state === 'now' ? 'step' : undefined}>
                {state === 'done' ? (
                  <Check size={12} className="status-icon" data-tone="ok" />
                ) : state === 'later' ? (
                  <Circle size={12} className="status-icon" data-tone="quiet" />
                ) : run.status === 'active' || run.status === 'fixing' ? (
                  <LoaderCircle size={12} className="status-icon" data-tone="run" data-spin="true" />
                ) : (
                  <TriangleAlert
                    size={12}
                    className="status-icon"
                    data-tone={run.status === 'failed' ? 'bad' : 'warn'}
                  />
                )}
                {PHASE_TEXT[phase]}
              </li>
            )
          })}
        </ol>
      )}
      {run.reason ? (
        <p className="land-reason" data-tone={run.status === 'failed' ? 'bad' : 'warn'}>
          {run.reason}
        </p>
      ) : null}
      {run.status === 'waiting' || run.status === 'paused' || run.status === 'failed' ? (
        <Button size="s" kbd="L" onClick={() => void continueLanding(app, task)}>
          Go on
        </Button>
      ) : null}
    </section>
  )
}

function newestRun(runs: Readonly<Record<string, LandRun>>, taskId: string): LandRun | undefined {
  let newest: LandRun | undefined
  for (const run of Object.values(runs)) {
    if (run.taskId !== taskId || run.status === 'removed') continue
    if (!newest || run.startedAt > newest.startedAt) newest = run
  }
  return newest
}
