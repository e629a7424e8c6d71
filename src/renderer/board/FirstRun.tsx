import { FolderPlus, Play } from 'lucide-react'
import { useState } from 'react'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { openTask, showOverlay, useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { Mark } from '../ui/Mark.tsx'
import './first-run.css'

const STEPS = [
  ['Describe', 'Write a task once, in Markdown.'],
  ['Fire four', 'Each attempt gets its own worktree, branch and terminal.'],
  ['Watch', 'Terminals, checks and findings side by side. Quartet says who needs you.'],
  ['Decide', 'Mergeable lands, trash teaches the next round. One key each.'],
] as const

/** Nothing is here yet: what this is, and the two ways to begin. */
export function FirstRun() {
  const { core } = useApp()
  const [busy, setBusy] = useState(false)
  const trySample = async () => {
    setBusy(true)
    const sample = await callOrToast(() => core().repositories.trySample())
    setBusy(false)
    if (!sample) return
    useUi.setState({ repoId: sample.repository.id })
    openTask(sample.task.id, 1)
  }
  return (
    <main className="first-run" data-testid="first-run">
      <div className="first-run-inner">
        <Mark size={44} />
        <h1>Four attempts at once. One verdict each.</h1>
        <p className="first-run-lead">
          Quartet fires several coding agents at the same task, shows them side by side with what they prove,
          and lands the one that you call mergeable.
        </p>
        <div className="first-run-actions">
          <Button
            kind="primary"
            size="l"
            busy={busy}
            data-testid="try-sample"
            onClick={() => void trySample()}
          >
            <Play size={15} /> {busy ? 'Preparing the sample…' : 'Try it on a sample repository'}
          </Button>
          <Button size="l" data-testid="add-repository" onClick={() => showOverlay('add-repository')}>
            <FolderPlus size={15} /> Add a repository
          </Button>
        </div>
        <p className="field-hint">
          The sample is a small real git repository in Quartet’s own data folder; its agents are rehearsals
          that need no account. You can also drop a folder on this window.
        </p>
        <ol className="first-run-steps">
          {STEPS.map(([title, text], index) => (
            <li key={title}>
              <span className="first-run-n">{index + 1}</span>
              <div>
                <h2>{title}</h2>
                <p>{text}</p>
              </div>
            </li>
          ))}
        </ol>
      </div>
    </main>
  )
}
