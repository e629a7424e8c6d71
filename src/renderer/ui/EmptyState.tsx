import type { ReactNode } from 'react'

export function EmptyState({
  icon,
  title,
  children,
  actions,
  testId,
}: {
  icon?: ReactNode
  title: string
  children?: ReactNode
  actions?: ReactNode
  testId?: string
}) {
  return (
    <div className="empty" data-testid={testId}>
      {icon}
      <h2 className="empty-title">{title}</h2>
      {children ? <div className="empty-text">{children}</div> : null}
      {actions ? <div className="empty-actions">{actions}</div> : null}
    </div>
  )
}
