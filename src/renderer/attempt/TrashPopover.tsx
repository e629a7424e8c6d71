import { Popover } from 'radix-ui'
import { type ReactNode, useRef, useState } from 'react'
import { type Attempt, TrashReason } from '../../shared/domain/attempt.ts'
import { useApp } from '../connection/app-context.ts'
import { useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { TextAreaField } from '../ui/Fields.tsx'
import { Kbd } from '../ui/Kbd.tsx'
import { trash } from './verdict-actions.ts'

/** The engineer does not give this one: it is what happens to the siblings of a mergeable attempt. */
const REASONS = TrashReason.options.filter((reason) => reason !== 'lost to sibling')

/** Asks for the reasons, which are what the next round learns from; the trash key again skips them. */
export function TrashPopover({ attempt, children }: { attempt: Attempt; children: ReactNode }) {
  const open = useUi((state) => state.trashing === attempt.id)
  return (
    <Popover.Root open={open} onOpenChange={(next) => !next && useUi.setState({ trashing: null })}>
      <Popover.Anchor asChild>
        <span className="tile-anchor">{children}</span>
      </Popover.Anchor>
      <Popover.Portal>
        <Popover.Content
          className="popover trash"
          side="top"
          align="end"
          sideOffset={6}
          collisionPadding={8}
          aria-label={`Trash attempt ${attempt.n}`}
          onOpenAutoFocus={(event) => event.preventDefault()}
        >
          <TrashForm attempt={attempt} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

function TrashForm({ attempt }: { attempt: Attempt }) {
  const app = useApp()
  const [reasons, setReasons] = useState<TrashReason[]>([])
  const [note, setNote] = useState('')
  const noteField = useRef<HTMLTextAreaElement>(null)
  const confirm = () => void trash(app, attempt, reasons, note.trim())
  const toggle = (reason: TrashReason) =>
    setReasons((have) => (have.includes(reason) ? have.filter((one) => one !== reason) : [...have, reason]))

  const onKeyDown = (event: React.KeyboardEvent) => {
    const inNote = event.target === noteField.current
    const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : null
    if (event.key === 'Enter' && !event.shiftKey) confirm()
    else if (!inNote && event.key === 't') confirm()
    else if (!inNote && digit !== null && REASONS[digit - 1]) toggle(REASONS[digit - 1] as TrashReason)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the whole form, each with its own control beside
    <div
      className="trash-form"
      onKeyDown={onKeyDown}
      ref={(element) => element?.querySelector('button')?.focus()}
    >
      <p className="trash-title">
        Why is #{attempt.n} trash? <span className="trash-hint">The next round learns from it.</span>
      </p>
      <div className="trash-tags">
        {REASONS.map((reason, index) => (
          <button
            key={reason}
            type="button"
            className="tag"
            aria-pressed={reasons.includes(reason)}
            onClick={() => toggle(reason)}
          >
            <span className="tag-key num">{index + 1}</span>
            {reason}
          </button>
        ))}
      </div>
      <TextAreaField
        label="Note"
        quiet
        ref={noteField}
        rows={2}
        placeholder="A note for the next round (optional)"
        value={note}
        onChange={(event) => setNote(event.target.value)}
      />
      <div className="trash-foot">
        <span className="trash-hint">
          <Kbd>T</Kbd> again trashes at once
        </span>
        <span className="spacer" />
        <Button size="s" kind="ghost" onClick={() => useUi.setState({ trashing: null })}>
          Cancel
        </Button>
        <Button size="s" kind="danger" kbd="Enter" data-testid="trash-confirm" onClick={confirm}>
          Trash
        </Button>
      </div>
    </div>
  )
}
