import { GitCommitHorizontal, Play, TriangleAlert } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import { titleOf } from '../../shared/domain/task.ts'
import { callOrToast, outcomeOf, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { useHost } from '../state/host.ts'
import { type Draft, openTask, showOverlay, useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { Dialog } from '../ui/Dialog.tsx'
import { plural, sha7 } from '../ui/format.ts'
import { onMac } from '../ui/platform.ts'
import { Select } from '../ui/Select.tsx'
import { draftProblem, emptySlot, firstAgent, resizeSlots, toSlots } from './composer-draft.ts'
import { SlotEditor } from './SlotEditor.tsx'
import './composer.css'

interface Preview {
  baseBranch: string
  baseSha: string
  subject: string
  freeSlots: number
  problems: string[]
}

/** Longer than a key repeat: the core reads the repository for each preview. */
const PREVIEW_DELAY_MS = 300

/** A new task: the brief, what starts, and one chord that fires. */
export function Composer() {
  const repos = useEntities(
    useShallow((state) => Object.values(state.repositories).sort((a, b) => a.name.localeCompare(b.name))),
  )
  const chosen = useUi((state) => state.repoId)
  const openTaskRepo = useEntities((state) => {
    const { taskId } = useUi.getState()
    return taskId ? state.tasks[taskId]?.repoId : undefined
  })
  const [picked, setPicked] = useState(() => chosen ?? openTaskRepo)
  // The first one may be added while this is open.
  const repoId = (repos.find((repo) => repo.id === picked) ?? repos[0])?.id
  const close = () => showOverlay(null)
  return (
    <Dialog open onClose={close} title="New task" bare width={repoId ? 940 : 420} testId="composer">
      {repoId ? (
        <ComposerForm
          key={repoId}
          repoId={repoId}
          repoSelect={
            <Select
              label="Repository"
              value={repoId}
              options={repos.map((repo) => ({
                value: repo.id,
                label: repo.name,
                off: repo.problem !== null,
                note: repo.problem ? 'cannot be read' : undefined,
              }))}
              onChange={setPicked}
            />
          }
          onDone={close}
        />
      ) : (
        <div className="composer-none">
          <p>A task needs a repository first.</p>
          <Button kind="primary" onClick={() => showOverlay('add-repository')}>
            Add a repository
          </Button>
        </div>
      )}
    </Dialog>
  )
}

function useDraft(repoId: string): [Draft, (change: Partial<Draft>) => void] {
  const kept = useUi((state) => state.drafts[repoId])
  const agents = useHost((state) => state.agents)
  const settings = useHost((state) => state.settings)
  const agent = firstAgent(agents ?? [], settings?.defaultAgents ?? [])
  const draft: Draft = kept ?? {
    brief: '',
    baseBranch: null,
    slots: resizeSlots([], settings?.defaultAttempts ?? 4, agent),
  }
  const change = (next: Partial<Draft>) =>
    useUi.setState((state) => ({ drafts: { ...state.drafts, [repoId]: { ...draft, ...next } } }))
  return [draft, change]
}

function dropDraft(repoId: string): void {
  useUi.setState((state) => {
    const { [repoId]: _fired, ...drafts } = state.drafts
    return { drafts }
  })
}

function ComposerForm({
  repoId,
  repoSelect,
  onDone,
}: {
  repoId: string
  repoSelect: React.ReactNode
  onDone: () => void
}) {
  const { core } = useApp()
  const [draft, change] = useDraft(repoId)
  const agents = useHost((state) => state.agents) ?? []
  const base = useEntities((state) => state.repositories[repoId]?.baseBranch ?? '')
  const [branches, setBranches] = useState<readonly string[]>([])
  const [busy, setBusy] = useState(false)
  const brief = useRef<HTMLTextAreaElement>(null)
  // One composition fires once, however often the chord is pressed or the wire breaks.
  const requestId = useRef(crypto.randomUUID())
  const baseBranch = draft.baseBranch ?? base
  const preview = usePreview(repoId, draft, baseBranch)
  const problem = draftProblem(draft, agents)

  useEffect(() => {
    brief.current?.focus()
    void outcomeOf(() => core().repositories.branches({ id: repoId })).then((outcome) => {
      if (outcome.ok) setBranches(outcome.value)
    })
  }, [core, repoId])

  const fire = async () => {
    if (problem || busy) return
    setBusy(true)
    const fired = await callOrToast(() =>
      core().tasks.fire({
        repoId,
        brief: draft.brief,
        baseBranch,
        slots: toSlots(draft),
        requestId: requestId.current,
      }),
    )
    setBusy(false)
    if (!fired) return
    dropDraft(repoId)
    onDone()
    openTask(fired.task.id, 1)
  }

  const keepAsDraft = async () => {
    if (!draft.brief.trim()) return
    const task = await callOrToast(() => core().tasks.create({ repoId, brief: draft.brief, baseBranch }))
    if (!task) return
    dropDraft(repoId)
    onDone()
    openTask(task.id)
  }

  const branchOptions = [...new Set([baseBranch, ...branches])].map((name) => ({ value: name, label: name }))
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: one chord for the whole form; the button beside does the same
    <div
      className="composer"
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault()
          void fire()
        }
      }}
    >
      <div className="composer-main">
        <div className="composer-place">
          {repoSelect}
          <Select
            label="Base branch"
            value={baseBranch}
            options={branchOptions}
            onChange={(value) => change({ baseBranch: value })}
          />
          <span className="spacer" />
          <span className="field-hint truncate">{draft.brief.trim() ? titleOf(draft.brief) : ''}</span>
        </div>
        <textarea
          ref={brief}
          className="composer-brief"
          data-testid="composer-brief"
          aria-label="Brief, in Markdown"
          placeholder={
            'What is to be done, and how will you know that it is?\n\nThe first line is the title. Markdown is welcome; every attempt gets exactly this text.'
          }
          value={draft.brief}
          onChange={(event) => change({ brief: event.target.value })}
        />
      </div>
      <SlotEditor draft={draft} agents={agents} onChange={(slots) => change({ slots })} />
      <div className="composer-foot">
        <PreviewLine preview={preview} />
        <span className="spacer" />
        <Button
          kind="ghost"
          onClick={() => void keepAsDraft()}
          blocked={draft.brief.trim() ? null : 'The brief is empty.'}
        >
          Keep as draft
        </Button>
        <Button
          kind="primary"
          size="l"
          busy={busy}
          blocked={problem}
          kbd={onMac ? '⌘ ↵' : 'Ctrl ↵'}
          data-testid="composer-fire"
          onClick={() => void fire()}
        >
          <Play size={15} /> Fire {plural(draft.slots.length, 'attempt')}
        </Button>
      </div>
    </div>
  )
}

