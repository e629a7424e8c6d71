import { Trash2 } from 'lucide-react'
import { useState } from 'react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { placeOf, sentComments, sortComments } from '../review/comments.ts'
import { useEntities } from '../state/entities.ts'
import {
  dropComment,
  forgetDrafts,
  setMessage,
  useComments,
  useReviewDrafts,
} from '../state/review-drafts.ts'
import { toast } from '../state/toasts.ts'
import { useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { Dialog } from '../ui/Dialog.tsx'
import { TextAreaField } from '../ui/Fields.tsx'
import { plural } from '../ui/format.ts'
import { IconButton } from '../ui/IconButton.tsx'
import { keepGoingBlocked } from './keep-going.ts'

const WAY = {
  typed: 'told its open agent',
  resumed: 'went on in its agent’s last conversation',
  afresh: 'started its agent anew with the message',
} as const

/** Instead of trash: what is to be done still, and the agent goes on in the same worktree. */
export function KeepGoingDialog() {
  const id = useUi((state) => state.keepingGoing)
  const attempt = useEntities((state) => (id ? state.attempts[id] : undefined))
  return attempt ? <KeepGoing key={attempt.id} attempt={attempt} /> : null
}

function KeepGoing({ attempt }: { attempt: Attempt }) {
  const { core } = useApp()
  const comments = useComments(attempt.id)
  const message = useReviewDrafts((state) => state.messages[attempt.id] ?? '')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const close = () => useUi.setState({ keepingGoing: null })
  const blocked =
    keepGoingBlocked(attempt) ??
    (message.trim() || comments.length > 0
      ? null
      : 'Write what is to be done, or comment on lines of the diff.')
  const send = async () => {
    if (blocked || busy) return
    setBusy(true)
    setProblem(null)
    const outcome = await outcomeOf(() =>
      core().attempts.continue({ id: attempt.id, message: message.trim(), comments: sentComments(comments) }),
    )
    setBusy(false)
    if (!outcome.ok) return setProblem(outcome.message)
    if (!outcome.value.delivered)
      return setProblem(
        'It was typed into the terminal, but the agent did not confirm it. Look there before you send it again.',
      )
    forgetDrafts(attempt.id)
    close()
    toast('ok', `#${attempt.n} goes on: Quartet ${WAY[outcome.value.way]}.`)
  }
  return (
    <Dialog
      open
      onClose={close}
      title={`Keep #${attempt.n} going`}
      testId="keep-going"
      width={560}
      foot={
        <>
          {problem ? (
            <p className="field-error" role="alert">
              {problem}
            </p>
          ) : (
            <p className="field-hint">Same worktree, same branch; checks and reviews run again afterwards.</p>
          )}
          <span className="spacer" />
          <Button kind="ghost" onClick={close}>
            Cancel
          </Button>
          <Button
            kind="primary"
            kbd="Ctrl Enter"
            busy={busy}
            blocked={blocked}
            data-testid="keep-going-send"
            onClick={() => void send()}
          >
            Send
          </Button>
        </>
      }
    >
      <TextAreaField
        label="What is to be done still"
        rows={4}
        data-testid="keep-going-message"
        value={message}
        onChange={(event) => setMessage(attempt.id, event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void send()
        }}
      />
      {comments.length > 0 ? (
        <section aria-label="Comments on lines" className="going-comments">
          <h3 className="field-label">{plural(comments.length, 'comment')} on lines go with it</h3>
          <ul>
            {sortComments(comments).map((comment) => (
              <li key={comment.id} className="going-comment">
                <div className="going-text">
                  <p className="mono rail-quiet truncate" title={placeOf(comment)}>
                    {placeOf(comment)}
                  </p>
                  <p>{comment.body}</p>
                </div>
                <IconButton
                  label="Remove this comment"
                  size="s"
                  onClick={() => dropComment(attempt.id, comment.id)}
                >
                  <Trash2 size={13} />
                </IconButton>
              </li>
            ))}
          </ul>
        </section>
      ) : null}
    </Dialog>
  )
}
