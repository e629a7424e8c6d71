import type { Lesson, Task } from '../../shared/domain/task.ts'
import { canTask } from '../../shared/machines/task-machine.ts'
import type { Entities } from '../../shared/state/apply.ts'
import { type App, callOrToast } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { toast } from '../state/toasts.ts'
import { openTask } from '../state/ui.ts'

/** What the current round of a task taught; undefined until it is written. */
export function lessonOf(entities: Pick<Entities, 'lessons'>, task: Task): Lesson | undefined {
  return Object.values(entities.lessons).find((one) => one.taskId === task.id && one.round === task.round)
}

/** A question that only the engineer can answer: another round would only misread the brief again. */
export const isUnanswered = (lesson: Lesson | undefined): boolean =>
  Boolean(lesson?.openQuestion) && !lesson?.answer

/** Why a task cannot be fired now; null when it can. */
export function fireBlocked(task: Task | null): string | null {
  if (!task) return 'No task is open.'
  return canTask(task.status, 'fire') ? null : 'Only a draft or a task in rework can be fired.'
}

/** Puts the keyboard into the lesson: on the question that waits for an answer, else on its first field. */
export function goToLesson(): void {
  const question = document.querySelector('[data-testid="lesson-answer"]')
  const isOpen = question instanceof HTMLTextAreaElement && question.value === ''
  const target = isOpen ? question : document.querySelector('[data-testid="lesson-went-wrong"]')
  if (!(target instanceof HTMLElement)) return
  target.focus()
  target.scrollIntoView({ block: 'nearest' })
}

/** Fires a draft, or the next round of a task in rework, with the slots of the round before. */
export async function fireNextRound(app: App, task: Task): Promise<void> {
  if (isUnanswered(lessonOf(useEntities.getState(), task))) {
    goToLesson()
    return toast('info', 'Answer the open question first: the next round would misread it as well.')
  }
  const fired = await callOrToast(() => app.core().tasks.fireRound({ id: task.id }))
  if (fired) openTask(task.id, 1)
}

export async function continueLanding(app: App, task: Task): Promise<void> {
  await callOrToast(() => app.core().tasks.land({ id: task.id }))
}

export async function abandonTask(app: App, task: Task): Promise<void> {
  const done = await callOrToast(() => app.core().tasks.abandon({ id: task.id }))
  if (done) toast('ok', 'The task is abandoned. What its attempts changed is kept in the trash.')
}
