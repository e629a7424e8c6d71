import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { CoreClient } from '../../shared/contract/client.ts'
import { toFailure } from '../../shared/contract/client.ts'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { Failure, messageOf } from '../../shared/domain/failure.ts'
import { MAX_ATTEMPTS, type Slot } from '../../shared/domain/task.ts'
import type { Entities } from '../../shared/state/apply.ts'
import { type Command, type Context, list, number, text, type Values } from './command.ts'
import { attemptStatus, plain, shortSha, table, taskStatus } from './format.ts'
import { UsageError } from './io.ts'
import { findOrAddRepository } from './repo.ts'
import { judge, type WaitGoal } from './wait.ts'
import { follow } from './watch.ts'

/** A brief that is longer is refused by the core; reading on would only fill memory. */
const MAX_BRIEF_BYTES = 4 * 1024 * 1024

/**
 * The slots of a round: agents (and a rehearsal's scenarios) are dealt out in turn, so that two agents over four attempts
 * give two each. More agents than attempts is a mistake, and said so.
 */
export function slotsOf(
  attempts: number,
  agents: readonly string[],
  command: string | undefined,
  scenarios: readonly string[],
): Slot[] {
  if (agents.length > attempts)
    throw new UsageError(
      `${agents.length} agents for ${attempts} attempts: give --attempts ${agents.length}.`,
    )
  if (command !== undefined && !agents.includes('shell'))
    throw new UsageError('--command is the line of the shell agent: give --agent shell.')
  if (scenarios.length > 0 && !agents.includes('rehearsal'))
    throw new UsageError('--scenario is for the rehearsal: give --agent rehearsal.')
  let rehearsals = 0
  return Array.from({ length: attempts }, (_, i) => {
    const agent = agents[i % agents.length] ?? ''
    const scenario =
      agent === 'rehearsal' ? scenarios[rehearsals++ % Math.max(1, scenarios.length)] : undefined
    return {
      agent,
      command: agent === 'shell' ? (command ?? null) : null,
      scenario: scenario ?? null,
      model: null,
      hint: null,
    }
  })
}

/** The goal of --wait. Throws `UsageError` for another word. */
export function waitGoal(values: Values): WaitGoal | null {
  const goal = text(values, 'wait')
  if (goal === undefined) return null
  if (goal === 'ready' || goal === 'landed') return goal
  throw new UsageError(`--wait takes ready or landed, not “${goal}”.`)
}

async function briefOf(context: Context, values: Values): Promise<string> {
  const brief = text(values, 'brief')
  const file = text(values, 'brief-file')
  if ((brief === undefined) === (file === undefined))
    throw new UsageError('Give the brief with either --brief TEXT or --brief-file F.')
  if (brief !== undefined) return brief
  const path = resolve(context.io.cwd, file ?? '')
  try {
    const bytes = await readFile(path)
    if (bytes.length > MAX_BRIEF_BYTES)
      throw new Failure('invalid_input', `${path} is too long for a brief (${bytes.length} bytes).`)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(
      'invalid_input',
      `The brief cannot be read: ${messageOf(error)}`,
      { path },
      { cause: error },
    )
  }
}

/** Agents that the engineer named, else the settings' favourites, else the only real ones that are installed. */
async function agentsOf(core: CoreClient, values: Values): Promise<string[]> {
  const named = list(values, 'agent')
  if (named.length > 0) return named
  const { defaultAgents } = await core.system.settings()
  if (defaultAgents.length > 0) return defaultAgents
  const installed = (await core.system.agents({})).filter(
    (agent) => agent.installed && !agent.needsCommand && agent.scenarios.length === 0,
  )
  const names = installed.map((agent) => agent.name)
  if (names.length > 0) return names
  throw new Failure(
    'agent_missing',
    'No coding agent is installed. Try the shipped one with --agent rehearsal, or any program with --agent shell --command LINE.',
  )
}

/** Task and attempts as they are now, in the shape that `fire` promises. */
async function current(core: CoreClient, taskId: string, round: number) {
  const { task, attempts } = await core.tasks.get({ id: taskId })
  return { task, attempts: attempts.filter((attempt) => attempt.round === round) }
}

