import { useEffect, useState } from 'react'
import type { CoreClient } from '../../shared/contract/client.ts'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { plainLine } from '../ui/format.ts'
import type { DiffFile } from './diff-model.ts'
import { PictureCache } from './picture-cache.ts'
import { bytesText, sidesOf } from './picture-sides.ts'
import './picture-diff.css'

type Picture = Awaited<ReturnType<CoreClient['review']['blob']>>
type Shown = { state: 'loading' } | { state: 'there'; picture: Picture } | { state: 'failed'; why: string }

const cache = new PictureCache<Picture>()

/** A changed picture as it was and as it is, each with its size. */
export function PictureDiff({
  file,
  attemptId,
  against,
  version,
  top,
}: {
  file: DiffFile
  attemptId: string
  /** The attempt that is compared with; null for the base. */
  against: string | null
  /** Names the commits that were compared: of others there are other pictures. */
  version: string
  top: number
}) {
  const sides = sidesOf(file)
  return (
    <div className="picture-diff" style={{ top }} data-testid="picture-diff">
      {sides.old === null ? null : (
        <Side
          title="Before"
          side="old"
          path={sides.old}
          attemptId={attemptId}
          against={against}
          version={version}
        />
      )}
      {sides.new === null ? null : (
        <Side
          title="After"
          side="new"
          path={sides.new}
          attemptId={attemptId}
          against={against}
          version={version}
        />
      )}
    </div>
  )
}

function Side(props: {
  title: string
  side: 'old' | 'new'
  path: string
  attemptId: string
  against: string | null
  version: string
}) {
  const { title, side, path, attemptId, against, version } = props
  const { core } = useApp()
  const key = [attemptId, against, version, side, path].join('\0')
  const [asked, setAsked] = useState<{ key: string; shown: Shown } | null>(null)
  const kept = cache.get(key)
  const known = kept !== undefined
  useEffect(() => {
    if (known) return
    let gone = false
    void outcomeOf(() => core().review.blob({ id: attemptId, path, side, against })).then((outcome) => {
      if (outcome.ok) cache.put(key, outcome.value)
      if (gone) return
      setAsked({
        key,
        shown: outcome.ok
          ? { state: 'there', picture: outcome.value }
          : { state: 'failed', why: plainLine(outcome.message, 200) },
      })
    })
    return () => {
      gone = true
    }
  }, [core, key, known, attemptId, path, side, against])
  const shown: Shown = kept
    ? { state: 'there', picture: kept }
    : asked?.key === key
      ? asked.shown
      : { state: 'loading' }
  return (
    <figure className="picture-side" data-side={side} data-state={shown.state}>
      <div className="picture-frame">
        {shown.state === 'there' ? (
          <img
            src={`data:${shown.picture.mime};base64,${shown.picture.base64}`}
            width={shown.picture.width}
            height={shown.picture.height}
            alt={`${title}: ${plainLine(path, 400)}`}
          />
        ) : (
          <span className="rail-quiet">{shown.state === 'loading' ? 'Loading…' : shown.why}</span>
        )}
      </div>
      <figcaption className="num">
        <span>{title}</span>
        {shown.state === 'there' ? (
          <span className="rail-quiet">
            {shown.picture.width} × {shown.picture.height} px · {bytesText(shown.picture.bytes)}
          </span>
        ) : null}
      </figcaption>
    </figure>
  )
}
