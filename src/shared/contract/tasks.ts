import { z } from 'zod'
import { Attempt } from '../domain/attempt.ts'
import { Lesson, MAX_ATTEMPTS, MAX_BRIEF_CHARS, Round, Slot, Task } from '../domain/task.ts'
import { procedure } from './errors.ts'

/** A task as the CLI shows it: DESIGN §9 promises `repoPath`. */
export const TaskView = Task.extend({ repoPath: z.string() })
export type TaskView = z.infer<typeof TaskView>

const Brief = z
  .string()
  .trim()
  .min(1, 'The brief is empty.')
  .max(MAX_BRIEF_CHARS, 'The brief is longer than a million characters.')
const Slots = z
  .array(Slot)
  .min(1, 'A round needs at least one attempt.')
  .max(MAX_ATTEMPTS, `A round has at most ${MAX_ATTEMPTS} attempts.`)

export const Fired = z.object({ task: TaskView, attempts: z.array(Attempt) })

export const tasks = {
  /** A draft that is fired later. */
  create: procedure
    .input(
      z.object({
        repoId: z.string(),
        brief: Brief,
        title: z.string().max(200).optional(),
        baseBranch: z.string().optional(),
      }),
    )
    .output(TaskView),
  edit: procedure
    .input(
      z.object({ id: z.string(), brief: Brief.optional(), title: z.string().min(1).max(200).optional() }),
    )
    .output(TaskView),
  /** Creates a task and fires its first round; `requestId` makes a repeated call fire once. */
  fire: procedure
    .input(
      z.object({
        repoId: z.string(),
        brief: Brief,
        title: z.string().max(200).optional(),
        baseBranch: z.string().optional(),
        slots: Slots,
        requestId: z.string().max(100).optional(),
      }),
    )
    .output(Fired),
  /** Fires a draft, or the next round of a task in rework. */
  fireRound: procedure
    .input(
      z.object({
        id: z.string(),
        slots: Slots.optional(),
        attempts: z.number().int().min(1).max(MAX_ATTEMPTS).optional(),
      }),
    )
    .output(Fired),
  /** What firing would start: the pinned commit and what is missing; starts nothing. */
  preview: procedure
    .input(z.object({ repoId: z.string(), baseBranch: z.string().optional(), slots: Slots }))
    .output(
      z.object({
        baseBranch: z.string(),
        baseSha: z.string(),
        subject: z.string(),
        freeSlots: z.number().int(),
        problems: z.array(z.string()),
      }),
    ),
  list: procedure
    .input(z.object({ repoId: z.string().optional(), all: z.boolean().optional() }))
    .output(z.array(TaskView)),
  get: procedure.input(z.object({ id: z.string() })).output(
    z.object({
      task: TaskView,
      rounds: z.array(Round),
      attempts: z.array(Attempt),
      lessons: z.array(Lesson),
    }),
  ),
  editLesson: procedure
    .input(
      z.object({
        id: z.string(),
        wentWrong: z.string(),
        doDifferently: z.string(),
        doNotRepeat: z.string(),
        answer: z.string().nullable(),
      }),
    )
    .output(Lesson),
  abandon: procedure.input(z.object({ id: z.string() })).output(TaskView),
  /** Goes on with a landing that waits (the base was dirty, a conflict was solved). */
  land: procedure.input(z.object({ id: z.string() })).output(TaskView),
}
