import { DropdownMenu } from 'radix-ui'
import type { ReactNode } from 'react'

export function Menu({
  trigger,
  align = 'start',
  children,
}: {
  trigger: ReactNode
  align?: 'start' | 'end' | undefined
  children: ReactNode
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align={align} sideOffset={5} collisionPadding={8}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}

export function MenuItem({
  icon,
  note,
  onSelect,
  off,
  children,
}: {
  icon?: ReactNode
  note?: ReactNode
  onSelect: () => void
  off?: boolean | undefined
  children: ReactNode
}) {
  return (
    <DropdownMenu.Item className="menu-item" onSelect={onSelect} disabled={off === true}>
      {icon}
      <span className="truncate">{children}</span>
      {note ? <span className="menu-item-note">{note}</span> : null}
    </DropdownMenu.Item>
  )
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <DropdownMenu.Label className="menu-label">{children}</DropdownMenu.Label>
}

export function MenuLine() {
  return <DropdownMenu.Separator className="menu-line" />
}
