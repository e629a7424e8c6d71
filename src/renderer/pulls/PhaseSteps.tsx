import type { LandRun } from '../../shared/domain/landing.ts'
import type { ForgeKind } from '../../shared/domain/repository.ts'
import { PHASE_TEXT, phasesOf, TONE } from './land-phases.ts'
import './phase-steps.css'

/** How far a landing is: one segment for each phase. */
export function PhaseSteps({ run, forge }: { run: LandRun; forge: ForgeKind }) {
  const phases = phasesOf(forge, run.phase)
  const at = run.phase === 'done' ? phases.length : phases.indexOf(run.phase)
  return (
    <span
      className="phase-steps"
      role="img"
      aria-label={`Step ${Math.min(at + 1, phases.length)} of ${phases.length}`}
    >
      {phases.map((phase, index) => (
        <span
          key={phase}
          title={PHASE_TEXT[phase]}
          data-state={index < at ? 'done' : index === at ? 'now' : 'later'}
          // Whoever stands in the queue does nothing yet.
          data-tone={run.phase === 'queued' && run.status === 'active' ? 'quiet' : TONE[run.status]}
        />
      ))}
    </span>
  )
}
