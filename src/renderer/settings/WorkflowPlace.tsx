import { useState } from 'react'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { Button } from '../ui/Button.tsx'
import { TextField } from '../ui/Fields.tsx'

/** Another file than the one at the root. */
export function WorkflowPlace({ repoId, path }: { repoId: string; path: string | null }) {
  const { core } = useApp()
  const [text, setText] = useState(path ?? '')
  const [problem, setProblem] = useState<string | null>(null)
  const wanted = text.trim() === '' ? null : text.trim()
  const save = async () => {
    // biome-ignore lint/correctness/useHookAtTopLevel: a call of the core, not a hook
    const outcome = await outcomeOf(() => core().repositories.useWorkflow({ id: repoId, path: wanted }))
    setProblem(outcome.ok ? null : outcome.message)
  }
  return (
    <form
      className="workflow-place"
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
    >
      <TextField
        label="Another file"
        placeholder="WORKFLOW.md"
        hint="Relative to the repository, or absolute. Empty for WORKFLOW.md at the root."
        error={problem}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <Button type="submit" blocked={wanted === path ? 'This is the file already.' : null}>
        Use it
      </Button>
    </form>
  )
}
