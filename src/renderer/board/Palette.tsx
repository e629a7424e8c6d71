import { Command } from 'cmdk'
import { CornerDownLeft, FolderGit2 } from 'lucide-react'
import { useMemo } from 'react'
import { useEntities } from '../state/entities.ts'
import { openTask, showOverlay, useUi } from '../state/ui.ts'
import { COMMANDS, type CommandId } from '../ui/commands.ts'
import { Dialog } from '../ui/Dialog.tsx'
import { Kbds } from '../ui/Kbd.tsx'
import { chordsOf } from '../ui/keymap.ts'
import { onMac } from '../ui/platform.ts'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { TASK_LOOK } from '../ui/status-look.ts'
import { useActions } from './actions-context.ts'
import './palette.css'

/** Tasks to choose from; the rest is found by typing more of it. */
const MAX_TASKS = 300

/** One box for everything: commands with their keys, tasks, repositories. */
export function Palette() {
  const actions = useActions()
  const tasks = useEntities((state) => state.tasks)
  const repositories = useEntities((state) => state.repositories)
  const newest = useMemo(
    () =>
      Object.values(tasks)
        .sort((a, b) => b.statusAt - a.statusAt)
        .slice(0, MAX_TASKS),
    [tasks],
  )
  const close = () => showOverlay(null)
  const run = (id: CommandId) => {
    close()
    // The dialog must be gone first: an action may open another, or put the keyboard into a terminal.
    requestAnimationFrame(() => actions[id].run())
  }
  const commands = COMMANDS.filter((command) => !command.keyOnly).map((command) => ({
    command,
    blocked: actions[command.id].blocked?.() ?? null,
  }))
  commands.sort((a, b) => Number(a.blocked !== null) - Number(b.blocked !== null))
  return (
    <Dialog open onClose={close} title="Search and commands" bare place="top" width={620} testId="palette">
      <Command label="Search and commands" loop className="palette">
        <Command.Input placeholder="Type a command, a task or a repository…" className="palette-input" />
        <Command.List className="palette-list">
          <Command.Empty className="palette-empty">Nothing is called like that.</Command.Empty>
          <Command.Group heading="Commands">
            {commands.map(({ command, blocked }) => (
              <Command.Item
                key={command.id}
                value={`${command.title} ${command.group} ${command.id}`}
                disabled={blocked !== null}
                onSelect={() => run(command.id)}
                className="palette-item"
              >
                <span className="truncate">{command.title}</span>
                <span className="palette-note truncate">{blocked ?? command.group}</span>
                <Kbds chords={chordsOf(command.id, onMac).slice(0, 2)} />
              </Command.Item>
            ))}
          </Command.Group>
          {newest.length > 0 ? (
            <Command.Group heading="Tasks">
              {newest.map((task) => (
                <Command.Item
                  key={task.id}
                  value={`${task.title} ${task.id}`}
                  onSelect={() => {
                    close()
                    openTask(task.id)
                  }}
                  className="palette-item"
                >
                  <StatusIcon look={TASK_LOOK[task.status]} />
                  <span className="truncate">{task.title}</span>
                  <span className="palette-note truncate">{repositories[task.repoId]?.name}</span>
                  <CornerDownLeft size={13} className="palette-enter" />
                </Command.Item>
              ))}
            </Command.Group>
          ) : null}
          <Command.Group heading="Repositories">
            {Object.values(repositories).map((repo) => (
              <Command.Item
                key={repo.id}
                value={`${repo.name} ${repo.path}`}
                onSelect={() => {
                  close()
                  useUi.setState({ repoId: repo.id, page: 'board' })
                }}
                className="palette-item"
              >
                <FolderGit2 size={14} />
                <span className="truncate">{repo.name}</span>
                <span className="palette-note truncate">{repo.path}</span>
              </Command.Item>
            ))}
          </Command.Group>
        </Command.List>
      </Command>
    </Dialog>
  )
}
