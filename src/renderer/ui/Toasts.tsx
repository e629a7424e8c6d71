import { CircleAlert, CircleCheck, Info, X } from 'lucide-react'
import { Toast as Base } from 'radix-ui'
import { useToasts } from '../state/toasts.ts'
import { Button } from './Button.tsx'
import { IconButton } from './IconButton.tsx'

const ICONS = { bad: CircleAlert, ok: CircleCheck, info: Info } as const
/** Long enough to read one sentence; failures stay twice as long. */
const STAY_MS = { bad: 12_000, ok: 5_000, info: 6_000 } as const

export function Toasts() {
  const toasts = useToasts((state) => state.toasts)
  const dismiss = useToasts((state) => state.dismiss)
  return (
    <Base.Provider swipeDirection="right" label="Notification">
      {toasts.map((toast) => {
        const Icon = ICONS[toast.tone]
        return (
          <Base.Root
            key={toast.id}
            className="toast"
            data-tone={toast.tone}
            data-testid="toast"
            duration={STAY_MS[toast.tone]}
            onOpenChange={(open) => !open && dismiss(toast.id)}
          >
            <Icon size={16} />
            <div className="toast-body">
              <Base.Title className="toast-title">{toast.text}</Base.Title>
              {toast.detail ? (
                <Base.Description className="toast-detail">{toast.detail}</Base.Description>
              ) : null}
            </div>
            {toast.action ? (
              <Base.Action asChild altText={toast.action.label}>
                <Button size="s" onClick={toast.action.run}>
                  {toast.action.label}
                </Button>
              </Base.Action>
            ) : null}
            <Base.Close asChild>
              <IconButton label="Dismiss" size="s">
                <X size={14} />
              </IconButton>
            </Base.Close>
          </Base.Root>
        )
      })}
      <Base.Viewport className="toasts" />
    </Base.Provider>
  )
}
