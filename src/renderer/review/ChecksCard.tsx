import { CircleCheck, CircleDashed, CircleX, Clock, FlaskConical, type LucideIcon } from 'lucide-react'
import { useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type { Attempt, Check } from '../../shared/domain/attempt.ts'
import { isUnfinished } from '../../shared/machines/attempt-machine.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { checksOf, latestChecks } from '../state/evidence.ts'
import { Button } from '../ui/Button.tsx'
import { Dialog } from '../ui/Dialog.tsx'
import { Stopwatch } from '../ui/Elapsed.tsx'
import { sha7, took } from '../ui/format.ts'
import './review.css'

const LOOK: Record<Check['status'], { icon: LucideIcon; tone: string; text: string }> = {
  queued: { icon: CircleDashed, tone: 'quiet', text: 'queued' },
  running: { icon: FlaskConical, tone: 'run', text: 'running' },
  passed: { icon: CircleCheck, tone: 'ok', text: 'passed' },
  failed: { icon: CircleX, tone: 'bad', text: 'failed' },
  timed_out: { icon: Clock, tone: 'bad', text: 'timed out' },
  cancelled: { icon: CircleDashed, tone: 'quiet', text: 'cancelled' },
}
/** The inner loop of an agent should stay below a minute. */
const SLOW_MS = 60_000

/** The commands that Quartet itself ran on this attempt, with what they printed when they failed. */
export function ChecksCard({ attempt }: { attempt: Attempt }) {
  const checks = latestChecks(useEntities(useShallow((state) => checksOf(state, attempt.id))))
  const [log, setLog] = useState<{ check: Check; text: string } | null>(null)
  const { core } = useApp()
  if (checks.length === 0)
    return (
      <p className="rail-quiet">
        {attempt.readyAt || attempt.verdict
          ? 'No checks are set up for this repository.'
          : isUnfinished(attempt.status)
            ? 'They run when the agent is done.'
            : 'None ran: its agent did not finish.'}
      </p>
    )
  const open = async (check: Check) => {
    const answer = await callOrToast(() => core().attempts.checkLog({ checkId: check.id }))
    if (answer) setLog(answer)
  }
  return (
    <>
      <ul className="checks">
        {checks.map((check) => {
          const look = LOOK[check.status]
          const Icon = look.icon
          const stale = check.headSha !== attempt.headSha
          return (
            <li key={check.id} className="check" data-status={check.status} data-stale={stale}>
              <div className="check-line">
                <Icon
                  size={14}
                  className="status-icon"
                  data-tone={look.tone}
                  aria-label={look.text}
                  role="img"
                />
                <span className="check-name truncate" title={check.command}>
                  {check.name}
                </span>
                {check.required ? null : <span className="rail-quiet">optional</span>}
                <span className="spacer" />
                <span className="num rail-quiet" data-slow={(check.durationMs ?? 0) > SLOW_MS}>
                  {check.durationMs !== null ? (
                    took(check.durationMs)
                  ) : check.startedAt && check.status === 'running' ? (
                    <Stopwatch since={check.startedAt} />
                  ) : (
                    look.text
                  )}
                </span>
                {check.status === 'queued' ? null : (
                  <Button size="s" kind="ghost" onClick={() => void open(check)}>
                    Log
                  </Button>
                )}
              </div>
              {stale ? <p className="check-stale">of {sha7(check.headSha)}: the head has moved on</p> : null}
              {check.summary ? <pre className="check-summary">{check.summary}</pre> : null}
            </li>
          )
        })}
      </ul>
      <Dialog
        open={log !== null}
        onClose={() => setLog(null)}
        title={log ? `Log of ${log.check.name}` : 'Log'}
        width={900}
      >
        <p className="field-hint mono">{log?.check.command}</p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled text must be reachable with the keyboard */}
        <pre className="check-log" tabIndex={0}>
          {log?.text || 'It printed nothing.'}
        </pre>
      </Dialog>
    </>
  )
}
