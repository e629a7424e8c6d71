import { useState } from 'react'
import type { Task } from '../../shared/domain/task.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'

/** Editing a brief in place; `text` is null while it is not edited. */
export function useBriefEdit(task: Task) {
  const { core } = useApp()
  const [text, setText] = useState<string | null>(null)
  return {
    text,
    begin: () => setText(task.brief),
    change: setText,
    cancel: () => setText(null),
    save: async () => {
      if (text === null) return
      const saved = await callOrToast(() => core().tasks.edit({ id: task.id, brief: text }))
      if (saved) setText(null)
    },
  }
}
