import { FolderPlus, Plus } from 'lucide-react'
import { LaneStrip } from '../pulls/LaneStrip.tsx'
import { showOverlay } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { IconButton } from '../ui/IconButton.tsx'
import { NeedsMeList } from './NeedsMeList.tsx'
import { TaskList } from './TaskList.tsx'

export function Sidebar() {
  return (
    <nav className="sidebar" aria-label="Tasks">
      <div className="sidebar-head">
        <Button
          kind="primary"
          className="sidebar-new"
          kbd="N"
          data-testid="new-task"
          onClick={() => showOverlay('composer')}
        >
          <Plus size={14} /> New task
        </Button>
        <IconButton
          label="Add a repository"
          data-testid="add-repository"
          onClick={() => showOverlay('add-repository')}
        >
          <FolderPlus size={16} />
        </IconButton>
      </div>
      <div className="sidebar-scroll">
        <NeedsMeList />
        <TaskList />
      </div>
      <LaneStrip />
    </nav>
  )
}
