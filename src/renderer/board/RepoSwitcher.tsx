import { ChevronsUpDown, FolderGit2, FolderPlus, Layers, TriangleAlert } from 'lucide-react'
import { useShallow } from 'zustand/react/shallow'
import { useEntities } from '../state/entities.ts'
import { showOverlay, useUi } from '../state/ui.ts'
import { Menu, MenuItem, MenuLabel, MenuLine } from '../ui/Menu.tsx'

export function RepoSwitcher() {
  const repoId = useUi((state) => state.repoId)
  const repos = useEntities(
    useShallow((state) => Object.values(state.repositories).sort((a, b) => a.name.localeCompare(b.name))),
  )
  if (repos.length === 0) return null
  const current = repos.find((repo) => repo.id === repoId)
  return (
    <Menu
      trigger={
        <button type="button" className="repo-switch" aria-label="Repository">
          {current ? <FolderGit2 size={14} /> : <Layers size={14} />}
          <span className="truncate">{current?.name ?? 'All repositories'}</span>
          {current?.problem ? <TriangleAlert size={13} className="status-icon" data-tone="warn" /> : null}
          {current ? <span className="repo-base">{current.baseBranch}</span> : null}
          <ChevronsUpDown size={13} />
        </button>
      }
    >
      <MenuLabel>Show tasks of</MenuLabel>
      <MenuItem icon={<Layers size={14} />} onSelect={() => useUi.setState({ repoId: null })}>
        All repositories
      </MenuItem>
      {repos.map((repo) => (
        <MenuItem
          key={repo.id}
          icon={repo.problem ? <TriangleAlert size={14} /> : <FolderGit2 size={14} />}
          note={repo.baseBranch}
          onSelect={() => useUi.setState({ repoId: repo.id })}
        >
          {repo.name}
        </MenuItem>
      ))}
      <MenuLine />
      <MenuItem icon={<FolderPlus size={14} />} onSelect={() => showOverlay('add-repository')}>
        Add a repository…
      </MenuItem>
    </Menu>
  )
}
