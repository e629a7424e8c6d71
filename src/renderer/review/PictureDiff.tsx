import { useEffect, useState } from 'react'
import type { CoreClient } from '../../shared/contract/client.ts'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { plainLine } from '../ui/format.ts'
import type { DiffFile } from './diff-model.ts'
import { bytesText, sidesOf } from './picture-sides.ts'
import './picture-diff.css'

type Picture = Awaited<ReturnType<CoreClient['review']['blob']>>
type Shown = { state: 'loading' } | { state: 'there'; picture: Picture } | { state: 'failed'; why: string }

/** A changed picture as it was and as it is, each with its size. */
export function PictureDiff({
  file,
  attemptId,
  against,
  top,
}: {
  file: DiffFile
  attemptId: string
  /** The attempt that is compared with; null for the base. */
  against: string | null
  top: number
}) {
  const sides = sidesOf(file)
  return (
    <div className="picture-diff" style={{ top }} data-testid="picture-diff">
      {sides.old === null ? null : (
        <Side title="Before" side="old" path={sides.old} attemptId={attemptId} against={against} />
      )}
      {sides.new === null ? null : (
        <Side title="After" side="new" path={sides.new} attemptId={attemptId} against={against} />
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
}) {
  const { title, side, path, attemptId, against } = props
  const { core } = useApp()
  const [shown, setShown] = useState<Shown>({ state: 'loading' })
  useEffect(() => {
    let gone = false
    setShown({ state: 'loading' })
    void outcomeOf(() => core().review.blob({ id: attemptId, path, side, against })).then((outcome) => {
      if (gone) return
      setShown(
        outcome.ok
          ? { state: 'there', picture: outcome.value }
          : { state: 'failed', why: plainLine(outcome.message, 200) },
      )
    })
    return () => {
      gone = true
    }
  }, [core, attemptId, path, side, against])
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
