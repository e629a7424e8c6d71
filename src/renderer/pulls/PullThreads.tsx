import { Bot, ChevronRight } from 'lucide-react'
import { Collapsible } from 'radix-ui'
import { useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import { isOpenThread, type ReviewThread } from '../../shared/domain/pull.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { Badge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { Ago } from '../ui/Elapsed.tsx'
import { clockTime, dayOf, plainLine } from '../ui/format.ts'
import { Markdown } from '../ui/Markdown.tsx'

const ANSWER_TEXT: Record<NonNullable<ReviewThread['answer']>['kind'], string> = {
  accept: 'accepted',
  clarify: 'answered',
  push_back: 'pushed back',
}

/** What people and bots said on the pull request; what waits for an answer stands first and open. */
export function PullThreads({ pullId, canAnswer }: { pullId: string; canAnswer: boolean }) {
  const threads = useEntities(useShallow((state) => threadsOf(state.reviewThreads, pullId)))
  if (threads.length === 0) return null
  return (
    <ul className="threads" aria-label="Review threads">
      {threads.map((thread) => (
        <Thread key={thread.id} thread={thread} canAnswer={canAnswer} />
      ))}
    </ul>
  )
}

function threadsOf(threads: Readonly<Record<string, ReviewThread>>, pullId: string): ReviewThread[] {
  return Object.values(threads)
    .filter((thread) => thread.pullId === pullId && thread.comments.length > 0)
    .sort(
      (a, b) =>
        Number(isOpenThread(b)) - Number(isOpenThread(a)) ||
        (a.comments[0]?.at ?? 0) - (b.comments[0]?.at ?? 0) ||
        a.name.localeCompare(b.name, 'en', { numeric: true }),
    )
}

/** Both kinds of our comments are posted with the engineer's token: whose words they are says the answer. */
function authorOf(thread: ReviewThread, comment: ReviewThread['comments'][number]): string {
  if (!comment.own) return plainLine(comment.author, 60)
  const { answer } = thread
  return answer?.by === 'engineer' && comment.body.trim() === answer.text.trim() ? 'You' : 'Quartet'
}

function Thread({ thread, canAnswer }: { thread: ReviewThread; canAnswer: boolean }) {
  const waits = isOpenThread(thread)
  const [open, setOpen] = useState(waits)
  const first = thread.comments[0]
  const where = thread.path
    ? `${plainLine(thread.path, 200)}${thread.line === null ? '' : `:${thread.line}`}`
    : thread.kind === 'review'
      ? 'review'
      : 'comment'
  const answer = thread.answer
  return (
    <li className="thread" data-testid="thread" data-open={waits}>
      <Collapsible.Root open={open} onOpenChange={setOpen}>
        <Collapsible.Trigger className="thread-head">
          <ChevronRight size={12} className="group-arrow" aria-hidden="true" />
          <span className="mono">{thread.name}</span>
          <span className="truncate mono rail-quiet" title={where}>
            {where}
          </span>
          <span className="spacer" />
          {thread.resolved ? (
            <Badge tone="ok">resolved</Badge>
          ) : waits ? (
            <Badge tone="warn">waits</Badge>
          ) : answer ? (
            <Badge tone={answer.postedAt === null ? 'run' : 'quiet'}>
              {ANSWER_TEXT[answer.kind]}
              {answer.postedAt === null ? ', being posted' : ''}
            </Badge>
          ) : null}
        </Collapsible.Trigger>
        {!open && first ? <p className="thread-peek truncate">{plainLine(first.body, 200)}</p> : null}
        <Collapsible.Content className="thread-body">
          {thread.comments.map((comment) => (
            <article key={comment.externalId} className="thread-comment" data-own={comment.own}>
              <p className="thread-author">
                <strong>{authorOf(thread, comment)}</strong>
                {comment.bot ? <Bot size={12} role="img" aria-label="a bot" /> : null}
                <time
                  className="rail-quiet num"
                  title={`${dayOf(comment.at)} ${clockTime(comment.at)}`}
                  dateTime={new Date(comment.at).toISOString()}
                >
                  <Ago since={comment.at} />
                </time>
              </p>
              <Markdown text={comment.body} />
            </article>
          ))}
          {canAnswer && thread.resolved !== true ? <Reply thread={thread} /> : null}
        </Collapsible.Content>
      </Collapsible.Root>
    </li>
  )
}

/** Answers in the engineer's name, on the forge. */
function Reply({ thread }: { thread: ReviewThread }) {
  const { core } = useApp()
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const send = async () => {
    if (busy || text.trim() === '') return
    setBusy(true)
    const sent = await callOrToast(() => core().pulls.reply({ threadId: thread.id, text }))
    setBusy(false)
    if (sent) setText('')
  }
  return (
    <form
      className="thread-reply"
      data-typed={text !== ''}
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <textarea
        className="input"
        rows={1}
        aria-label={`Answer to ${thread.name}`}
        placeholder={thread.answer ? 'Answer again…' : 'Answer in your name…'}
        value={text}
        maxLength={60_000}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault()
            void send()
          }
        }}
      />
      <Button
        size="s"
        type="submit"
        busy={busy}
        blocked={text.trim() === '' ? 'Write an answer first.' : null}
        title="Ctrl Enter"
      >
        Answer
      </Button>
    </form>
  )
}
