import type { Attempt } from '../../shared/domain/attempt.ts'
import { useActions } from '../board/actions-context.ts'
import { Button } from '../ui/Button.tsx'
import type { CommandId } from '../ui/commands.ts'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { ATTEMPT_LOOK } from '../ui/status-look.ts'
import { EndActions } from './EndActions.tsx'
import { endText } from './end-text.ts'

interface Cause {
  title: string
  advice?: string
  /** Where it is mended. */
  leads?: { to: CommandId; text: string }
}

const DOCTOR = { to: 'app.doctor', text: 'Open the doctor' } as const
const WORKFLOW = { to: 'app.workflow', text: 'Open the workflow' } as const

function causeOf({ status, endReason, step }: Attempt): Cause {
  if (status === 'trashed') return { title: 'Trashed before its agent ran' }
  if (endReason === 'stopped' || status === 'cancelled') return { title: 'Stopped before its agent ran' }
  if (endReason === 'agent_missing')
    return {
      title: 'Its agent is missing',
      advice: 'Install it, then restart the attempt. The doctor shows where Quartet looked.',
      leads: DOCTOR,
    }
  if (step === 'hook' || step === 'files')
    return {
      title: step === 'hook' ? 'A hook of the workflow failed' : 'Files could not be copied',
      advice: 'Mend WORKFLOW.md or what it calls. A restart prepares the attempt from the beginning.',
      leads: WORKFLOW,
    }
  if (step === 'agent') return { title: 'Its agent could not be started', leads: DOCTOR }
  return { title: 'It ended before its agent ran', advice: 'A restart prepares it from the beginning.' }
}

/** Stands where the terminal would, when there never was one: what happened, and what to do about it. */
export function NeverRan({ attempt }: { attempt: Attempt }) {
  const actions = useActions()
  const { title, advice, leads } = causeOf(attempt)
  const reason = endText(attempt)
  return (
    <div className="never-ran" role="status" data-testid={`never-ran-${attempt.n}`}>
      <p className="never-ran-title">
        <StatusIcon look={ATTEMPT_LOOK[attempt.status]} size={14} />
        {title}
      </p>
      {reason ? <p className="never-ran-reason">{reason}</p> : null}
      {advice && attempt.trashRef === null ? <p className="never-ran-advice">{advice}</p> : null}
      <div className="never-ran-actions">
        <EndActions attempt={attempt} />
        {leads ? (
          <Button size="s" onClick={actions[leads.to].run}>
            {leads.text}
          </Button>
        ) : null}
      </div>
    </div>
  )
}
