import { Check, Clock, type LucideIcon, MessageCircle, Undo2 } from 'lucide-react'
import { useState } from 'react'
import type { Attempt, Finding } from '../../shared/domain/attempt.ts'
import { blocksVerdict } from '../../shared/state/review-selectors.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { isOpenFinding } from '../state/evidence.ts'
import { Badge, type Tone } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { plainLine } from '../ui/format.ts'
import { Markdown } from '../ui/Markdown.tsx'

const TONE: Record<Finding['priority'], Tone> = { P0: 'bad', P1: 'warn', P2: 'accent', P3: 'quiet' }

type Answer = 'accepted' | 'clarified' | 'pushed_back' | 'deferred'

const ANSWERS: readonly {
  status: Answer
  label: string
  hint: string
  icon: LucideIcon
  needsText: boolean
}[] = [
  {
    status: 'accepted',
    label: 'Accept',
    hint: 'It is right and is to be mended.',
    icon: Check,
    needsText: false,
  },
  {
    status: 'clarified',
    label: 'Clarify',
    hint: 'What the reviewer could not know.',
    icon: MessageCircle,
    needsText: true,
  },
  { status: 'pushed_back', label: 'Push back', hint: 'Why it is not right.', icon: Undo2, needsText: true },
  {
    status: 'deferred',
    label: 'Defer',
    hint: 'Why later: it becomes a draft task.',
    icon: Clock,
    needsText: true,
  },
]

const STATUS: Record<Finding['status'], string> = {
  open: 'open',
  accepted: 'accepted',
  clarified: 'clarified',
  pushed_back: 'pushed back',
  deferred: 'deferred',
  resolved: 'resolved',
}

/** One finding and what may be answered to it. */
export function FindingItem({ finding, attempt }: { finding: Finding; attempt: Attempt }) {
  const open = isOpenFinding(finding)
  const blocks = blocksVerdict(finding)
  const [answering, setAnswering] = useState<Answer | null>(null)
  return (
    <li
      className="finding"
      data-open={open}
      data-finding-open={open}
      data-blocks={blocks}
      data-testid="finding"
      tabIndex={-1}
    >
      <div className="finding-line">
        <Badge tone={TONE[finding.priority]}>{finding.priority}</Badge>
        <span className="finding-title">{plainLine(finding.title, 300)}</span>
      </div>
      {finding.file ? (
        <p className="finding-place mono">
          {plainLine(finding.file)}
          {finding.line ? `:${finding.line}` : ''}
        </p>
      ) : null}
      <Markdown text={finding.body} />
      <p className="rail-quiet">
        {plainLine(finding.reviewer, 60)} · {Math.round(finding.confidence * 100)} % sure ·{' '}
        <strong>{STATUS[finding.status]}</strong>
        {finding.answeredBy
          ? ` by ${finding.answeredBy === 'engineer' ? 'you' : `the ${finding.answeredBy}`}`
          : ''}
        {finding.headSha === attempt.headSha ? '' : ' · of an older commit'}
      </p>
      {finding.answer ? <p className="finding-answer">{finding.answer}</p> : null}
      {blocks ? <p className="finding-blocks">Stands in the way of “mergeable”.</p> : null}
      {attempt.verdict || finding.status === 'resolved' ? null : (
        <fieldset className="finding-answers" aria-label={`Answer ${finding.priority}`}>
          {ANSWERS.map(({ status, label, hint, icon: Icon }) => (
            <button
              key={status}
              type="button"
              className="finding-choice"
              title={hint}
              aria-pressed={
                answering === status ||
                (answering === null && finding.status === status && finding.answeredBy === 'engineer')
              }
              onClick={() => setAnswering(answering === status ? null : status)}
            >
              <Icon size={12} aria-hidden="true" /> {label}
            </button>
          ))}
        </fieldset>
      )}
      {answering ? (
        <AnswerForm finding={finding} answer={answering} onDone={() => setAnswering(null)} />
      ) : null}
    </li>
  )
}

function AnswerForm({ finding, answer, onDone }: { finding: Finding; answer: Answer; onDone: () => void }) {
  const { core } = useApp()
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const look = ANSWERS.find((one) => one.status === answer)
  const blocked = look?.needsText && !text.trim() ? 'Write why.' : null
  const send = async () => {
    if (blocked || busy) return
    setBusy(true)
    const done = await callOrToast(() =>
      core().review.answer({ findingId: finding.id, status: answer, answer: text.trim() }),
    )
    setBusy(false)
    if (done) onDone()
  }
  return (
    <div className="finding-form">
      <textarea
        className="input"
        rows={2}
        aria-label={look?.hint}
        placeholder={look?.needsText ? look.hint : 'A note (optional)'}
        // biome-ignore lint/a11y/noAutofocus: it opens because somebody wants to write in it
        autoFocus
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void send()
          else if (event.key === 'Escape') onDone()
          else return
          event.preventDefault()
          event.stopPropagation()
        }}
      />
      <div className="remark-foot">
        <span className="spacer" />
        <Button size="s" kind="ghost" onClick={onDone}>
          Cancel
        </Button>
        <Button size="s" kind="primary" busy={busy} blocked={blocked} onClick={() => void send()}>
          {look?.label}
        </Button>
      </div>
    </div>
  )
}
