import { ChevronRight, Square, SquareCheck } from 'lucide-react'
import { memo } from 'react'
import { Badge } from '../ui/Badge.tsx'
import { compact, plainLine } from '../ui/format.ts'
import type { DiffFile } from './diff-model.ts'

interface FileHeadProps {
  file: DiffFile
  top: number | null
  folded: boolean
  /** null where marks make no sense. */
  viewed: boolean | null
  badge: string | null
  current: boolean
  onFold: () => void
  onViewed: () => void
}

/** The name of a file above its lines; `top` is null for the one that stays in sight. */
export const FileHead = memo(function FileHead(props: FileHeadProps) {
  const { file, top, folded, viewed, badge } = props
  return (
    <div
      className="file-head"
      data-sticky={top === null || undefined}
      data-current={props.current || undefined}
      style={top === null ? undefined : { top }}
    >
      <button
        type="button"
        className="file-head-fold"
        aria-expanded={!folded}
        title={file.path}
        onClick={props.onFold}
      >
        <ChevronRight size={13} className="group-arrow" aria-hidden="true" />
        <span className="truncate mono">
          {file.oldPath ? <span className="rail-quiet">{plainLine(file.oldPath, 400)} → </span> : null}
          {plainLine(file.path, 400)}
        </span>
      </button>
      {badge ? <Badge>{badge}</Badge> : null}
      <span className="spacer" />
      <span className="num tile-added">{file.added ? `+${compact(file.added)}` : ''}</span>
      <span className="num tile-removed">{file.removed ? `−${compact(file.removed)}` : ''}</span>
      {viewed === null ? null : (
        <button
          type="button"
          className="file-head-viewed"
          aria-pressed={viewed}
          aria-label={`Viewed: ${file.path}`}
          title="Viewed (V)"
          onClick={props.onViewed}
        >
          {viewed ? <SquareCheck size={14} /> : <Square size={14} />}
          Viewed
        </button>
      )}
    </div>
  )
})
