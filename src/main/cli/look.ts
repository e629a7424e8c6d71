import type { TaskView } from '../../shared/contract/tasks.ts'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Fact } from '../../shared/domain/fact.ts'
import { Failure } from '../../shared/domain/failure.ts'
import { type Command, type Context, number, text } from './command.ts'
import { attemptsTable } from './fire.ts'
import { age, attemptStatus, cut, moment, plain, shortSha, table, taskStatus } from './format.ts'
import { findEither } from './ids.ts'
import { UsageError } from './io.ts'
import { findRepository } from './repo.ts'

const TITLE_COLUMNS = 60

function tasksTable(context: Context, tasks: readonly TaskView[]): string {
  const { paint, io } = context
  return table(
    ['TASK', 'STATUS', 'AGE', 'ROUND', 'REPOSITORY', 'TITLE'],
    tasks.map((task) => [
      task.id,
      taskStatus(task.status, paint),
      age(task.statusAt, io.now()),
      String(task.round),
      plain(task.repoPath.split(/[/\\]/).at(-1) ?? task.repoPath),
      cut(plain(task.title), TITLE_COLUMNS),
    ]),
    paint,
  )
}

export const list: Command = {
  name: 'ls',
  synopsis: '[tasks|attempts] [--all] [--repo R] [--task T]',
  about: 'list tasks or attempts that are still open',
  details: `--all      those that are over too
--repo R   tasks of one repository
--task T   attempts of one task`,
  options: { all: { type: 'boolean' }, repo: { type: 'string' }, task: { type: 'string' } },
  positionals: { min: 0, max: 1 },
  async run(context, [what = 'tasks'], values) {
    if (what !== 'tasks' && what !== 'attempts')
      throw new UsageError(`There are tasks and attempts to list, not “${what}”.`)
    const core = await context.core()
    const all = values.all === true ? { all: true } : {}
    if (what === 'tasks') {
      const repo = text(values, 'repo')
      const repoId = repo === undefined ? {} : { repoId: (await findRepository(context, repo)).id }
      const tasks = await core.tasks.list({ ...all, ...repoId })
      context.result(tasks, tasksTable(context, tasks) || 'No open task. Fire one: quartet fire --help')
      return 0
    }
    const taskText = text(values, 'task')
    const found = taskText === undefined ? null : await findEither(core, taskText)
    const taskId = found ? { taskId: found.task?.id ?? found.attempt?.taskId ?? '' } : {}
    const attempts = await core.attempts.list({ ...all, ...taskId })
    const rows = attempts.map((attempt) => [
      attempt.id,
      attempt.taskId,
      `${attempt.round}/${attempt.n}`,
      plain(attempt.agent),
      attemptStatus(attempt.status, context.paint),
      age(attempt.statusAt, context.io.now()),
      cut(plain(attempt.reason ?? attempt.attention?.detail ?? ''), TITLE_COLUMNS),
    ])
    context.result(
      attempts,
      table(['ATTEMPT', 'TASK', 'ROUND/#', 'AGENT', 'STATUS', 'AGE', ''], rows, context.paint) ||
        'No open attempt.',
    )
    return 0
  },
}

