import { CircleCheck, CircleX, RefreshCw, TriangleAlert } from 'lucide-react'
import { useCallback, useEffect, useState } from 'react'
import type { DoctorLine } from '../../shared/domain/host.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { Button } from '../ui/Button.tsx'
import { Skeleton } from '../ui/Skeleton.tsx'

const LOOK = {
  ok: { icon: CircleCheck, tone: 'ok', text: 'good' },
  warning: { icon: TriangleAlert, tone: 'warn', text: 'warning' },
  failed: { icon: CircleX, tone: 'bad', text: 'failed' },
} as const

/** Looks whether everything is there that Quartet needs, and says what is not. */
export function Doctor() {
  const { core } = useApp()
  const [lines, setLines] = useState<readonly DoctorLine[] | null>(null)
  const look = useCallback(async () => {
    setLines(null)
    setLines(await callOrToast(() => core().system.doctor()))
  }, [core])
  useEffect(() => {
    void look()
  }, [look])
  return (
    <>
      <div className="settings-line">
        <h2>Doctor</h2>
        <span className="spacer" />
        <Button busy={lines === null} onClick={() => void look()}>
          <RefreshCw size={14} /> Look again
        </Button>
      </div>
      {lines === null ? (
        <Skeleton height={220} />
      ) : (
        <ul className="agents" data-testid="doctor">
          {lines.map((line) => {
            const look = LOOK[line.status]
            const Icon = look.icon
            return (
              <li key={line.name} className="agent" data-status={line.status}>
                <Icon
                  size={16}
                  className="status-icon"
                  data-tone={look.tone}
                  role="img"
                  aria-label={look.text}
                />
                <div className="agent-text">
                  <p>
                    <strong>{line.name}</strong>
                  </p>
                  <p className="rail-quiet">{line.detail}</p>
                </div>
              </li>
            )
          })}
        </ul>
      )}
    </>
  )
}
