import type { ReactNode } from 'react'

/** One setting: what it is, what it does, its control. */
export function Row({ title, hint, children }: { title: string; hint?: ReactNode; children: ReactNode }) {
  return (
    <div className="setting">
      <div className="setting-text">
        <h3>{title}</h3>
        {hint ? <p>{hint}</p> : null}
      </div>
      <div className="setting-control">{children}</div>
    </div>
  )
}
