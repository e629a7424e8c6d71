import { RotateCcw } from 'lucide-react'
import { useState } from 'react'
import type { Lesson, Task } from '../../shared/domain/task.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { toast } from '../state/toasts.ts'
import { Button } from '../ui/Button.tsx'
import { TextAreaField } from '../ui/Fields.tsx'
import { fireNextRound } from './task-actions.ts'

/** All attempts are trash: what that taught, to be corrected before the next round starts with it. */
export function ReworkBanner({ task }: { task: Task }) {
  const app = useApp()
  const lesson = useEntities((state) =>
    Object.values(state.lessons).find((one) => one.taskId === task.id && one.round === task.round),
  )
  const [fold, setFold] = useState(false)
  const [firing, setFiring] = useState(false)
  const unanswered = lesson?.openQuestion && !lesson.answer ? 'Answer the open question first.' : null
  const fire = async () => {
    setFiring(true)
    await fireNextRound(app, task)
    setFiring(false)
  }
  return (
    <section className="rework" data-testid="rework" aria-label="Rework">
      <div className="rework-head">
        <RotateCcw size={15} className="status-icon" data-tone="warn" aria-hidden="true" />
        <div className="rework-text">
          <h2>Round {task.round} is all trash</h2>
          <p>
            {lesson
              ? `This goes with the brief into round ${task.round + 1}. ${lesson.source === 'facts' ? 'It was written from the facts alone; correct it.' : `Written by ${lesson.source}; correct it.`}`
              : 'The lesson is being written…'}
          </p>
        </div>
        <span className="spacer" />
        {lesson ? (
          <Button size="s" kind="ghost" onClick={() => setFold(!fold)}>
            {fold ? 'Show the lesson' : 'Hide'}
          </Button>
        ) : null}
        <Button
          kind="primary"
          kbd="F"
          busy={firing}
          blocked={unanswered}
          data-testid="fire-next-round"
          onClick={() => void fire()}
        >
          Fire round {task.round + 1}
        </Button>
      </div>
      {lesson && !fold ? <LessonForm key={`${lesson.id}-${lesson.rev}`} lesson={lesson} /> : null}
    </section>
  )
}

function LessonForm({ lesson }: { lesson: Lesson }) {
  const { core } = useApp()
  const [draft, setDraft] = useState({
    wentWrong: lesson.wentWrong,
    doDifferently: lesson.doDifferently,
    doNotRepeat: lesson.doNotRepeat,
    answer: lesson.answer ?? '',
  })
  const changed =
    draft.wentWrong !== lesson.wentWrong ||
    draft.doDifferently !== lesson.doDifferently ||
    draft.doNotRepeat !== lesson.doNotRepeat ||
    draft.answer !== (lesson.answer ?? '')
  const save = async () => {
    if (!changed) return
    const saved = await callOrToast(() =>
      core().tasks.editLesson({ id: lesson.id, ...draft, answer: draft.answer.trim() ? draft.answer : null }),
    )
    if (saved) toast('ok', 'The lesson is saved.')
  }
  const field = (key: keyof typeof draft, label: string) => (
    <TextAreaField
      label={label}
      rows={3}
      value={draft[key]}
      onChange={(event) => setDraft({ ...draft, [key]: event.target.value })}
      onBlur={() => void save()}
    />
  )
  return (
    <div className="lesson">
      {field('wentWrong', 'What went wrong')}
      {field('doDifferently', 'Do differently')}
      {field('doNotRepeat', 'Do not repeat')}
      {lesson.openQuestion ? (
        <div className="lesson-question">
          <p>
            <strong>Only you can say:</strong> {lesson.openQuestion}
          </p>
          {field('answer', 'Your answer')}
        </div>
      ) : null}
      <p className="field-hint" aria-live="polite">
        {changed ? 'Saved when you leave the field.' : 'Saved.'}
      </p>
    </div>
  )
}
