import { FolderPlus, Trash2 } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type { Repository } from '../../shared/domain/repository.ts'
import { TrustConsent } from '../board/TrustConsent.tsx'
import { callOrToast, outcomeOf, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { toast } from '../state/toasts.ts'
import { showOverlay } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { EmptyState } from '../ui/EmptyState.tsx'
import { IconButton } from '../ui/IconButton.tsx'
import { Select } from '../ui/Select.tsx'
import { ForgeTokens } from './ForgeTokens.tsx'

const WAYS = [
  { value: 'local', label: 'Lands by git alone' },
  { value: 'github', label: 'Through GitHub' },
] as const

export function RepositoriesSettings() {
  const repos = useEntities(
    useShallow((state) => Object.values(state.repositories).sort((a, b) => a.name.localeCompare(b.name))),
  )
  return (
    <>
      <div className="settings-line">
        <h2>Repositories</h2>
        <span className="spacer" />
        <Button onClick={() => showOverlay('add-repository')}>
          <FolderPlus size={14} /> Add
        </Button>
      </div>
      {repos.length === 0 ? (
        <EmptyState title="No repository yet">Add the local clone that you work in.</EmptyState>
      ) : (
        <ul className="agents">
          {repos.map((repo) => (
            <RepositoryRow key={repo.id} repo={repo} />
          ))}
        </ul>
      )}
      <ForgeTokens />
    </>
  )
}

const SHOWN_KEYS = 3

const listed = (keys: readonly string[]): string =>
  keys.length > SHOWN_KEYS
    ? `${keys.slice(0, SHOWN_KEYS).join(', ')} and ${keys.length - SHOWN_KEYS} more`
    : keys.join(', ')

function RepositoryRow({ repo }: { repo: Repository }) {
  const { core } = useApp()
  const [branches, setBranches] = useState<string[] | null>(null)
  const [shut, setShut] = useState<string[]>([])
  useEffect(() => {
    let gone = false
    void outcomeOf(() => core().repositories.branches({ id: repo.id })).then((outcome) => {
      // A repository that cannot be read says so itself, in `problem`.
      if (!gone && outcome.ok) setBranches(outcome.value)
    })
    void outcomeOf(() => core().repositories.shutConfig({ id: repo.id })).then((outcome) => {
      if (!gone && outcome.ok) setShut(outcome.value.keys)
    })
    return () => {
      gone = true
    }
  }, [core, repo.id])
  const options = (branches ?? [repo.baseBranch]).map((branch) => ({ value: branch, label: branch }))
  const land = async (forge: Repository['forge']) => {
    const done = await callOrToast(() => core().pulls.setForge({ repoId: repo.id, forge }))
    if (done)
      toast('ok', `${repo.name} lands ${forge === 'github' ? 'through pull requests' : 'by git alone'} now.`)
  }
  const remove = async () => {
    const done = await callOrToast(() => core().repositories.remove({ id: repo.id }))
    if (done) toast('ok', `${repo.name} is forgotten. Its files and branches are untouched.`)
  }
  return (
    <li className="agent repo-row">
      <div className="agent-text">
        <p>
          <strong>{repo.name}</strong>
        </p>
        <p className="rail-quiet mono truncate" title={repo.path}>
          {repo.path}
        </p>
        {repo.problem ? <p className="agent-problem">{repo.problem}</p> : null}
      </div>
      <Select
        label={`How ${repo.name} lands`}
        width={170}
        value={repo.forge}
        options={repo.remoteUrl === null && repo.forge === 'local' ? WAYS.slice(0, 1) : WAYS}
        onChange={(value) => {
          const way = WAYS.find((one) => one.value === value)
          if (way && way.value !== repo.forge) void land(way.value)
        }}
      />
      <Select
        label={`Base branch of ${repo.name}`}
        width={150}
        value={repo.baseBranch}
        options={options}
        onChange={(baseBranch) =>
          void callOrToast(() => core().repositories.update({ id: repo.id, baseBranch }))
        }
      />
      <IconButton label={`Forget ${repo.name}`} onClick={() => void remove()}>
        <Trash2 size={15} />
      </IconButton>
      {shut.length > 0 ? (
        <p className="rail-quiet repo-shut" title={shut.join('\n')} data-testid="repo-shut">
          Its own git configuration names programs, which Quartet does not run:{' '}
          <span className="mono">{listed(shut)}</span>. What you put into your global configuration counts.
        </p>
      ) : null}
      <TrustConsent repoId={repo.id} trustedHash={repo.trustedHash} />
    </li>
  )
}
