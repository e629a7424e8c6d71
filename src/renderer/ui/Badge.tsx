import type { ReactNode } from 'react'

export type Tone = 'quiet' | 'run' | 'ok' | 'warn' | 'bad' | 'accent'

export function Badge({
  tone = 'quiet',
  title,
  children,
}: {
  tone?: Tone
  title?: string
  children: ReactNode
}) {
  return (
    <span className="badge" data-tone={tone} title={title}>
      {children}
    </span>
  )
}
