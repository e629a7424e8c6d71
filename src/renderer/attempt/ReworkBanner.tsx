import { LoaderCircle, RotateCcw } from 'lucide-react'
import { useState } from 'react'
import type { Lesson, Task } from '../../shared/domain/task.ts'
import { callOrToast, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { Button } from '../ui/Button.tsx'
import { Elapsed } from '../ui/Elapsed.tsx'
import { LessonForm } from './LessonForm.tsx'
import { fireNextRound, isUnanswered, lessonOf } from './task-actions.ts'

/** All attempts are trash: what that taught, to be corrected before the next round starts with it. */
export function ReworkBanner({ task }: { task: Task }) {
  const app = useApp()
  const lesson = useEntities((state) => lessonOf(state, task))
  const [fold, setFold] = useState(false)
  const [firing, setFiring] = useState(false)
  const analysing = lesson?.state === 'analysing'
  const unanswered = isUnanswered(lesson) ? 'Answer the open question first.' : null
  const fire = async () => {
    setFiring(true)
    await fireNextRound(app, task)
    setFiring(false)
  }
  return (
    <section className="rework" data-testid="rework" data-state={lesson?.state} aria-label="Rework">
      <div className="rework-head">
        <RotateCcw size={15} className="status-icon" data-tone="warn" aria-hidden="true" />
        <div className="rework-text">
          <h2>Round {task.round} is all trash</h2>
          <p>{lesson ? about(lesson, task.round + 1) : 'The lesson is being written…'}</p>
        </div>
        <span className="spacer" />
        {lesson ? (
          <Button size="s" kind="ghost" aria-expanded={!fold} onClick={() => setFold(!fold)}>
            {fold ? 'Show the lesson' : 'Hide'}
          </Button>
        ) : null}
        <Button
          kind={analysing ? 'plain' : 'primary'}
          kbd="F"
          busy={firing}
          blocked={unanswered}
          data-testid="fire-next-round"
          onClick={() => void fire()}
        >
          {analysing ? `Fire round ${task.round + 1} without it` : `Fire round ${task.round + 1}`}
        </Button>
      </div>
      {lesson && analysing ? <Analysing task={task} lesson={lesson} /> : null}
      {lesson && !fold ? <LessonForm key={lesson.id} lesson={lesson} /> : null}
    </section>
  )
}

function about(lesson: Lesson, next: number): string {
  if (lesson.state === 'analysing') return 'Below is what the facts alone teach, until the analysis is done.'
  return lesson.source === 'facts'
    ? `This goes with the brief into round ${next}. No agent analysed it: these are the facts alone; correct them.`
    : `This goes with the brief into round ${next}. Written by ${lesson.source}; correct it.`
}

/** An agent reads all attempts of the round; one need not wait for it. */
function Analysing({ task, lesson }: { task: Task; lesson: Lesson }) {
  const { core } = useApp()
  const [stopping, setStopping] = useState(false)
  const stop = async () => {
    setStopping(true)
    await callOrToast(() => core().review.stopAnalysis({ taskId: task.id }))
    setStopping(false)
  }
  return (
    <p className="rework-analysing" role="status" data-testid="analysing">
      <LoaderCircle size={14} className="status-icon" data-tone="run" data-spin="true" aria-hidden="true" />
      <span>
        An agent reads what all attempts did, and looks for what they have in common
        <span className="rail-quiet num">
          {' '}
          · <Elapsed since={lesson.createdAt} until={null} />
        </span>
      </span>
      <span className="spacer" />
      <Button size="s" kind="ghost" busy={stopping} onClick={() => void stop()}>
        Go on without it
      </Button>
    </p>
  )
}
