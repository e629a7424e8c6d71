import { Pencil, Play } from 'lucide-react'
import type { Task } from '../../shared/domain/task.ts'
import { useApp } from '../connection/app-context.ts'
import { Button } from '../ui/Button.tsx'
import { Markdown } from '../ui/Markdown.tsx'
import { fireNextRound } from './task-actions.ts'
import { useBriefEdit } from './use-brief-edit.ts'

/** A task that was written down, but not fired. */
export function DraftView({ task }: { task: Task }) {
  const app = useApp()
  const edit = useBriefEdit(task)
  return (
    <div className="draft">
      <div className="draft-actions">
        <Button kind="primary" kbd="F" onClick={() => void fireNextRound(app, task)}>
          <Play size={14} /> Fire
        </Button>
        {edit.text === null ? (
          <Button onClick={edit.begin}>
            <Pencil size={14} /> Edit the brief
          </Button>
        ) : (
          <>
            <Button onClick={() => void edit.save()}>Save</Button>
            <Button kind="ghost" onClick={edit.cancel}>
              Cancel
            </Button>
          </>
        )}
      </div>
      {edit.text === null ? (
        <Markdown text={task.brief} />
      ) : (
        <textarea
          className="input draft-edit"
          aria-label="Brief"
          value={edit.text}
          onChange={(event) => edit.change(event.target.value)}
        />
      )}
    </div>
  )
}
