import { useEffect, useState } from 'react'
import type { Evidence } from '../../shared/domain/review.ts'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { Dialog } from '../ui/Dialog.tsx'
import { plainLine } from '../ui/format.ts'

/** Pictures as they may be shown: anything else (SVG above all) is a document, not a picture. */
const SAFE = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

type Picture = { state: 'loading' } | { state: 'there'; url: string } | { state: 'failed'; why: string }

/** Pictures that the attempt left at the configured path. */
export function Screenshots({ evidence }: { evidence: Evidence }) {
  const [open, setOpen] = useState<string | null>(null)
  if (evidence.screenshots.length === 0) return null
  return (
    <div className="shots">
      {evidence.screenshots.map((shot) => (
        <button
          key={shot.name}
          type="button"
          className="shot"
          title={`${shot.path} (${Math.ceil(shot.bytes / 1024)} kB)`}
          onClick={() => setOpen(shot.name)}
        >
          <Shot evidenceId={evidence.id} name={shot.name} alt={plainLine(shot.path)} />
          <span className="truncate">{plainLine(shot.name)}</span>
        </button>
      ))}
      <Dialog
        open={open !== null}
        onClose={() => setOpen(null)}
        title={open === null ? 'Screenshot' : plainLine(open)}
        width={1200}
      >
        {open === null ? null : <Shot evidenceId={evidence.id} name={open} alt={plainLine(open)} />}
      </Dialog>
    </div>
  )
}

function Shot({ evidenceId, name, alt }: { evidenceId: string; name: string; alt: string }) {
  const { core } = useApp()
  const [picture, setPicture] = useState<Picture>({ state: 'loading' })
  useEffect(() => {
    let gone = false
    void outcomeOf(() => core().review.picture({ evidenceId, name })).then((outcome) => {
      if (gone) return
      if (!outcome.ok) setPicture({ state: 'failed', why: outcome.message })
      else if (!SAFE.has(outcome.value.mime))
        setPicture({ state: 'failed', why: `${outcome.value.mime} is not shown` })
      else setPicture({ state: 'there', url: `data:${outcome.value.mime};base64,${outcome.value.base64}` })
    })
    return () => {
      gone = true
    }
  }, [core, evidenceId, name])
  if (picture.state === 'there') return <img src={picture.url} alt={alt} />
  return <span className="shot-state">{picture.state === 'loading' ? 'Loading…' : picture.why}</span>
}
