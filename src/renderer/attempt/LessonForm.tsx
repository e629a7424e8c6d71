import { MessageCircleQuestion } from 'lucide-react'
import { useState } from 'react'
import type { Lesson } from '../../shared/domain/task.ts'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { TextAreaField } from '../ui/Fields.tsx'
import { Markdown } from '../ui/Markdown.tsx'

const FIELDS = ['wentWrong', 'doDifferently', 'doNotRepeat', 'answer'] as const
type Field = (typeof FIELDS)[number]
type Words = Record<Field, string>

const wordsOf = (lesson: Lesson): Words => ({
  wentWrong: lesson.wentWrong,
  doDifferently: lesson.doDifferently,
  doNotRepeat: lesson.doNotRepeat,
  answer: lesson.answer ?? '',
})

/**
 * The lesson, to be corrected. What the engineer typed in a field wins there over what an analysis brings meanwhile; the
 * other fields follow the core.
 */
export function LessonForm({ lesson }: { lesson: Lesson }) {
  const { core } = useApp()
  const [typed, setTyped] = useState<Partial<Words>>({})
  const [state, setState] = useState<'idle' | 'saving' | { problem: string }>('idle')
  const stored = wordsOf(lesson)
  const words: Words = { ...stored, ...typed }
  const changed = FIELDS.some((field) => words[field] !== stored[field])
  const save = async () => {
    if (!changed) return
    setState('saving')
    const outcome = await outcomeOf(() =>
      core().tasks.editLesson({ id: lesson.id, ...words, answer: words.answer.trim() ? words.answer : null }),
    )
    if (!outcome.ok) return setState({ problem: outcome.message })
    setState('idle')
    // Typed on while it was being saved: that stays.
    setTyped((have) =>
      Object.fromEntries(Object.entries(have).filter(([field, text]) => words[field as Field] !== text)),
    )
  }
  const field = (key: Field, label: string, testId: string) => (
    <TextAreaField
      label={label}
      rows={2}
      className="lesson-field"
      data-testid={testId}
      value={words[key]}
      onChange={(event) => setTyped({ ...typed, [key]: event.target.value })}
      onBlur={() => void save()}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void save()
      }}
    />
  )
  return (
    <div className="lesson">
      {lesson.openQuestion ? (
        <div className="lesson-question" data-answered={Boolean(lesson.answer)}>
          <p className="lesson-ask">
            <MessageCircleQuestion size={15} className="status-icon" data-tone="warn" aria-hidden="true" />
            <span>
              <strong>Only you can say:</strong> {lesson.openQuestion}
            </span>
          </p>
          {field('answer', 'Your answer', 'lesson-answer')}
        </div>
      ) : null}
      {field('wentWrong', 'What went wrong', 'lesson-went-wrong')}
      {field('doDifferently', 'Do differently', 'lesson-do-differently')}
      {field('doNotRepeat', 'Do not repeat', 'lesson-do-not-repeat')}
      {lesson.facts && lesson.source !== 'facts' ? (
        <details className="lesson-facts">
          <summary>What the facts alone say; they go along</summary>
          <Markdown text={lesson.facts} />
        </details>
      ) : null}
      <p className="field-hint" aria-live="polite" data-testid="lesson-state">
        {typeof state === 'object' ? (
          <span className="field-error">{state.problem}</span>
        ) : state === 'saving' ? (
          'Saving…'
        ) : changed ? (
          'Saved when you leave the field.'
        ) : (
          'Saved.'
        )}
      </p>
    </div>
  )
}
