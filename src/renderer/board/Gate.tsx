import { KeyRound } from 'lucide-react'
import { type ReactNode, useState, useSyncExternalStore } from 'react'
import { useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { Button } from '../ui/Button.tsx'
import { TextField } from '../ui/Fields.tsx'
import { Mark } from '../ui/Mark.tsx'

/** Lets through once there was a connection; asks for the token when the core does not know this browser. */
export function Gate({ children }: { children: ReactNode }) {
  const { connection } = useApp()
  const state = useSyncExternalStore(connection.subscribe, connection.get)
  const loaded = useEntities((entities) => entities.loaded)
  if (state.phase === 'unauthorized') return <TokenScreen message={state.message} />
  if (!loaded && state.phase === 'reconnecting' && state.tries > 1)
    return (
      <div className="gate" role="status">
        <Mark size={36} />
        <h1>Quartet’s core does not answer</h1>
        <p>It may have been stopped, or it is starting. This window tries again by itself.</p>
        <Button onClick={() => connection.retry()}>Try now</Button>
      </div>
    )
  return children
}

function TokenScreen({ message }: { message: string | null }) {
  const { connection } = useApp()
  const [token, setToken] = useState('')
  const [busy, setBusy] = useState(false)
  const send = async () => {
    // People paste the whole address as often as the token.
    const proof = token.trim().replace(/^.*#token=/, '')
    if (!proof) return
    setBusy(true)
    await connection.authorize(proof)
    setBusy(false)
  }
  return (
    <form
      className="gate"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <Mark size={36} />
      <h1>This browser is not known here</h1>
      <p>
        Paste the token, or the whole address that Quartet printed where it was started.{' '}
        <code>quartet serve</code> prints it again.
      </p>
      <div className="gate-line">
        <TextField
          label="Token"
          quiet
          type="password"
          autoComplete="off"
          placeholder="Token or address"
          value={token}
          error={message}
          onChange={(event) => setToken(event.target.value)}
        />
        <Button
          type="submit"
          kind="primary"
          busy={busy}
          blocked={token.trim() ? null : 'Paste the token first.'}
        >
          <KeyRound size={14} /> Open
        </Button>
      </div>
    </form>
  )
}
