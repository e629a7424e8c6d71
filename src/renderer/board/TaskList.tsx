import { ChevronRight } from 'lucide-react'
import { useShallow } from 'zustand/react/shallow'
import { TASK_GROUPS, type TaskGroup, tasksByGroup } from '../../shared/state/selectors.ts'
import { useEntities } from '../state/entities.ts'
import { useUi } from '../state/ui.ts'
import { Skeleton } from '../ui/Skeleton.tsx'
import { TaskRow } from './TaskRow.tsx'

const GROUP_TITLE: Record<TaskGroup, string> = {
  working: 'Working',
  deciding: 'Deciding',
  landing: 'Landing',
  rework: 'Rework',
  draft: 'Drafts',
  landed: 'Landed',
  abandoned: 'Abandoned',
}

/** What is over is long: the newest few are enough here, search finds the rest. */
const MAX_OVER = 30

export function TaskList() {
  const loaded = useEntities((state) => state.loaded)
  const repoId = useUi((state) => state.repoId)
  if (!loaded)
    return (
      <div className="group" aria-busy="true">
        {[70, 90, 60, 80].map((width) => (
          <div key={width} className="row-skeleton">
            <Skeleton width={`${width}%`} />
          </div>
        ))}
      </div>
    )
  return TASK_GROUPS.map((group) => <Group key={group} group={group} repoId={repoId} />)
}

function Group({ group, repoId }: { group: TaskGroup; repoId: string | null }) {
  const ids = useEntities(
    useShallow((state) => tasksByGroup(state.tasks, repoId)[group].map((task) => task.id)),
  )
  const folded = useUi((state) => state.folded[group] === true)
  if (ids.length === 0) return null
  const shown = group === 'landed' || group === 'abandoned' ? ids.slice(0, MAX_OVER) : ids
  return (
    <section className="group" aria-label={GROUP_TITLE[group]}>
      <h2 className="group-head">
        <button
          type="button"
          className="group-fold"
          aria-expanded={!folded}
          onClick={() => useUi.setState((state) => ({ folded: { ...state.folded, [group]: !folded } }))}
        >
          <ChevronRight size={12} className="group-arrow" aria-hidden="true" />
          {GROUP_TITLE[group]}
          <span className="group-count">{ids.length}</span>
        </button>
      </h2>
      {folded ? null : (
        <ul>
          {shown.map((id) => (
            <TaskRow key={id} taskId={id} />
          ))}
        </ul>
      )}
    </section>
  )
}
