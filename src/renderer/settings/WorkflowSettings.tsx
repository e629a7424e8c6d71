import { FileCheck2, FilePlus2, FileWarning, FileX2 } from 'lucide-react'
import { useCallback, useEffect, useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type { Repository } from '../../shared/domain/repository.ts'
import { TrustConsent } from '../board/TrustConsent.tsx'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { EmptyState } from '../ui/EmptyState.tsx'
import { plainLine } from '../ui/format.ts'
import { Select } from '../ui/Select.tsx'
import { Skeleton } from '../ui/Skeleton.tsx'
import { WorkflowDraft } from './WorkflowDraft.tsx'
import { WorkflowPlace } from './WorkflowPlace.tsx'
import { WorkflowValues } from './WorkflowValues.tsx'
import type { WorkflowPage } from './workflow-text.ts'
import './workflow.css'

/** The workflow file of one repository: how it stands, what is wrong in it, and every setting with its source. */
export function WorkflowSettings() {
  const repos = useEntities(
    useShallow((state) => Object.values(state.repositories).sort((a, b) => a.name.localeCompare(b.name))),
  )
  const open = useUi((state) => state.taskId)
  const ofTask = useEntities((state) => (open ? state.tasks[open]?.repoId : undefined))
  const wanted = useUi((state) => state.repoId) ?? ofTask
  const [chosen, setChosen] = useState<string | null>(null)
  const repo = repos.find((one) => one.id === (chosen ?? wanted)) ?? repos[0]
  if (!repo) return <EmptyState title="No repository yet">A workflow belongs to a repository.</EmptyState>
  return (
    <>
      <div className="settings-line">
        <h2>Workflow</h2>
        <span className="spacer" />
        {repos.length > 1 ? (
          <Select
            label="Repository"
            width={220}
            value={repo.id}
            options={repos.map((one) => ({ value: one.id, label: one.name }))}
            onChange={setChosen}
          />
        ) : (
          <span className="rail-quiet">{repo.name}</span>
        )}
      </div>
      <RepositoryWorkflow key={repo.id} repo={repo} />
    </>
  )
}

function RepositoryWorkflow({ repo }: { repo: Repository }) {
  const { core } = useApp()
  const row = useEntities((state) => state.workflows[repo.id])
  const [page, setPage] = useState<WorkflowPage | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [drafting, setDrafting] = useState(false)
  // The row changes when the file does; consent changes what is trusted.
  const version = `${row?.rev ?? 0}:${repo.trustedHash ?? ''}`
  const load = useCallback(
    async (_version: string) => {
      const outcome = await outcomeOf(() => core().repositories.workflow({ id: repo.id }))
      if (outcome.ok) setPage(outcome.value)
      setProblem(outcome.ok ? null : outcome.message)
    },
    [core, repo.id],
  )
  useEffect(() => {
    void load(version)
  }, [load, version])
  if (problem)
    return (
      <EmptyState
        title="The workflow could not be read"
        actions={<Button onClick={() => void load(version)}>Try again</Button>}
      >
        {problem}
      </EmptyState>
    )
  if (!page) return <Skeleton height={240} />
  return (
    <div className="workflow" data-testid="workflow" data-state={page.state.state}>
      <Standing page={page} onDraft={() => setDrafting(true)} />
      {drafting ? (
        <WorkflowDraft
          repoId={repo.id}
          onDone={(made) => {
            setDrafting(false)
            if (made) void load(version)
          }}
        />
      ) : null}
      {page.state.state === 'invalid' ? null : (
        <TrustConsent repoId={repo.id} trustedHash={repo.trustedHash} />
      )}
      {page.trusted && page.commands.length > 0 ? <Commands page={page} /> : null}
      <h2>In force</h2>
      <WorkflowValues page={page} />
      {page.unknownKeys.length > 0 ? (
        <p className="field-hint">
          Kept, but not known to Quartet: {page.unknownKeys.map((key) => plainLine(key, 80)).join(', ')}
        </p>
      ) : null}
      <h2>Prompt</h2>
      {page.template ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled text must be reachable with the keyboard
        <pre className="workflow-text" tabIndex={0}>
          {page.template}
        </pre>
      ) : (
        <p className="field-hint">The default: the brief, the rules of the round, and the lessons.</p>
      )}
      <WorkflowPlace repoId={repo.id} path={page.state.path} />
    </div>
  )
}

const LOOK = {
  ok: { icon: FileCheck2, tone: 'ok' },
  absent: { icon: FileX2, tone: 'quiet' },
  invalid: { icon: FileWarning, tone: 'bad' },
} as const

function Standing({ page, onDraft }: { page: WorkflowPage; onDraft: () => void }) {
  const { state } = page
  const { icon: Icon, tone } = LOOK[state.state]
  return (
    <section className="workflow-standing" aria-label="The file">
      <Icon size={18} className="status-icon" data-tone={tone} aria-hidden="true" />
      <div className="agent-text">
        <p>
          <strong>
            {state.state === 'ok'
              ? 'The workflow file is in force'
              : state.state === 'absent'
                ? 'There is no workflow file'
                : 'The workflow file has errors'}
          </strong>
        </p>
        <p className="rail-quiet mono truncate" title={state.file}>
          {state.file}
        </p>
        <p className="rail-quiet">
          {state.state === 'absent'
            ? 'What is set here in the app applies. With a file the team shares checks, reviewers and hooks.'
            : state.state === 'ok'
              ? 'A change of it applies to everything that starts later.'
              : state.usingLastGood
                ? 'What it last held validly goes on to apply to attempts at work; nothing new starts.'
                : 'Nothing new starts until it is mended.'}
        </p>
        {state.problems.length > 0 ? (
          <ul className="workflow-problems" data-testid="workflow-problems">
            {state.problems.map((one) => (
              <li key={`${one.name}:${one.key}:${one.line}:${one.message}`}>
                <span className="workflow-line num">{one.line === null ? 'file' : `line ${one.line}`}</span>
                {one.key ? <code>{one.key}</code> : null}
                <span>{plainLine(one.message, 600)}</span>
              </li>
            ))}
          </ul>
        ) : null}
      </div>
      {state.state === 'absent' ? (
        <Button kind="primary" data-testid="workflow-draft" onClick={onDraft}>
          <FilePlus2 size={14} /> Create WORKFLOW.md…
        </Button>
      ) : null}
    </section>
  )
}

/** What you consented to, word for word. */
function Commands({ page }: { page: WorkflowPage }) {
  return (
    <ul className="trust-list workflow-commands" aria-label="Commands you consented to">
      {page.commands.map((command) => (
        <li key={command.key}>
          <span className="rail-quiet">{command.key}</span>
          <code>{command.run}</code>
        </li>
      ))}
    </ul>
  )
}
