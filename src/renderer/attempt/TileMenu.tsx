import {
  Copy,
  Ellipsis,
  FileDiff,
  FlaskConical,
  History,
  MessageSquareText,
  Play,
  Plug,
  RotateCcw,
  ScanSearch,
  Square,
  SquareTerminal,
} from 'lucide-react'
import { type Attempt, PORTS_PER_ATTEMPT } from '../../shared/domain/attempt.ts'
import { canAttempt, occupiesSlot } from '../../shared/machines/attempt-machine.ts'
import { useApp } from '../connection/app-context.ts'
import { toast } from '../state/toasts.ts'
import { focusTile, useUi } from '../state/ui.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { Menu, MenuItem, MenuLine } from '../ui/Menu.tsx'
import { keepGoingBlocked } from './keep-going.ts'
import { restoreAttempt, resumeAgent, stopAgent } from './verdict-actions.ts'
import { reviewAgain, verifyAgain, verifyBlocked } from './verify-actions.ts'

async function copy(text: string, what: string) {
  try {
    await navigator.clipboard.writeText(text)
    toast('ok', `${what} copied.`)
  } catch {
    toast('bad', 'The browser does not allow to write the clipboard.')
  }
}

export function TileMenu({ attempt }: { attempt: Attempt }) {
  const app = useApp()
  const { portBase } = attempt
  return (
    <Menu
      align="end"
      trigger={
        <IconButton label={`More for attempt ${attempt.n}`} size="s">
          <Ellipsis size={14} />
        </IconButton>
      }
    >
      <MenuItem
        icon={<FileDiff size={14} />}
        note="D"
        onSelect={() => {
          focusTile(attempt.taskId, attempt.n)
          useUi.setState({ pane: 'diff' })
        }}
      >
        Diff against the base
      </MenuItem>
      <MenuItem
        icon={<History size={14} />}
        note="Q"
        off={attempt.terminalId === null}
        onSelect={() => {
          focusTile(attempt.taskId, attempt.n)
          useUi.setState({ pane: 'replay' })
        }}
      >
        Replay its terminal
      </MenuItem>
      <MenuItem
        icon={<MessageSquareText size={14} />}
        note="K"
        off={keepGoingBlocked(attempt) !== null}
        onSelect={() => useUi.setState({ keepingGoing: attempt.id })}
      >
        Keep it going…
      </MenuItem>
      <MenuItem
        icon={<FlaskConical size={14} />}
        note="Y"
        off={verifyBlocked(attempt) !== null}
        onSelect={() => void verifyAgain(app, attempt)}
      >
        Run its checks again
      </MenuItem>
      <MenuItem
        icon={<ScanSearch size={14} />}
        off={verifyBlocked(attempt) !== null}
        onSelect={() => void reviewAgain(app, attempt)}
      >
        Have it reviewed again
      </MenuItem>
      <MenuItem
        icon={<Square size={14} />}
        note="X"
        off={!occupiesSlot(attempt.status)}
        onSelect={() => void stopAgent(app, attempt)}
      >
        Stop the agent
      </MenuItem>
      <MenuItem
        icon={<Play size={14} />}
        note="R"
        off={!canResume(attempt)}
        onSelect={() => void resumeAgent(app, attempt)}
      >
        {startWord(attempt)} the agent
      </MenuItem>
      <MenuItem
        icon={<RotateCcw size={14} />}
        off={!canRestore(attempt)}
        onSelect={() => void restoreAttempt(app, attempt)}
      >
        Restore from trash
      </MenuItem>
      <MenuLine />
      <MenuItem icon={<SquareTerminal size={14} />} onSelect={() => void copy(attempt.worktree, 'Path')}>
        Copy the worktree’s path
      </MenuItem>
      <MenuItem icon={<Copy size={14} />} onSelect={() => void copy(attempt.branch, 'Branch')}>
        Copy the branch’s name
      </MenuItem>
      {portBase === null ? null : (
        <MenuItem
          icon={<Plug size={14} />}
          note={`${portBase}–${portBase + PORTS_PER_ATTEMPT - 1}`}
          onSelect={() => void copy(String(portBase), 'Port')}
        >
          Copy its $PORT
        </MenuItem>
      )}
    </Menu>
  )
}

/** The agent can be started again in the worktree that is still there. */
export const canResume = (attempt: Attempt): boolean =>
  !occupiesSlot(attempt.status) &&
  attempt.verdict === null &&
  attempt.trashRef === null &&
  (canAttempt(attempt.status, 'run') || canAttempt(attempt.status, 'start'))

/** What starting it again comes to: without a conversation there is nothing to resume. */
export const startWord = (attempt: Attempt): string => (attempt.sessionRef === null ? 'Restart' : 'Resume')

/** Its state is kept under a ref while the worktree is gone. */
export const canRestore = (attempt: Attempt): boolean =>
  attempt.trashRef !== null && (attempt.status === 'trashed' || attempt.status === 'cancelled')
