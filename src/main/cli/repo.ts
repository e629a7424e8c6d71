import { realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { toFailure } from '../../shared/contract/client.ts'
import { Failure, isFailure } from '../../shared/domain/failure.ts'
import type { Repository } from '../../shared/domain/repository.ts'
import { type Command, type Context, text } from './command.ts'
import { plain, table } from './format.ts'
import { pick, pickRepository } from './ids.ts'

const LOOK = 'See: quartet repo ls'

/** The absolute path that a person means by `text` in this shell. */
function pathOf(context: Context, input: string): string {
  const home = context.io.env.HOME ?? homedir()
  if (input === '~' || input.startsWith('~/')) return join(home, input.slice(1))
  return isAbsolute(input) ? input : resolve(context.io.cwd, input)
}

async function realPathOf(context: Context, input: string): Promise<string | null> {
  try {
    return await realpath(pathOf(context, input))
  } catch {
    return null
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  )
}

/** A repository that was added, by its id, path or name. */
export async function findRepository(context: Context, input: string): Promise<Repository> {
  const core = await context.core()
  const all = await core.repositories.list()
  return pickRepository(input, await realPathOf(context, input), all) ?? pick('repository', input, all, LOOK)
}

/**
 * The repository to fire in: one that was added, or the git repository at a path, which is added and said so. Fails with
 * the reason why a path cannot be added.
 */
export async function findOrAddRepository(context: Context, input: string): Promise<Repository> {
  try {
    return await findRepository(context, input)
  } catch (error) {
    const path = pathOf(context, input)
    // A word that is no folder was meant as an id or a name.
    const looksLikePath = /[/\\]|^[.~]/.test(input)
    if (!isFailure(error, 'not_found') || !(looksLikePath || (await isFolder(path)))) throw error
    const core = await context.core()
    const repository = await core.repositories.add({ path }).catch(async (refused: unknown) => {
      // A folder inside of a repository that was added.
      const failure = toFailure(refused)
      if (!isFailure(failure, 'already_added')) throw failure
      const known = (await core.repositories.list()).find((repo) => repo.id === failure.data.id)
      if (!known) throw failure
      return known
    })
    context.note(`Repository: ${repository.path} (${repository.id}).`)
    return repository
  }
}

function describe(repository: Repository): string {
  const problem = repository.problem ? `\n${plain(repository.problem)}` : ''
  return `${repository.id}  ${plain(repository.path)}  base ${plain(repository.baseBranch)}${problem}`
}

export const repoAdd: Command = {
  name: 'repo add',
  synopsis: 'PATH [--trust] [--base BRANCH]',
  about: 'add a git repository',
  details: `--trust         consent to the commands that its WORKFLOW.md holds now
--base BRANCH   the branch that work lands on (default: the remote's, else the current one)`,
  options: { trust: { type: 'boolean' }, base: { type: 'string' } },
  positionals: { min: 1, max: 1 },
  async run(context, [path = ''], values) {
    const core = await context.core()
    const baseBranch = text(values, 'base')
    const repository = await core.repositories.add({
      path: pathOf(context, path),
      ...(values.trust === true ? { trust: true } : {}),
      ...(baseBranch === undefined ? {} : { baseBranch }),
    })
    context.result(repository, describe(repository))
    return 0
  },
}

export const repoList: Command = {
  name: 'repo ls',
  synopsis: '',
  about: 'list the repositories',
  options: {},
  positionals: { min: 0, max: 0 },
  async run(context) {
    const core = await context.core()
    const all = await core.repositories.list()
    const rows = all.map((repo) => [
      repo.id,
      plain(repo.name),
      plain(repo.baseBranch),
      repo.forge,
      plain(repo.path) + (repo.problem ? context.paint('red', `  ${plain(repo.problem)}`) : ''),
    ])
    context.result(
      all,
      table(['ID', 'NAME', 'BASE', 'FORGE', 'PATH'], rows, context.paint) ||
        'No repository yet. Add one: quartet repo add PATH',
    )
    return 0
  },
}

export const repoTrust: Command = {
  name: 'repo trust',
  synopsis: 'ID',
  about: 'consent to exactly the commands of its WORKFLOW.md as it is now',
  details: 'The commands are listed first. A changed file asks again.',
  options: {},
  positionals: { min: 1, max: 1 },
  async run(context, [id = '']) {
    const core = await context.core()
    const found = await findRepository(context, id)
    const { commands, problem } = await core.repositories.commands({ id: found.id })
    if (problem) throw new Failure('workflow_invalid', problem, { id: found.id })
    for (const command of commands) context.note(`${command.key}: ${plain(command.run)}`)
    const repository = await core.repositories.trust({ id: found.id })
    context.result(
      repository,
      commands.length === 0 ? 'Its WORKFLOW.md holds no commands.' : `Trusted: ${commands.length} commands.`,
    )
    return 0
  },
}

export const repoRemove: Command = {
  name: 'repo rm',
  synopsis: 'ID',
  about: 'forget a repository; its files, branches and kept attempts stay',
  options: {},
  positionals: { min: 1, max: 1 },
  async run(context, [id = '']) {
    const core = await context.core()
    const found = await findRepository(context, id)
    const removed = await core.repositories.remove({ id: found.id })
    context.result(removed, `Forgot ${plain(found.path)}; nothing in it was changed.`)
    return 0
  },
}
