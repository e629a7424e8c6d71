import { MessageSquareText, PencilLine, Trash2 } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { Button } from '../ui/Button.tsx'
import { IconButton } from '../ui/IconButton.tsx'
import { type DraftComment, placeOf } from './comments.ts'

interface ThreadProps {
  top: number
  comments: readonly DraftComment[]
  /** The comment that is being written here; null when none is. */
  editing: DraftComment | null
  onEdit: (comment: DraftComment) => void
  onSave: (comment: DraftComment) => void
  onCancel: () => void
  onDrop: (comment: DraftComment) => void
  /** Its height changed: everything below moves. */
  onHeight: (px: number) => void
}

/** What was said about a line, below it. */
export function CommentThread(props: ThreadProps) {
  const { top, comments, editing, onHeight } = props
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = box.current
    if (!element) return
    const observer = new ResizeObserver(() => onHeight(element.offsetHeight))
    observer.observe(element)
    return () => observer.disconnect()
  }, [onHeight])
  const shown = comments.filter((comment) => comment.id !== editing?.id)
  return (
    <div className="remarks" ref={box} style={{ top }}>
      {shown.map((comment) => (
        <div key={comment.id} className="remark-comment">
          <MessageSquareText size={13} className="status-icon" data-tone="accent" aria-hidden="true" />
          <p className="remark-body">{comment.body}</p>
          <IconButton label="Change this comment" size="s" onClick={() => props.onEdit(comment)}>
            <PencilLine size={13} />
          </IconButton>
          <IconButton label="Remove this comment" size="s" onClick={() => props.onDrop(comment)}>
            <Trash2 size={13} />
          </IconButton>
        </div>
      ))}
      {editing ? (
        <CommentEditor key={editing.id} comment={editing} onSave={props.onSave} onCancel={props.onCancel} />
      ) : null}
    </div>
  )
}

function CommentEditor({
  comment,
  onSave,
  onCancel,
}: {
  comment: DraftComment
  onSave: (comment: DraftComment) => void
  onCancel: () => void
}) {
  const [body, setBody] = useState(comment.body)
  const save = () => (body.trim() ? onSave({ ...comment, body: body.trim() }) : onCancel())
  return (
    <div className="remark-editor">
      <textarea
        className="input"
        rows={3}
        aria-label={`Comment on ${placeOf(comment)}`}
        placeholder="What should the agent do here?"
        data-testid="comment-text"
        // biome-ignore lint/a11y/noAutofocus: it opens because somebody wants to write in it
        autoFocus
        value={body}
        onChange={(event) => setBody(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) save()
          else if (event.key === 'Escape') onCancel()
          else return
          event.preventDefault()
          event.stopPropagation()
        }}
      />
      <div className="remark-foot">
        <span className="rail-quiet">{placeOf(comment)}</span>
        <span className="spacer" />
        <Button size="s" kind="ghost" onClick={onCancel}>
          Cancel
        </Button>
        <Button size="s" kind="primary" kbd="Ctrl Enter" data-testid="comment-save" onClick={save}>
          Keep it
        </Button>
      </div>
    </div>
  )
}
