import { Plus } from 'lucide-react'
import { needsMe } from '../../shared/state/selectors.ts'
import { useEntities } from '../state/entities.ts'
import { showOverlay } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { EmptyState } from '../ui/EmptyState.tsx'
import { plural } from '../ui/format.ts'
import { Mark } from '../ui/Mark.tsx'
import { useActions } from './actions-context.ts'

/** No task is open: what to do next. */
export function NothingOpen() {
  const actions = useActions()
  const loaded = useEntities((state) => state.loaded)
  const waiting = useEntities((state) => needsMe(state).length)
  if (!loaded) return null
  return (
    <EmptyState
      icon={<Mark size={32} />}
      title={waiting > 0 ? `${plural(waiting, 'thing')} waiting for you` : 'Nothing waits for you'}
      actions={
        <>
          {waiting > 0 ? (
            <Button kind="primary" kbd="J" onClick={() => actions['nav.needsMe'].run()}>
              Go to the first
            </Button>
          ) : null}
          <Button kind={waiting > 0 ? 'plain' : 'primary'} kbd="N" onClick={() => showOverlay('composer')}>
            <Plus size={14} /> New task
          </Button>
        </>
      }
    >
      Write a task once and fire four attempts of it, or open one from the list.
    </EmptyState>
  )
}