/** Waits for the goal of a task's current round and tells the person what happens on the way. */
export async function waitFor(context: Context, goal: WaitGoal, taskId: string): Promise<void> {
  let before: Entities | null = null
  let failed: string | null = null
  await follow(context, (state) => {
    const view = judge(goal, taskId, before, state)
    before = state
    for (const note of view.notes) context.note(plain(note))
    failed = view.failed
    return view.done
  })
  if (failed !== null) throw new Failure('illegal_state', failed, { taskId })
}

/** The attempts of a round as people read them. */
export function attemptsTable(context: Context, attempts: readonly Attempt[]): string {
  const { paint } = context
  return table(
    ['#', 'ATTEMPT', 'AGENT', 'STATUS', 'CHANGES', 'HEAD', ''],
    attempts.map((attempt) => [
      String(attempt.n),
      attempt.id,
      plain(attempt.slot.scenario ? `${attempt.agent} (${attempt.slot.scenario})` : attempt.agent),
      attemptStatus(attempt.status, paint),
      attempt.diffstat ? `+${attempt.diffstat.added} −${attempt.diffstat.removed}` : '–',
      shortSha(attempt.headSha),
      plain(attempt.reason ?? ''),
    ]),
    paint,
  )
}

/** Waits when asked to, then shows the round. */
export async function showRound(
  context: Context,
  taskId: string,
  round: number,
  goal: WaitGoal | null,
): Promise<number> {
  if (goal) await waitFor(context, goal, taskId)
  const result = await current(await context.core(), taskId, round)
  const { task, attempts } = result
  context.result(
    result,
    `${context.paint('bold', plain(task.title))}\n` +
      `${task.id}  ${taskStatus(task.status, context.paint)}  round ${task.round}  base ${plain(task.baseBranch)} ${shortSha(task.baseSha)}\n\n` +
      attemptsTable(context, attempts),
  )
  return 0
}

export const fire: Command = {
  name: 'fire',
  synopsis: '--repo R (--brief TEXT | --brief-file F) [options]',
  about: 'create a task and fire a round of attempts',
  details: `--repo R              id, name or path of a repository; a path that is new is added
--attempts N          1 to ${MAX_ATTEMPTS} (default: the settings', which is 4)
--agent A[,B…]        agents, dealt out over the attempts in turn
--command LINE        command line of the shell agent; {prompt_file} stands for the brief's path
--scenario S[,T…]     scenarios of the rehearsal, dealt out in turn
--base BRANCH         start from and land on this branch (default: the repository's)
--title TEXT          title of the task (default: the first line of the brief)
--wait ready|landed   return when every attempt came to its end, or when the task landed`,
  options: {
    repo: { type: 'string' },
    brief: { type: 'string' },
    'brief-file': { type: 'string' },
    attempts: { type: 'string' },
    agent: { type: 'string', multiple: true },
    command: { type: 'string' },
    scenario: { type: 'string', multiple: true },
    base: { type: 'string' },
    title: { type: 'string' },
    wait: { type: 'string' },
  },
  positionals: { min: 0, max: 0 },
  async run(context, _positionals, values) {
    const goal = waitGoal(values)
    const count = number(values, 'attempts', { min: 1, max: MAX_ATTEMPTS })
    const repo = text(values, 'repo')
    if (repo === undefined) throw new UsageError('Give the repository with --repo R.')
    const brief = await briefOf(context, values)
    const core = await context.core()
    const attempts = count ?? (await core.system.settings()).defaultAttempts
    // Everything that can be wrong with the call is found before anything is added or started.
    const slots = slotsOf(
      attempts,
      await agentsOf(core, values),
      text(values, 'command'),
      list(values, 'scenario'),
    )
    const repository = await findOrAddRepository(context, repo)
    const baseBranch = text(values, 'base')
    const title = text(values, 'title')
    const fired = await core.tasks
      .fire({
        repoId: repository.id,
        brief,
        slots,
        requestId: randomUUID(),
        ...(baseBranch === undefined ? {} : { baseBranch }),
        ...(title === undefined ? {} : { title }),
      })
      .catch((error: unknown) => {
        throw toFailure(error)
      })
    if (!goal) {
      context.result(
        fired,
        `Fired ${fired.task.id} from ${plain(fired.task.baseBranch)} ${shortSha(fired.task.baseSha)}.\n\n${attemptsTable(context, fired.attempts)}`,
      )
      return 0
    }
    context.note(`Fired ${fired.task.id}, waiting until it is ${goal}. Ctrl-C stops the waiting only.`)
    return showRound(context, fired.task.id, fired.task.round, goal)
  },
}
