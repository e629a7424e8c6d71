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
  const options = attempt.attention?.options ?? []
  const send = async (answer: string) => {
    if (!answer.trim() || state === 'sending') return
    setState('sending')
    const sent = await callOrToast(() => core().attempts.answer({ id: attempt.id, text: answer }))
    setState(sent ? (sent.delivered ? 'delivered' : 'not delivered') : 'idle')
    if (sent?.delivered) setText('')
  }
  return (
    <form
      className="answer"
      aria-label={`Answer attempt ${attempt.n}`}
      onSubmit={(event) => {
        event.preventDefault()
        void send(text)
      }}
    >
      <p className="answer-question" title={plainLine(question, 600)}>
        <CircleHelp size={14} className="status-icon" data-tone="warn" aria-hidden="true" />
        <span>{plainLine(question, 600)}</span>
      </p>
      {options.length > 0 ? (
        <fieldset className="answer-options" aria-label="Answers that it offers">
          {options.map((option) => (
            <Button
              key={option}
              size="s"
              blocked={state === 'sending' ? 'An answer is on its way.' : null}
              onClick={() => void send(option)}
            >
              {plainLine(option, 80)}
            </Button>
          ))}
        </fieldset>
      ) : null}
      <div className="answer-line">
        <textarea
          className="input"
          rows={1}
          aria-label="Your answer"
          placeholder={options.length > 0 ? 'Or in your own words…' : 'Answer…'}
          data-testid={`answer-${attempt.n}`}
          value={text}
          onChange={(event) => {
            setText(event.target.value)
            if (state !== 'sending') setState('idle')
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
              event.preventDefault()
              void send(text)
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
