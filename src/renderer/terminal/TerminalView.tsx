import { memo, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { useApp } from '../connection/app-context.ts'
import { TerminalSearch } from './TerminalSearch.tsx'
import type { SessionPhase } from './terminal-session.ts'
import { useTerminalUi } from './terminal-ui.ts'
import '@xterm/xterm/css/xterm.css'
import './terminal.css'

const OPENING: SessionPhase = { phase: 'opening' }
const NEVER = () => () => {}
const opening = () => OPENING

/** The place of one terminal. React never sees its bytes. */
export const TerminalView = memo(function TerminalView({
  terminalId,
  label,
  testId,
}: {
  terminalId: string
  label: string
  testId?: string
}) {
  const { terminals } = useApp()
  const host = useRef<HTMLDivElement>(null)
  const [attached, setAttached] = useState(false)

  useEffect(() => {
    if (!host.current) return
    const detach = terminals.attach(terminalId, host.current)
    setAttached(true)
    return () => {
      setAttached(false)
      detach()
    }
  }, [terminals, terminalId])

  const session = attached ? terminals.session(terminalId) : null
  const phase = useSyncExternalStore(session?.subscribe ?? NEVER, session?.phase ?? opening)
  const hover = useTerminalUi((state) => (state.hover?.terminalId === terminalId ? state.hover.target : null))
  const searching = useTerminalUi((state) => state.searching === terminalId)

  return (
    <section className="terminal-place" ref={host} aria-label={label} data-testid={testId}>
      {searching && session ? <TerminalSearch session={session} /> : null}
      {hover ? <div className="terminal-link truncate">{hover}</div> : null}
      {phase.phase === 'error' ? <div className="terminal-note">{phase.message}</div> : null}
    </section>
  )
})
