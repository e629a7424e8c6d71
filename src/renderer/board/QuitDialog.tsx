import { Power } from 'lucide-react'
import { occupiesSlot } from '../../shared/machines/attempt-machine.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { showOverlay } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { Dialog } from '../ui/Dialog.tsx'
import { plural } from '../ui/format.ts'

/** Agents are worth more than the window: what becomes of them is asked. */
export function QuitDialog() {
  const { core } = useApp()
  const running = useEntities(
    (state) => Object.values(state.attempts).filter((attempt) => occupiesSlot(attempt.status)).length,
  )
  const close = () => showOverlay(null)
  const quit = async (stopAgents: boolean) => {
    close()
    await callOrToast(() => core().system.shutdown({ stopAgents }))
  }
  return (
    <Dialog
      open
      onClose={close}
      title="Quit Quartet’s core?"
      foot={
        <>
          <Button kind="ghost" onClick={close}>
            Stay
          </Button>
          <span className="spacer" />
          {running > 0 ? (
            <Button kind="danger" onClick={() => void quit(true)}>
              Stop {plural(running, 'agent')} and quit
            </Button>
          ) : null}
          <Button kind="primary" onClick={() => void quit(false)}>
            <Power size={14} /> {running > 0 ? 'Quit, agents go on' : 'Quit'}
          </Button>
        </>
      }
    >
      <p>
        {running > 0
          ? `${plural(running, 'agent')} at work. They can go on without Quartet; the next start finds them again with everything they wrote.`
          : 'No agent is at work. Everything is saved.'}
      </p>
    </Dialog>
  )
}
