import { CircleAlert, FolderGit2, FolderOpen } from 'lucide-react'
import { useCallback, useEffect, useState } from 'react'
import type { Repository, RepositoryInspection } from '../../shared/domain/repository.ts'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { useHost } from '../state/host.ts'
import { toast } from '../state/toasts.ts'
import { showOverlay, useUi } from '../state/ui.ts'
import { Badge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { Dialog } from '../ui/Dialog.tsx'
import { TextField } from '../ui/Fields.tsx'
import { Select } from '../ui/Select.tsx'
import { useAddRepository } from './add-repository-state.ts'
import { FolderBrowser } from './FolderBrowser.tsx'
import { TrustConsent } from './TrustConsent.tsx'
import './add-repository.css'

type Looked =
  | { state: 'none' }
  | { state: 'looking' }
  | { state: 'refused'; message: string }
  | { state: 'good'; found: RepositoryInspection }

/** Waits until a path is typed to its end before the disk is looked at. */
const LOOK_DELAY_MS = 250

/** Adds a local clone: path, what was found there, what it would run. */
export function AddRepository() {
  const { core } = useApp()
  const home = useHost((state) => state.info?.home)
  const native = useHost((state) => state.info?.capabilities.folderDialog === true)
  const [path, setPath] = useState(() => useAddRepository.getState().path)
  const [looked, setLooked] = useState<Looked>({ state: 'none' })
  const [branch, setBranch] = useState<string | null>(null)
  const [adding, setAdding] = useState(false)
  const [added, setAdded] = useState<Repository | null>(null)

  const close = useCallback(() => {
    useAddRepository.setState({ path: '' })
    showOverlay(null)
  }, [])

  useEffect(() => {
    const wanted = path.trim()
    if (!wanted) return setLooked({ state: 'none' })
    let gone = false
    setLooked({ state: 'looking' })
    const timer = setTimeout(() => {
      void outcomeOf(() => core().repositories.inspect({ path: wanted })).then((outcome) => {
        if (gone) return
        setLooked(
          outcome.ok
            ? { state: 'good', found: outcome.value }
            : { state: 'refused', message: outcome.message },
        )
        setBranch(outcome.ok ? outcome.value.baseBranch : null)
      })
    }, LOOK_DELAY_MS)
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [core, path])

  const add = async () => {
    if (looked.state !== 'good' || adding) return
    setAdding(true)
    const outcome = await outcomeOf(() =>
      core().repositories.add({ path: looked.found.path, ...(branch ? { baseBranch: branch } : {}) }),
    )
    setAdding(false)
    if (!outcome.ok) return setLooked({ state: 'refused', message: outcome.message })
    useUi.setState({ repoId: outcome.value.id, page: 'board' })
    toast('ok', `${outcome.value.name} is added.`)
    // Its commands want consent; without any there is nothing more to ask.
    if (looked.found.hasWorkflow) setAdded(outcome.value)
    else close()
  }

  const choose = async () => {
    const chosen = await window.quartet?.chooseFolder?.()
    if (chosen) setPath(chosen)
  }

  return (
    <Dialog
      open
      onClose={close}
      title={added ? `${added.name} is added` : 'Add a repository'}
      width={620}
      testId="add-repository-dialog"
      foot={
        added ? (
          <>
            <span className="spacer" />
            <Button kind="primary" onClick={close}>
              Done
            </Button>
          </>
        ) : (
          <>
            <span className="spacer" />
            <Button kind="ghost" onClick={close}>
              Cancel
            </Button>
            <Button
              kind="primary"
              kbd="Enter"
              busy={adding}
              blocked={looked.state === 'good' ? null : 'Give the path of a git repository.'}
              data-testid="add-repository-confirm"
              onClick={() => void add()}
            >
              Add
            </Button>
          </>
        )
      }
    >
      {added ? (
        <TrustConsent repoId={added.id} trustedHash={added.trustedHash} />
      ) : (
        <>
          <div className="add-line">
            <TextField
              label="Path of the local clone"
              placeholder={home ? `${home}/projects/…` : 'Path'}
              value={path}
              data-testid="add-repository-path"
              onChange={(event) => setPath(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === 'Enter') void add()
              }}
            />
            {native && window.quartet?.chooseFolder ? (
              <Button onClick={() => void choose()}>
                <FolderOpen size={14} /> Choose…
              </Button>
            ) : null}
          </div>
          <Inspection looked={looked} branch={branch} onBranch={setBranch} />
          <FolderBrowser start={undefined} onPick={setPath} />
        </>
      )}
    </Dialog>
  )
}

function Inspection({
  looked,
  branch,
  onBranch,
}: {
  looked: Looked
  branch: string | null
  onBranch: (branch: string) => void
}) {
  if (looked.state === 'refused')
    return (
      <p className="add-refused" role="alert" data-testid="add-repository-refused">
        <CircleAlert size={15} /> {looked.message}
      </p>
    )
  if (looked.state !== 'good')
    return (
      <p className="add-note rail-quiet">
        {looked.state === 'looking'
          ? 'Looking…'
          : 'Quartet works in worktrees beside it; your checkout is never touched.'}
      </p>
    )
  const { found } = looked
  return (
    <div className="add-found">
      <FolderGit2 size={16} className="status-icon" data-tone="ok" aria-hidden="true" />
      <div className="agent-text">
        <p>
          <strong>{found.name}</strong>{' '}
          <span className="rail-quiet">{found.headBranch ? `on ${found.headBranch}` : 'detached head'}</span>
        </p>
        <p className="rail-quiet mono truncate">{found.remoteUrl ?? 'no remote: it lands locally'}</p>
      </div>
      {found.hasWorkflow ? <Badge tone="accent">WORKFLOW.md</Badge> : null}
      {found.hasSubmodules ? <Badge>submodules</Badge> : null}
      {found.hasLfs ? <Badge>LFS</Badge> : null}
      <Select
        label="Branch that work lands on"
        width={150}
        value={branch ?? found.baseBranch}
        options={found.branches.map((name) => ({ value: name, label: name }))}
        onChange={onBranch}
      />
    </div>
  )
}
