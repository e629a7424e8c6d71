import type { LandRun } from '../../shared/domain/landing.ts'
import type { Pull, PullCheck, ReviewThread } from '../../shared/domain/pull.ts'
import { isOpenThread } from '../../shared/domain/pull.ts'
import type { Command, Context } from './command.ts'
import { text } from './command.ts'
import { age, type Colour, cut, plain, shortSha, table } from './format.ts'
import { findTask, pick } from './ids.ts'
import { UsageError } from './io.ts'
import { findRepository } from './repo.ts'

const TITLE_COLUMNS = 50

const CHECK_COLOURS: Record<Pull['checks'], Colour> = {
  green: 'green',
  red: 'red',
  running: 'blue',
  none: 'dim',
  unknown: 'yellow',
}

const STATE_COLOURS: Record<Pull['state'], Colour> = { open: 'blue', merged: 'green', closed: 'dim' }

/** When it was last seen, and since when it could not be seen any more. */
function seen(context: Context, pull: Pull): string {
  const now = context.io.now()
  const at = pull.observedAt === null ? 'never' : age(pull.observedAt, now)
  return pull.staleSince === null
    ? at
    : context.paint('yellow', `${at}, stale since ${age(pull.staleSince, now)}`)
}

const merges = (pull: Pull) =>
  pull.queuePosition === null ? pull.mergeability : `queue ${pull.queuePosition}`

/** The pull request that `text` names: its id or a part of it, or `#12`. */
async function findPull(context: Context, name: string): Promise<Pull> {
  const core = await context.core()
  const all = await core.pulls.list({ all: true })
  const number = /^#?(\d+)$/.exec(name)?.[1]
  const numbered = number === undefined ? [] : all.filter((pull) => pull.number === Number(number))
  if (numbered.length === 1 && numbered[0]) return numbered[0]
  return pick('pull request', name, all, 'See: quartet pr ls --all')
}

export const pullList: Command = {
  name: 'pr ls',
  synopsis: '[--all] [--repo R]',
  about: 'list the pull requests of what is landing',
  details: `--all      those that were merged or closed too
--repo R   of one repository`,
  options: { all: { type: 'boolean' }, repo: { type: 'string' } },
  positionals: { min: 0, max: 0 },
  async run(context, _positionals, values) {
    const core = await context.core()
    const repo = text(values, 'repo')
    const pulls = await core.pulls.list({
      ...(values.all === true ? { all: true } : {}),
      ...(repo === undefined ? {} : { repoId: (await findRepository(context, repo)).id }),
    })
    const rows = pulls.map((pull) => [
      `#${pull.number}`,
      context.paint(STATE_COLOURS[pull.state], pull.draft ? `${pull.state} (draft)` : pull.state),
      context.paint(CHECK_COLOURS[pull.checks], pull.checks),
      pull.decision.replace('_', ' '),
      merges(pull),
      pull.unresolved === null ? '?' : String(pull.unresolved),
      seen(context, pull),
      cut(plain(pull.title), TITLE_COLUMNS),
      pull.url ?? '',
    ])
    const head = ['PR', 'STATE', 'CHECKS', 'REVIEW', 'MERGE', 'OPEN', 'SEEN', 'TITLE', 'URL']
    context.result(pulls, table(head, rows, context.paint) || 'No open pull request.')
    return 0
  },
}

export const pullShow: Command = {
  name: 'pr show',
  synopsis: 'PR [--refresh]',
  about: 'show a pull request with its checks and conversations',
  details: `PR is its number or its id.
--refresh   look at the forge now`,
  options: { refresh: { type: 'boolean' } },
  positionals: { min: 1, max: 1 },
  async run(context, [name = ''], values) {
    const core = await context.core()
    const found = await findPull(context, name)
    if (values.refresh === true) await core.pulls.refresh({ id: found.id })
    const shown = await core.pulls.get({ id: found.id })
    const { pull } = shown
    const lines = [
      `#${pull.number}  ${context.paint(STATE_COLOURS[pull.state], pull.state)}  ${plain(pull.title)}`,
      `${plain(pull.headBranch)} at ${shortSha(pull.headSha)} → ${plain(pull.baseBranch)}  ${merges(pull)}`,
      `seen ${seen(context, pull)}${pull.problem ? `: ${plain(pull.problem)}` : ''}`,
      pull.url ?? '',
      ...shown.checks.flatMap((check) => checkLines(context, check)),
      ...shown.threads.flatMap((thread) => threadLines(context, thread)),
    ]
    context.result(shown, lines.filter(Boolean).join('\n'))
    return 0
  },
}

