import { Bell, Moon, Search, Settings, Sun } from 'lucide-react'
import { occupiesSlot } from '../../shared/machines/attempt-machine.ts'
import { needsMe } from '../../shared/state/selectors.ts'
import { useEntities } from '../state/entities.ts'
import { showOverlay, useUi } from '../state/ui.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { Kbd } from '../ui/Kbd.tsx'
import { chordsOf } from '../ui/keymap.ts'
import { Mark } from '../ui/Mark.tsx'
import { onMac } from '../ui/platform.ts'
import { useThemeName } from '../ui/theme.ts'
import { useActions } from './actions-context.ts'
import { ConnectionBadge } from './ConnectionBadge.tsx'
import { RepoSwitcher } from './RepoSwitcher.tsx'

export function TopBar() {
  const actions = useActions()
  const theme = useThemeName()
  const page = useUi((state) => state.page)
  return (
    <header className="topbar">
      <div className="topbar-side">
        <button
          type="button"
          className="topbar-mark"
          aria-label="Quartet: back to the board"
          onClick={() => useUi.setState({ page: 'board' })}
        >
          <Mark />
          <span className="topbar-name">Quartet</span>
        </button>
        <RepoSwitcher />
      </div>
      <button
        type="button"
        className="topbar-search"
        onClick={() => showOverlay('palette')}
        aria-label="Search and commands"
      >
        <Search size={14} />
        <span>Search or command</span>
        <Kbd>{chordsOf('app.palette', onMac)[0] ?? ''}</Kbd>
      </button>
      <div className="topbar-side" data-end="true">
        <ConnectionBadge />
        <Counts />
        <IconButton
          label={theme === 'dark' ? 'Light theme' : 'Dark theme'}
          onClick={() => actions['app.theme'].run()}
        >
          {theme === 'dark' ? <Sun size={16} /> : <Moon size={16} />}
        </IconButton>
        <IconButton
          label="Settings"
          kbd={chordsOf('app.settings', onMac)[0]}
          aria-pressed={page === 'settings'}
          onClick={() => actions['app.settings'].run()}
        >
          <Settings size={16} />
        </IconButton>
      </div>
    </header>
  )
}

function Counts() {
  const actions = useActions()
  const running = useEntities(
    (state) => Object.values(state.attempts).filter((attempt) => occupiesSlot(attempt.status)).length,
  )
  const waiting = useEntities((state) => needsMe(state).length)
  return (
    <div className="topbar-counts num" aria-live="off">
      <span className="count" data-on={running > 0} title="Agents at work">
        <span className="count-dot" aria-hidden="true" />
        {running} running
      </span>
      <button
        type="button"
        className="count"
        data-kind="needs"
        data-on={waiting > 0}
        title="Next that needs you (J)"
        onClick={() => actions['nav.needsMe'].run()}
      >
        <Bell size={13} aria-hidden="true" />
        {waiting} need{waiting === 1 ? 's' : ''} you
      </button>
    </div>
  )
}
