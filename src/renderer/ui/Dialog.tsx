import { X } from 'lucide-react'
import { Dialog as Base } from 'radix-ui'
import type { CSSProperties, ReactNode } from 'react'
import { IconButton } from './IconButton.tsx'

/** A field if there is one: a focused Close button would show its tooltip, which then eats the first Escape. */
function focusFirstField(event: Event): void {
  event.preventDefault()
  const content = event.target
  if (!(content instanceof HTMLElement)) return
  const field = content.querySelector('input, textarea')
  if (field instanceof HTMLElement) field.focus()
  else content.focus()
}

interface DialogProps {
  open: boolean
  onClose: () => void
  title: string
  /** Shown beside the title. */
  aside?: ReactNode
  /** For readers of the screen only, when the title does not say enough. */
  description?: string | undefined
  width?: number | undefined
  place?: 'middle' | 'top' | undefined
  testId?: string | undefined
  /** The head is drawn by the children. */
  bare?: boolean | undefined
  foot?: ReactNode
  children: ReactNode
}

export function Dialog(props: DialogProps) {
  const {
    open,
    onClose,
    title,
    aside,
    description,
    width = 520,
    place = 'middle',
    testId,
    bare,
    foot,
  } = props
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Overlay className="scrim" />
        <Base.Content
          className="dialog"
          data-place={place}
          data-testid={testId}
          onOpenAutoFocus={focusFirstField}
          style={{ '--dialog-width': `${width}px` } as CSSProperties}
          {...(description ? {} : { 'aria-describedby': undefined })}
        >
          {bare ? (
            <Base.Title className="sr-only">{title}</Base.Title>
          ) : (
            <div className="dialog-head">
              <Base.Title className="dialog-title">{title}</Base.Title>
              <span className="spacer" />
              {aside}
              <Base.Close asChild>
                <IconButton label="Close" kbd="Esc" size="s">
                  <X size={15} />
                </IconButton>
              </Base.Close>
            </div>
          )}
          {description ? <Base.Description className="sr-only">{description}</Base.Description> : null}
          {bare ? props.children : <div className="dialog-body">{props.children}</div>}
          {foot ? <div className="dialog-foot">{foot}</div> : null}
        </Base.Content>
      </Base.Portal>
    </Base.Root>
  )
}