function checkLines(context: Context, check: PullCheck): string[] {
  const good =
    check.conclusion === 'success' || check.conclusion === 'neutral' || check.conclusion === 'skipped'
  const colour: Colour = check.conclusion === null ? 'blue' : good ? 'green' : 'red'
  const end = context.paint(colour, check.conclusion ?? check.status)
  const excerpt = good || !check.excerpt ? [] : check.excerpt.split('\n').map((line) => `    ${plain(line)}`)
  return [`  ${end}  ${plain(check.name)}${check.required ? '' : ' (optional)'}`, ...excerpt]
}

function threadLines(context: Context, thread: ReviewThread): string[] {
  const where = thread.path ? ` ${plain(thread.path)}${thread.line === null ? '' : `:${thread.line}`}` : ''
  const state = isOpenThread(thread) ? context.paint('yellow', 'open') : context.paint('dim', 'answered')
  return [
    `  ${thread.name}${where}  ${state}  ${context.paint('dim', thread.id)}`,
    ...thread.comments.map((comment) => `    ${plain(comment.author)}: ${plain(comment.body)}`),
  ]
}

export const pullReply: Command = {
  name: 'pr reply',
  synopsis: 'PR THREAD TEXT',
  about: 'answer a conversation of a pull request in your name',
  details: 'THREAD is its name (t1, t2 …) as `pr show` lists it.',
  options: {},
  positionals: { min: 3, max: 3 },
  async run(context, [name = '', threadName = '', message = '']) {
    const core = await context.core()
    const found = await findPull(context, name)
    const { threads } = await core.pulls.get({ id: found.id })
    const thread =
      threads.find((each) => each.name === threadName) ??
      pick('conversation', threadName, threads, `See: quartet pr show ${name}`)
    const answered = await core.pulls.reply({ threadId: thread.id, text: message })
    context.result(answered, `#${found.number} ${thread.name}  answered`)
    return 0
  },
}

export const repoForge: Command = {
  name: 'repo forge',
  synopsis: 'ID github|local',
  about: 'land through pull requests of the forge, or by git alone',
  details: `github needs a remote on GitHub (or an Enterprise host) and a token: GITHUB_TOKEN, or what gh is signed in with.
It is tried before it is set.`,
  options: {},
  positionals: { min: 2, max: 2 },
  async run(context, [name = '', forge = '']) {
    if (forge !== 'github' && forge !== 'local')
      throw new UsageError(`A repository lands through github or local, not “${forge}”.`)
    const core = await context.core()
    const found = await findRepository(context, name)
    const repository = await core.pulls.setForge({ repoId: found.id, forge })
    context.result(repository, `${repository.id}  ${plain(repository.path)}  lands through ${forge}`)
    return 0
  },
}

const LANE_VERBS = ['pause', 'resume', 'remove', 'first'] as const

export const lane: Command = {
  name: 'lane',
  synopsis: '[pause|resume|remove|first TASK] [--all]',
  about: 'show what is landing, in order; pause, take out or move a landing',
  details: `Without words it lists the lanes.
pause TASK    stands still after the step that it is in
resume TASK   goes on
remove TASK   takes it out: its attempt is judged again
first TASK    moves it to the front of its lane
--all         landings that ended too`,
  options: { all: { type: 'boolean' } },
  positionals: { min: 0, max: 2 },
  async run(context, [word, name], values) {
    const core = await context.core()
    if (word === undefined) {
      const runs = await core.landing.list(values.all === true ? { all: true } : {})
      context.result(runs, (await laneTable(context, runs)) || 'Nothing is landing.')
      return 0
    }
    const verb = LANE_VERBS.find((each) => each === word)
    if (!verb || name === undefined)
      throw new UsageError(`quartet lane takes ${LANE_VERBS.join(', ')} and a task.`)
    const task = await findTask(core, name)
    const runs = await core.landing.list({ repoId: task.repoId })
    const run = runs.find((each) => each.taskId === task.id)
    if (!run) throw new UsageError(`Task ${task.id} is not landing.`)
    const front = runs.find((each) => each.baseBranch === run.baseBranch)
    const after =
      verb === 'first'
        ? front && front.id !== run.id
          ? await core.landing.reorder({ id: run.id, before: front.id })
          : run
        : await core.landing[verb]({ id: run.id })
    context.result(after, `${task.id}  ${after.phase}  ${after.status}`)
    return 0
  },
}

async function laneTable(context: Context, runs: readonly LandRun[]): Promise<string> {
  const core = await context.core()
  const titles = new Map((await core.tasks.list({ all: true })).map((task) => [task.id, task.title]))
  const rows = runs.map((run) => [
    run.taskId,
    plain(run.baseBranch),
    run.phase,
    run.status,
    String(run.fixes),
    age(run.startedAt, context.io.now()),
    cut(plain(titles.get(run.taskId) ?? ''), TITLE_COLUMNS),
    plain(run.reason ?? ''),
  ])
  return table(['TASK', 'BASE', 'PHASE', 'STATUS', 'FIXES', 'AGE', 'TITLE', 'WHY'], rows, context.paint)
}