function showAttempt(context: Context, attempt: Attempt): string {
  const { paint, io } = context
  const lines: (readonly [string, string])[] = [
    [
      'status',
      `${attemptStatus(attempt.status, paint)} (${attempt.statusSource}, ${age(attempt.statusAt, io.now())})`,
    ],
    ['reason', plain(attempt.reason ?? '')],
    ['waits', attempt.attention ? `${attempt.attention.kind}: ${plain(attempt.attention.detail)}` : ''],
    ['agent', plain(attempt.slot.scenario ? `${attempt.agent} (${attempt.slot.scenario})` : attempt.agent)],
    ['task', `${attempt.taskId}, round ${attempt.round}, attempt ${attempt.n}`],
    ['worktree', plain(attempt.worktree)],
    ['branch', plain(attempt.branch)],
    ['base', shortSha(attempt.baseSha)],
    ['head', shortSha(attempt.headSha)],
    [
      'changes',
      attempt.diffstat
        ? `${attempt.diffstat.files} files, +${attempt.diffstat.added} −${attempt.diffstat.removed}${attempt.diffstat.uncommitted ? ', not all committed' : ''}`
        : '',
    ],
    [
      'verdict',
      attempt.verdict
        ? [attempt.verdict.kind, ...attempt.verdict.reasons, plain(attempt.verdict.note)]
            .filter(Boolean)
            .join(', ')
        : '',
    ],
    ['kept as', attempt.trashRef ?? ''],
  ]
  const shown = lines
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${paint('dim', name.padEnd(9))} ${value}`)
  return [paint('bold', attempt.id), ...shown].join('\n')
}

export const show: Command = {
  name: 'show',
  synopsis: 'ID',
  about: 'show one task or attempt',
  options: {},
  positionals: { min: 1, max: 1 },
  async run(context, [id = '']) {
    const core = await context.core()
    const found = await findEither(core, id)
    if (found.attempt) {
      context.result(found.attempt, showAttempt(context, found.attempt))
      return 0
    }
    const { task, rounds, attempts, lessons } = await core.tasks.get({ id: found.task.id })
    const { paint, io } = context
    const now = attempts.filter((attempt) => attempt.round === task.round)
    const lines = [
      paint('bold', plain(task.title)),
      `${task.id}  ${taskStatus(task.status, paint)} (${age(task.statusAt, io.now())})${task.reason ? `  ${plain(task.reason)}` : ''}`,
      `${plain(task.repoPath)}  base ${plain(task.baseBranch)} ${shortSha(task.baseSha)}  round ${task.round}${task.landedSha ? `  landed ${shortSha(task.landedSha)}` : ''}`,
      '',
      ...task.brief.split('\n').map((line) => `  ${plain(line)}`),
      '',
      attemptsTable(context, now) || 'Not fired yet.',
      ...lessons.flatMap((lesson) => ['', `Lesson of round ${lesson.round}: ${plain(lesson.wentWrong)}`]),
    ]
    context.result({ ...task, rounds, attempts, lessons }, lines.join('\n'))
    return 0
  },
}

/** What a fact's body says, in one line: short values by name. */
function factText(fact: Fact): string {
  return Object.entries(fact.body)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) && value !== '')
    .map(([name, value]) => `${name}=${cut(plain(String(value)), TITLE_COLUMNS)}`)
    .join(' ')
}

export const facts: Command = {
  name: 'facts',
  synopsis: '[ID] [--limit N]',
  about: 'what happened, of everything or of one task or attempt',
  details: '--limit N   how many of the newest (default 50, at most 1000); --json gives the newest first',
  options: { limit: { type: 'string' } },
  positionals: { min: 0, max: 1 },
  async run(context, [id], values) {
    const limit = number(values, 'limit', { min: 1, max: 1_000 }) ?? 50
    const core = await context.core()
    const found = id === undefined ? null : await findEither(core, id)
    const which = found?.attempt
      ? { attemptId: found.attempt.id }
      : found?.task
        ? { taskId: found.task.id }
        : {}
    const all = await core.history.facts({ ...which, limit })
    const { paint } = context
    // The newest last: that is where a terminal's reader looks.
    const rows = all
      .toReversed()
      .map((fact) => [
        paint('dim', moment(fact.at)),
        fact.kind,
        fact.actor,
        found?.attempt ? '' : (fact.attemptId ?? fact.taskId ?? fact.repoId ?? ''),
        factText(fact),
      ])
    context.result(all, table(['AT', 'FACT', 'BY', 'OF', ''], rows, paint) || 'Nothing happened yet.')
    return 0
  },
}

export const search: Command = {
  name: 'search',
  synopsis: 'TEXT',
  about: 'search the history (arrives later)',
  options: {},
  positionals: { min: 1, max: 10 },
  async run() {
    throw new Failure(
      'illegal_state',
      'Searching is not part of this version yet. Until then: quartet facts, quartet log ID.',
    )
  },
}
