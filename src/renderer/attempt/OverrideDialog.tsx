import { useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import { useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { blockersOf, checksOf, findingsOf } from '../state/evidence.ts'
import { useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { Dialog } from '../ui/Dialog.tsx'
import { TextAreaField } from '../ui/Fields.tsx'
import { markMergeable } from './verdict-actions.ts'
import './verdict.css'

/** Red checks and open P0 findings do not forbid a landing, but it wants a reason that stays in the history. */
export function OverrideDialog() {
  const app = useApp()
  const id = useUi((state) => state.overriding)
  const attempt = useEntities((state) => (id ? state.attempts[id] : undefined))
  const blockers = useEntities(
    useShallow((state) => (id ? blockersOf(checksOf(state, id), findingsOf(state, id)) : [])),
  )
  const [reason, setReason] = useState('')
  const close = () => {
    setReason('')
    useUi.setState({ overriding: null })
  }
  if (!attempt) return null
  const blocked = reason.trim() ? null : 'Write why it is mergeable all the same.'
  const confirm = () => {
    if (blocked) return
    void markMergeable(app, attempt, reason.trim())
    setReason('')
  }
  return (
    <Dialog
      open
      onClose={close}
      title={`Call #${attempt.n} mergeable all the same?`}
      testId="override"
      foot={
        <>
          <span className="spacer" />
          <Button kind="ghost" onClick={close}>
            Cancel
          </Button>
          <Button
            kind="ok"
            kbd="Ctrl Enter"
            blocked={blocked}
            onClick={confirm}
            data-testid="override-confirm"
          >
            Mergeable
          </Button>
        </>
      }
    >
      <ul className="override-list">
        {(blockers.length > 0 ? blockers : ['The core found something that speaks against it.']).map(
          (text) => (
            <li key={text}>{text}</li>
          ),
        )}
      </ul>
      <TextAreaField
        label="Reason"
        hint="Kept in the history beside the verdict."
        rows={3}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) confirm()
        }}
      />
    </Dialog>
  )
}
