import { History } from 'lucide-react'
import { memo, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { useApp } from '../connection/app-context.ts'
import { Button } from '../ui/Button.tsx'
import { TerminalSearch } from './TerminalSearch.tsx'
import type { SessionPhase } from './terminal-session.ts'
import { useTerminalUi } from './terminal-ui.ts'
import '@xterm/xterm/css/xterm.css'
import './terminal.css'

const OPENING: SessionPhase = { phase: 'opening' }
const NEVER = () => () => {}
const opening = () => OPENING
const never = () => false

/** The place of one terminal. React never sees its bytes. */
export const TerminalView = memo(function TerminalView({
  terminalId,
  label,
  testId,
  onOlder,
}: {
  terminalId: string
  label: string
  testId?: string
  /** Shows what was written before these lines, the oldest that the tile keeps. */
  onOlder?: (lines: readonly string[]) => void
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
  const atOldest = useSyncExternalStore(session?.subscribe ?? NEVER, session?.atOldest ?? never)
  const hover = useTerminalUi((state) => (state.hover?.terminalId === terminalId ? state.hover.target : null))
  const searching = useTerminalUi((state) => state.searching === terminalId)

  return (
    <section className="terminal-place" ref={host} aria-label={label} data-testid={testId}>
      {atOldest && session && onOlder ? (
        <div className="terminal-oldest" role="status">
          <span>This tile keeps no older lines.</span>
          <Button size="s" data-testid="terminal-older" onClick={() => onOlder(session.oldest.lines())}>
            <History size={13} /> See what came before
          </Button>
        </div>
      ) : null}
      {searching && session ? <TerminalSearch session={session} /> : null}
      {hover ? <div className="terminal-link truncate">{hover}</div> : null}
      {phase.phase === 'error' ? <div className="terminal-note">{phase.message}</div> : null}
    </section>
  )
})
