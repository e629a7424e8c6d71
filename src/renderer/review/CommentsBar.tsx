import { MessageSquareText } from 'lucide-react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { plural } from '../ui/format.ts'
import { chordsOf } from '../ui/keymap.ts'
import { onMac } from '../ui/platform.ts'
import { type DraftComment, sortComments } from './comments.ts'

/** What was said so far, and the way to send it. */
export function CommentsBar({
  attempt,
  comments,
  onShow,
}: {
  attempt: Attempt
  comments: readonly DraftComment[]
  onShow: (path: string) => void
}) {
  if (comments.length === 0) return null
  const first = sortComments(comments)[0]
  return (
    <div className="comments-bar" data-testid="comments-bar">
      <MessageSquareText size={14} className="status-icon" data-tone="accent" aria-hidden="true" />
      <span>{plural(comments.length, 'comment')}, not sent yet</span>
      <span className="spacer" />
      {first ? (
        <Button size="s" kind="ghost" onClick={() => onShow(first.path)}>
          Show
        </Button>
      ) : null}
      <Button
        size="s"
        kind="primary"
        kbd={chordsOf('attempt.keepGoing', onMac)[0]}
        data-testid="comments-send"
        onClick={() => useUi.setState({ keepingGoing: attempt.id })}
      >
        Send to #{attempt.n}…
      </Button>
    </div>
  )
}
