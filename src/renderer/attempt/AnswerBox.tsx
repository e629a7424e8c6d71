import { CircleHelp, CornerDownLeft, Undo2 } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { Button } from '../ui/Button.tsx'
import { plainLine } from '../ui/format.ts'
import { IconButton } from '../ui/IconButton.tsx'

/** The agent's question and a place for the answer: it is sent as one message, and whether it arrived is said. */
export function AnswerBox({ attempt }: { attempt: Attempt }) {
  const { core } = useApp()
  const [text, setText] = useState('')
  const [state, setState] = useState<'idle' | 'sending' | 'delivered' | 'not delivered'>('idle')
  // In a low tile the field takes the place of the offered answers.
  const [own, setOwn] = useState(false)
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    if (own) field.current?.focus()
  }, [own])
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
    if (!sent?.delivered) return
    setText('')
    setOwn(false)
  }
  return (
    <form
      className="answer"
      data-offers={options.length > 0}
      data-own={own}
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
              <span className="truncate" title={plainLine(option)}>
                {plainLine(option, 80)}
              </span>
            </Button>
          ))}
        </fieldset>
      ) : null}
      <Button
        size="s"
        className="answer-own"
        data-testid={`answer-own-${attempt.n}`}
        onClick={() => setOwn(true)}
      >
        Other…
      </Button>
      <div className="answer-line">
        <textarea
          ref={field}
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
        <span className="answer-offered">
          <IconButton label="Back to the offered answers" onClick={() => setOwn(false)}>
            <Undo2 size={14} />
          </IconButton>
        </span>
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
