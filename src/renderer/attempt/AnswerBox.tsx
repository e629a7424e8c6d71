import { CircleHelp, CornerDownLeft } from 'lucide-react'
import { useState } from 'react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { Button } from '../ui/Button.tsx'
import { plainLine } from '../ui/format.ts'

/** The agent's question and a place for the answer: it is sent as one message, and whether it arrived is said. */
export function AnswerBox({ attempt }: { attempt: Attempt }) {
  const { core } = useApp()
  const [text, setText] = useState('')
  const [state, setState] = useState<'idle' | 'sending' | 'delivered' | 'not delivered'>('idle')
  const question =
    attempt.attention?.kind === 'question' || attempt.attention?.kind === 'not_delivered'
      ? attempt.attention.detail
      : (attempt.reason ?? 'The agent waits for you.')
  const send = async () => {
    if (!text.trim() || state === 'sending') return
    setState('sending')
    const answer = await callOrToast(() => core().attempts.answer({ id: attempt.id, text }))
    setState(answer ? (answer.delivered ? 'delivered' : 'not delivered') : 'idle')
    if (answer?.delivered) setText('')
  }
  return (
    <form
      className="answer"
      aria-label={`Answer attempt ${attempt.n}`}
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <p className="answer-question">
        <CircleHelp size={14} className="status-icon" data-tone="warn" aria-hidden="true" />
        <span>{plainLine(question, 600)}</span>
      </p>
      <div className="answer-line">
        <textarea
          className="input"
          rows={1}
          aria-label="Your answer"
          placeholder="Answer…"
          data-testid={`answer-${attempt.n}`}
          value={text}
          onChange={(event) => {
            setText(event.target.value)
            if (state !== 'sending') setState('idle')
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
              event.preventDefault()
              void send()
            }
          }}
        />
        <Button
          type="submit"
          kind="primary"
          busy={state === 'sending'}
          blocked={text.trim() ? null : 'Write an answer first.'}
        >
          Send <CornerDownLeft size={13} />
        </Button>
      </div>
      {state === 'not delivered' ? (
        <p className="field-error" role="alert">
          Typed into the terminal, but the agent did not confirm it. Look at the terminal.
        </p>
      ) : null}
    </form>
  )
}
