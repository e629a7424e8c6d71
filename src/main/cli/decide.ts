import { TrashReason } from '../../shared/domain/attempt.ts'
import { Failure } from '../../shared/domain/failure.ts'
import { MAX_ATTEMPTS } from '../../shared/domain/task.ts'
import { type Command, type Context, list, number, text } from './command.ts'
import { showRound, waitFor, waitGoal } from './fire.ts'
import { age, attemptStatus, plain, taskStatus } from './format.ts'
import { findAttempt, findTask } from './ids.ts'
import { UsageError } from './io.ts'

const TAGS = TrashReason.options.map((tag) => tag.replaceAll(' ', '-'))

/** Blanks in tags are a nuisance in a shell: `wrong-approach` means `wrong approach`. */
export function reasonsOf(tags: readonly string[]): TrashReason[] {
  return tags.map((tag) => {
    const parsed = TrashReason.safeParse(tag.replaceAll(/[-_]/g, ' ').toLowerCase())
    if (parsed.success) return parsed.data
    throw new UsageError(`“${tag}” is no reason. Known: ${TAGS.join(', ')}.`)
  })
}

export const verdict: Command = {
  name: 'verdict',
  synopsis: 'ATTEMPT mergeable|trash [options]',
  about: 'judge an attempt; can be undone for ten seconds',
  details: `--reason TAG…     why it is trash:
                  ${TAGS.slice(0, 5).join(', ')},
                  ${TAGS.slice(5).join(', ')}
--note TEXT       what a tag cannot say
--head SHA        judge exactly this commit, and fail when the attempt has moved on
--override TEXT   call it mergeable although a check or a finding blocks it, for this reason
--wait landed     return when the task landed`,
  options: {
    reason: { type: 'string', multiple: true },
    note: { type: 'string' },
    head: { type: 'string' },
    override: { type: 'string' },
    wait: { type: 'string' },
  },
  positionals: { min: 2, max: 2 },
  async run(context, [id = '', word = ''], values) {
    if (word !== 'mergeable' && word !== 'trash')
      throw new UsageError(`A verdict is mergeable or trash, not “${word}”.`)
    const goal = waitGoal(values)
    if (goal === 'ready') throw new UsageError('After a verdict there is only --wait landed.')
    const reasons = reasonsOf(list(values, 'reason'))
    const core = await context.core()
    const found = await findAttempt(core, id)
    const headSha = text(values, 'head')
    const overrideReason = text(values, 'override')
    const given = await core.attempts.verdict({
      id: found.id,
      kind: word,
      reasons,
      note: text(values, 'note') ?? '',
      ...(headSha === undefined ? {} : { headSha }),
      ...(overrideReason === undefined ? {} : { overrideReason }),
    })
    if (goal) {
      await waitFor(context, goal, given.taskId)
      const landed = await core.attempts.get({ id: given.id })
      context.result(landed, `${landed.id}  ${attemptStatus(landed.status, context.paint)}`)
      return 0
    }
    const left = given.verdict ? Math.round((given.verdict.undoUntil - context.io.now()) / 1000) : 0
    const undo = left > 0 ? `  (undo within ${left} s: quartet undo ${given.id})` : ''
    context.result(given, `${given.id}  ${attemptStatus(given.status, context.paint)}${undo}`)
    return 0
  },
}

/** A command that does one thing to one attempt and shows what became of it. */
function onAttempt(name: 'undo' | 'restore' | 'stop', about: string, details: string): Command {
  return {
    name,
    synopsis: 'ATTEMPT',
    about,
    details,
    options: {},
    positionals: { min: 1, max: 1 },
    async run(context, [id = '']) {
      const core = await context.core()
      const found = await findAttempt(core, id)
      const attempt = await core.attempts[name]({ id: found.id })
      const where = name === 'restore' ? `  ${plain(attempt.worktree)}` : ''
      context.result(attempt, `${attempt.id}  ${attemptStatus(attempt.status, context.paint)}${where}`)
      return 0
    },
  }
}

export const undo = onAttempt('undo', 'take a verdict back within ten seconds', 'Its siblings come back too.')
export const restore = onAttempt(
  'restore',
  'bring a trashed attempt back',
  'Into a worktree at its old path and branch, with everything that was not committed.',
)
export const stop = onAttempt(
  'stop',
  'end the agent of an attempt; its worktree stays',
  'The whole process tree ends.',
)

export const rework: Command = {
  name: 'rework',
  synopsis: 'TASK [--attempts N] [--answer TEXT] [--wait ready|landed]',
  about: 'fire the next round, with what went wrong in its brief',
  details:
    '--answer TEXT   what the open question of the trashed round is answered with; the next round reads both',
  options: { attempts: { type: 'string' }, answer: { type: 'string' }, wait: { type: 'string' } },
  positionals: { min: 1, max: 1 },
  async run(context, [id = ''], values) {
    const goal = waitGoal(values)
    const attempts = number(values, 'attempts', { min: 1, max: MAX_ATTEMPTS })
    const core = await context.core()
    const task = await findTask(core, id)
    const said = text(values, 'answer')
    if (said !== undefined) {
      const { lessons } = await core.tasks.get({ id: task.id })
      const asking = lessons.find((lesson) => lesson.openQuestion && !lesson.answer)
      if (!asking) throw new UsageError('No question is open in this task.')
      await core.tasks.editLesson({ ...asking, answer: said })
    }
    const fired = await core.tasks.fireRound({
      id: task.id,
      ...(attempts === undefined ? {} : { attempts }),
    })
    context.note(`Fired round ${fired.task.round} of ${fired.task.id}.`)
    return showRound(context, fired.task.id, fired.task.round, goal)
  },
}

export const land: Command = {
  name: 'land',
  synopsis: 'TASK [--wait landed]',
  about: 'go on with a landing that waits',
  options: { wait: { type: 'string' } },
  positionals: { min: 1, max: 1 },
  async run(context, [id = ''], values) {
    const goal = waitGoal(values)
    if (goal === 'ready') throw new UsageError('A landing has only --wait landed.')
    const core = await context.core()
    const found = await findTask(core, id)
    let task = await core.tasks.land({ id: found.id })
    if (goal) {
      await waitFor(context, goal, task.id)
      task = (await core.tasks.get({ id: task.id })).task
    }
    const why = task.reason ? `  ${plain(task.reason)}` : ''
    context.result(task, `${task.id}  ${taskStatus(task.status, context.paint)}${why}`)
    return 0
  },
}

export const answer: Command = {
  name: 'answer',
  synopsis: 'ATTEMPT TEXT',
  about: "answer an agent's question, as one message",
  options: {},
  positionals: { min: 2, max: 2 },
  async run(context, [id = '', message = '']) {
    const core = await context.core()
    const found = await findAttempt(core, id)
    const { delivered } = await core.attempts.answer({ id: found.id, text: message })
    if (!delivered) {
      throw new Failure('not_delivered', 'The agent gave no sign that it received the answer.', {
        id: found.id,
      })
    }
    context.result({ id: found.id, delivered }, `${found.id}  ${since(context, found.statusAt)}delivered`)
    return 0
  },
}

const since = (context: Context, at: number) => `waited ${age(at, context.io.now())}, `
