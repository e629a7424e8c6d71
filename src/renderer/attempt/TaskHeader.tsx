import { Ban, Ellipsis, FileDiff, History, LayoutGrid, PanelRight, PencilLine, Table2 } from 'lucide-react'
import { useState } from 'react'
import type { Task } from '../../shared/domain/task.ts'
import { isTaskOver } from '../../shared/machines/task-machine.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { type TaskPane, useUi } from '../state/ui.ts'
import { Elapsed, momentOf } from '../ui/Elapsed.tsx'
import { sha7 } from '../ui/format.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { Menu, MenuItem } from '../ui/Menu.tsx'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { TASK_LOOK } from '../ui/status-look.ts'
import { abandonTask } from './task-actions.ts'

export function TaskHeader({ task }: { task: Task }) {
  const app = useApp()
  const rail = useUi((state) => state.rail)
  const firedAt = useEntities(
    (state) =>
      Object.values(state.rounds).find((round) => round.taskId === task.id && round.n === task.round)
        ?.firedAt ?? null,
  )
  const [renaming, setRenaming] = useState(false)
  const look = TASK_LOOK[task.status]
  return (
    <header className="task-head">
      <div className="task-head-text">
        {renaming ? (
          <Rename task={task} onDone={() => setRenaming(false)} />
        ) : (
          <h1 className="task-title truncate" title={task.title}>
            {task.title}
          </h1>
        )}
        <p className="task-facts num">
          <span className="tile-status" data-tone={look.tone} data-testid="task-status">
            <StatusIcon look={look} size={13} />
            {look.text}
          </span>
          {task.round > 0 ? <span>round {task.round}</span> : null}
          <span title={`Base branch ${task.baseBranch}`}>
            {task.baseBranch} <span className="mono">{sha7(task.baseSha)}</span>
          </span>
          {firedAt ? (
            <span title={`Since the round was fired: ${momentOf(firedAt)}`}>
              <Elapsed since={firedAt} until={isTaskOver(task.status) ? task.closedAt : null} />
            </span>
          ) : null}
          {task.reason ? <span className="task-reason truncate">{task.reason}</span> : null}
        </p>
      </div>
      {task.round > 0 ? (
        <fieldset className="segments" aria-label="What the middle shows">
          <Segment pane="terminals" label="Terminals" kbd="W">
            <LayoutGrid size={14} />
          </Segment>
          <Segment pane="matrix" label="Matrix" kbd="A">
            <Table2 size={14} />
          </Segment>
          <Segment pane="diff" label="Diff" kbd="D">
            <FileDiff size={14} />
          </Segment>
          <Segment pane="timeline" label="Timeline" kbd="G">
            <History size={14} />
          </Segment>
        </fieldset>
      ) : null}
      <Menu
        align="end"
        trigger={
          <IconButton label="More for this task">
            <Ellipsis size={16} />
          </IconButton>
        }
      >
        <MenuItem icon={<PencilLine size={14} />} onSelect={() => setRenaming(true)}>
          Rename
        </MenuItem>
        <MenuItem
          icon={<Ban size={14} />}
          off={isTaskOver(task.status)}
          onSelect={() => void abandonTask(app, task)}
        >
          Abandon this task
        </MenuItem>
      </Menu>
      {task.round > 0 ? (
        <IconButton
          label={rail ? 'Hide the evidence' : 'Show the evidence'}
          kbd="]"
          aria-pressed={rail}
          onClick={() => useUi.setState({ rail: !rail })}
        >
          <PanelRight size={16} />
        </IconButton>
      ) : null}
    </header>
  )
}

function Segment({
  pane,
  label,
  kbd,
  children,
}: {
  pane: TaskPane
  label: string
  kbd: string
  children: React.ReactNode
}) {
  const on = useUi((state) => state.pane === pane)
  return (
    <button
      type="button"
      className="segment"
      aria-pressed={on}
      title={`${label} (${kbd})`}
      onClick={() => useUi.setState({ pane })}
    >
      {children}
      <span>{label}</span>
    </button>
  )
}

function Rename({ task, onDone }: { task: Task; onDone: () => void }) {
  const { core } = useApp()
  const [title, setTitle] = useState(task.title)
  const save = async () => {
    if (title.trim() && title.trim() !== task.title)
      await callOrToast(() => core().tasks.edit({ id: task.id, title: title.trim() }))
    onDone()
  }
  return (
    <input
      className="input task-rename"
      aria-label="Title"
      maxLength={200}
      ref={(input) => {
        if (input && document.activeElement !== input) input.select()
      }}
      value={title}
      onChange={(event) => setTitle(event.target.value)}
      onBlur={() => void save()}
      onKeyDown={(event) => {
        if (event.key === 'Enter') void save()
        if (event.key === 'Escape') {
          event.stopPropagation()
          onDone()
        }
      }}
    />
  )
}
