import { Check, Circle, LoaderCircle } from 'lucide-react'
import { type Attempt, PrepareStep } from '../../shared/domain/attempt.ts'
import { useSignals } from '../state/signals.ts'
import { Progress } from '../ui/Progress.tsx'

const STEP_TEXT: Record<PrepareStep, string> = {
  worktree: 'Create the worktree',
  checkout: 'Check out the files',
  files: 'Copy what the build needs',
  hook: 'Run the setup hook',
  agent: 'Start the agent',
}

/** What happens before there is a terminal to look at. */
export function PreparingSteps({ attempt }: { attempt: Attempt }) {
  const progress = useSignals((state) => state.byAttempt[attempt.id]?.progress)
  const at = attempt.step ? PrepareStep.options.indexOf(attempt.step) : -1
  if (attempt.status === 'pending')
    return (
      <div className="tile-state">
        <p className="tile-state-title">Waits for a free slot</p>
        <p>It starts by itself as soon as another agent is done. Settings say how many run at once.</p>
      </div>
    )
  return (
    <ol className="steps" aria-label="Preparing">
      {PrepareStep.options.map((step, index) => {
        const state = index < at ? 'done' : index === at ? 'now' : 'later'
        return (
          <li
            key={step}
            className="step"
            data-state={state}
            aria-current={state === 'now' ? 'step' : undefined}
          >
            {state === 'done' ? (
              <Check size={13} className="status-icon" data-tone="ok" />
            ) : state === 'now' ? (
              <LoaderCircle size={13} className="status-icon" data-tone="run" data-spin="true" />
            ) : (
              <Circle size={13} className="status-icon" data-tone="quiet" />
            )}
            <span>{STEP_TEXT[step]}</span>
            {state === 'now' && step === 'checkout' && progress !== undefined ? (
              <>
                <div className="step-progress">
                  <Progress value={progress} label="Checkout" />
                </div>
                <span className="num">{Math.round(progress * 100)} %</span>
              </>
            ) : null}
          </li>
        )
      })}
    </ol>
  )
}
