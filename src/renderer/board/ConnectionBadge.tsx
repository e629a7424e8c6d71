import { RotateCw, WifiOff } from 'lucide-react'
import { useSyncExternalStore } from 'react'
import { useApp } from '../connection/app-context.ts'
import { IconButton } from '../ui/IconButton.tsx'

/** Says when what is on screen may be old. */
export function ConnectionBadge() {
  const { connection } = useApp()
  const state = useSyncExternalStore(connection.subscribe, connection.get)
  if (state.phase !== 'reconnecting') return null
  return (
    <div className="reconnecting" role="status">
      <WifiOff size={14} aria-hidden="true" />
      <span>
        Reconnecting…<span className="reconnecting-why"> what you see may be old</span>
      </span>
      <IconButton label="Reconnect now" size="s" onClick={() => connection.retry()}>
        <RotateCw size={13} />
      </IconButton>
    </div>
  )
}
