import { CornerLeftUp, Folder, FolderGit2 } from 'lucide-react'
import { useEffect, useState } from 'react'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { Skeleton } from '../ui/Skeleton.tsx'

interface Listing {
  path: string
  parent: string | null
  entries: { name: string; path: string; isRepository: boolean }[]
}

/** Folders of the machine that the core runs on, which may be another than the one with the screen. */
export function FolderBrowser({
  start,
  onPick,
}: {
  start: string | undefined
  onPick: (path: string) => void
}) {
  const { core } = useApp()
  const [path, setPath] = useState(start)
  const [listing, setListing] = useState<Listing | { failed: string } | null>(null)

  useEffect(() => {
    let gone = false
    void outcomeOf(() => core().repositories.browse(path === undefined ? {} : { path })).then((outcome) => {
      if (!gone) setListing(outcome.ok ? outcome.value : { failed: outcome.message })
    })
    return () => {
      gone = true
    }
  }, [core, path])

  if (!listing) return <Skeleton height={220} />
  if ('failed' in listing) return <p className="field-error">{listing.failed}</p>
  const { parent } = listing
  return (
    <div className="browser">
      <p className="browser-path mono truncate">{listing.path}</p>
      <ul className="browser-list" aria-label={`Folders in ${listing.path}`}>
        {parent ? (
          <li>
            <button type="button" className="browser-row" onClick={() => setPath(parent)}>
              <CornerLeftUp size={14} /> up
            </button>
          </li>
        ) : null}
        {listing.entries.map((entry) => (
          <li key={entry.path}>
            <button
              type="button"
              className="browser-row"
              data-repository={entry.isRepository}
              onClick={() => (entry.isRepository ? onPick(entry.path) : setPath(entry.path))}
            >
              {entry.isRepository ? <FolderGit2 size={14} /> : <Folder size={14} />}
              <span className="truncate">{entry.name}</span>
              {entry.isRepository ? <span className="menu-item-note">git repository</span> : null}
            </button>
          </li>
        ))}
        {listing.entries.length === 0 ? (
          <li className="browser-row rail-quiet">No folders in here.</li>
        ) : null}
      </ul>
    </div>
  )
}