type PreviewState = Preview | { failed: string } | null

function usePreview(repoId: string, draft: Draft, baseBranch: string): PreviewState {
  const { core } = useApp()
  const [preview, setPreview] = useState<PreviewState>(null)
  const slots = JSON.stringify(
    draft.slots.length > 0 ? toSlots(draft) : toSlots({ slots: [emptySlot('rehearsal')] }),
  )
  useEffect(() => {
    let gone = false
    const timer = setTimeout(() => {
      void outcomeOf(() => core().tasks.preview({ repoId, baseBranch, slots: JSON.parse(slots) })).then(
        (outcome) => {
          if (!gone) setPreview(outcome.ok ? outcome.value : { failed: outcome.message })
        },
      )
    }, PREVIEW_DELAY_MS)
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [core, repoId, baseBranch, slots])
  return preview
}

function PreviewLine({ preview }: { preview: PreviewState }) {
  if (!preview) return <span className="field-hint">Looking at the base…</span>
  const problems = 'failed' in preview ? [preview.failed] : preview.problems
  return (
    <div className="composer-preview" data-testid="composer-preview">
      {'failed' in preview ? null : (
        <p className="composer-base truncate">
          <GitCommitHorizontal size={14} aria-hidden="true" />
          <span className="mono">{sha7(preview.baseSha)}</span>
          <span className="truncate">{preview.subject}</span>
          <span className="rail-quiet num">{plural(preview.freeSlots, 'free slot')}</span>
        </p>
      )}
      {problems.map((problem) => (
        <p key={problem} className="composer-problem">
          <TriangleAlert size={13} aria-hidden="true" /> {problem}
        </p>
      ))}
    </div>
  )
}
