import { memo } from 'react'
import { useShallow } from 'zustand/react/shallow'
import { useEntities } from '../state/entities.ts'
import { shownAttempts } from '../state/selection.ts'
import { openTask, useUi } from '../state/ui.ts'
import { Age } from '../ui/Elapsed.tsx'
import { letGo } from '../ui/let-go.ts'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { ATTEMPT_LOOK, TASK_LOOK } from '../ui/status-look.ts'

export const TaskRow = memo(function TaskRow({ taskId }: { taskId: string }) {
  const task = useEntities((state) => state.tasks[taskId])
  const repo = useEntities((state) => (task ? state.repositories[task.repoId]?.name : undefined))
  const statuses = useEntities(
    useShallow((state) => shownAttempts(state, state.tasks[taskId]).map((attempt) => attempt.status)),
  )
  const current = useUi((state) => state.taskId === taskId && state.page === 'board')
  const allRepos = useUi((state) => state.repoId === null)
  if (!task) return null
  const over = task.status === 'landed' || task.status === 'abandoned'
  return (
    <li>
      <button
        type="button"
        className="row"
        data-testid="task-row"
        data-status={task.status}
        data-over={over}
        aria-current={current ? 'page' : undefined}
        onClick={(event) => {
          letGo(event)
          openTask(task.id)
        }}
      >
        <StatusIcon look={TASK_LOOK[task.status]} named />
        <span className="row-main">
          <span className="row-line">
            <span className="row-title truncate">{task.title}</span>
            <span className="row-age num">
              <Age since={task.statusAt} />
            </span>
          </span>
          {over ? null : (
            <span className="row-line row-sub">
              <span className="row-dots">
                {statuses.map((status, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the place is the slot, which is the identity
                  <StatusIcon key={index} look={ATTEMPT_LOOK[status]} size={11} />
                ))}
                {statuses.length === 0 ? <span>not fired yet</span> : null}
              </span>
              {task.round > 1 ? <span>round {task.round}</span> : null}
              <span className="spacer" />
              {allRepos ? <span className="truncate">{repo}</span> : null}
            </span>
          )}
        </span>
      </button>
    </li>
  )
})
