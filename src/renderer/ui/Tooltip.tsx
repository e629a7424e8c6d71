import { Tooltip as Base } from 'radix-ui'
import type { ReactNode } from 'react'
import { Kbd } from './Kbd.tsx'

export function TooltipProvider({ children }: { children: ReactNode }) {
  return (
    <Base.Provider delayDuration={450} skipDelayDuration={200}>
      {children}
    </Base.Provider>
  )
}

/** `children` must be one element that takes a ref and props. */
export function Tooltip({
  text,
  kbd,
  children,
}: {
  text: string
  kbd?: string | undefined
  children: ReactNode
}) {
  return (
    <Base.Root>
      <Base.Trigger asChild>{children}</Base.Trigger>
      <Base.Portal>
        <Base.Content className="tooltip" sideOffset={5} collisionPadding={8}>
          <span>{text}</span>
          {kbd ? <Kbd>{kbd}</Kbd> : null}
        </Base.Content>
      </Base.Portal>
    </Base.Root>
  )
}
