import type { Task } from '../../shared/domain/task.ts'
import { type App, callOrToast } from '../connection/app-context.ts'
import { toast } from '../state/toasts.ts'
import { openTask } from '../state/ui.ts'

/** Fires a draft, or the next round of a task in rework, with the slots of the round before. */
export async function fireNextRound(app: App, task: Task): Promise<void> {
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
