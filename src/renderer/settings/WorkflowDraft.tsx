import { useEffect, useState } from 'react'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { toast } from '../state/toasts.ts'
import { Button } from '../ui/Button.tsx'
import { Dialog } from '../ui/Dialog.tsx'
import { TextAreaField } from '../ui/Fields.tsx'
import { Skeleton } from '../ui/Skeleton.tsx'

/** A workflow file proposed from what the repository has: to be read and changed before anything is written. */
export function WorkflowDraft({ repoId, onDone }: { repoId: string; onDone: (made: boolean) => void }) {
  const { core } = useApp()
  const [text, setText] = useState<string | null>(null)
  const [notes, setNotes] = useState<readonly string[]>([])
  const [file, setFile] = useState('WORKFLOW.md')
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  useEffect(() => {
    let gone = false
    void outcomeOf(() => core().repositories.draftWorkflow({ id: repoId })).then((outcome) => {
      if (gone) return
      if (!outcome.ok) return setProblem(outcome.message)
      setText(outcome.value.text)
      setNotes(outcome.value.notes)
      setFile(outcome.value.file)
    })
    return () => {
      gone = true
    }
  }, [core, repoId])
  const write = async () => {
    if (!text?.trim() || busy) return
    setBusy(true)
    const outcome = await outcomeOf(() => core().repositories.createWorkflow({ id: repoId, text }))
    setBusy(false)
    if (!outcome.ok) return setProblem(outcome.message)
    toast('ok', 'WORKFLOW.md is written. Its commands wait for your consent; commit it to share it.')
    onDone(true)
  }
  return (
    <Dialog
      open
      onClose={() => onDone(false)}
      title="Create WORKFLOW.md"
      width={760}
      testId="workflow-dialog"
      foot={
        <>
          {problem ? (
            <p className="field-error" role="alert">
              {problem}
            </p>
          ) : (
            <p className="field-hint mono truncate" title={file}>
              {file}
            </p>
          )}
          <span className="spacer" />
          <Button kind="ghost" onClick={() => onDone(false)}>
            Cancel
          </Button>
          <Button
            kind="primary"
            busy={busy}
            blocked={text?.trim() ? null : 'There is nothing to write.'}
            data-testid="workflow-write"
            onClick={() => void write()}
          >
            Write the file
          </Button>
        </>
      }
    >
      {notes.length > 0 ? (
        <ul className="workflow-notes">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      ) : null}
      {text === null ? (
        problem ? null : (
          <Skeleton height={260} />
        )
      ) : (
        <TextAreaField
          label="The file"
          quiet
          className="workflow-edit"
          rows={22}
          value={text}
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
      )}
    </Dialog>
  )
}
