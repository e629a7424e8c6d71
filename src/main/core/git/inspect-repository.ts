import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Failure } from '../../../shared/domain/failure.ts'
import { listBranches, readRef } from './branches.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { type Place, repositoryPlace, type WorktreePlace } from './place.ts'

export interface RepositoryInspection {
  /** The real path of the repository's own checkout. */
  path: string
  name: string
  /** A local branch: the remote's default, else `init.defaultBranch`, `main`, `master`, else the one checked out. */
  baseBranch: string
  baseSha: string
  /** Null while HEAD is detached. */
  headBranch: string | null
  remotes: { name: string; url: string }[]
  /** Files are kept with git-lfs; `lfsReady` says whether git-lfs is set up to fetch them. */
  hasLfs: boolean
  lfsReady: boolean
  hasSubmodules: boolean
  isShallow: boolean
  isPartialClone: boolean
  /** Keys of the repository's own configuration that name programs; our calls leave them out. */
  shutConfig: string[]
}

/**
 * Examines a path (the repository or any folder in it) for adding it. Throws `not_a_repository`, `bare_repository`,
 * `linked_worktree` (data.repository says of which), `no_commits`, `unborn_branch`, `detached_head`, or `base_missing`
 * when `baseBranch` is asked for and not there.
 */
export async function inspectRepository(
  ctx: GitContext,
  request: { path: string; baseBranch?: string | undefined } & CallOptions,
): Promise<RepositoryInspection> {
  const path = await discover(ctx, request)
  const place = await repositoryPlace(path)
  const ask = (operation: string, args: string[], success: readonly number[] = [0]) =>
    ctx.runner.run(place, { operation, kind: 'probe', args, success, ...callOptions(request) })
  const head = await ask('Reading HEAD', ['symbolic-ref', '--quiet', 'HEAD'], [0, 1])
  const headRef = head.code === 0 ? head.stdout.toString('utf8').trim() : null
  const headBranch = headRef?.startsWith('refs/heads/') ? headRef.slice('refs/heads/'.length) : null
  const baseBranch = await chooseBase(ctx, place, headBranch, request)
  const baseSha = await readRef(ctx, place, `refs/heads/${baseBranch}`, request)
  if (!baseSha)
    throw new Failure('base_missing', `There is no branch “${baseBranch}” in ${path}.`, { path, baseBranch })

  const [config, shallow, gitmodules, lfs, guard] = await Promise.all([
    ask('Reading the configuration', ['config', '--list', '-z']),
    ask('Looking for a shallow clone', ['rev-parse', '--is-shallow-repository']),
    ask('Looking for submodules', ['ls-tree', '--name-only', '-z', baseSha, '--', '.gitmodules']),
    ask(
      'Looking for LFS',
      [
        'grep',
        '--quiet',
        '--no-textconv',
        '-I',
        '-F',
        '-e',
        'filter=lfs',
        baseSha,
        '--',
        ':(top,glob)**/.gitattributes',
      ],
      [0, 1],
    ),
    ctx.runner.guard(place),
  ])
  const entries = config.stdout.toString('utf8').split('\0').filter(Boolean).map(splitEntry)
  const process = entries.findLast(([key]) => key === 'filter.lfs.process')
  return {
    path,
    name: basename(path),
    baseBranch,
    baseSha,
    headBranch,
    remotes: remotesOf(entries),
    hasLfs: lfs.code === 0,
    lfsReady: process !== undefined && !guard.shut.includes('filter.lfs.process'),
    hasSubmodules: gitmodules.stdout.length > 0,
    isShallow: shallow.stdout.toString('utf8').trim() === 'true',
    isPartialClone: entries.some(([key, value]) => /^remote\..+\.promisor$/s.test(key) && value === 'true'),
    shutConfig: guard.shut,
  }
}

const splitEntry = (line: string): [key: string, value: string] => {
  const cut = line.indexOf('\n')
  return cut < 0 ? [line, 'true'] : [line.slice(0, cut), line.slice(cut + 1)]
}

function remotesOf(entries: readonly [string, string][]): { name: string; url: string }[] {
  const remotes = new Map<string, string>()
  for (const [key, value] of entries) {
    const name = /^remote\.(.+)\.url$/s.exec(key)?.[1]
    if (name && !remotes.has(name)) remotes.set(name, value)
  }
  return [...remotes].map(([name, url]) => ({ name, url }))
}

/** The real top folder of the repository that holds `path`; refuses what cannot be worked with. */
async function discover(ctx: GitContext, request: { path: string } & CallOptions): Promise<string> {
  const real = await realpath(request.path).catch(() => null)
  if (real === null)
    throw new Failure('not_a_repository', `There is no folder ${request.path}.`, { path: request.path })
  if (!(await lstat(real)).isDirectory())
    throw new Failure('not_a_repository', `${request.path} is a file, not a folder.`, { path: request.path })
  // Chosen in a file dialog that shows hidden folders.
  const path = basename(real) === '.git' ? dirname(real) : real
  const anywhere: Place = { cwd: path, gitDir: null, commonDir: null, workTree: null }
  const ask = async (what: string): Promise<string> => {
    const output = await ctx.runner.run(anywhere, {
      operation: 'Examining the folder',
      kind: 'probe',
      args: ['rev-parse', '--path-format=absolute', what],
      expected: ['not_a_repository', 'bare_repository'],
      ...callOptions(request),
    })
    if (output.problem?.kind === 'bare_repository') {
      throw new Failure(
        'bare_repository',
        `${path} is a bare repository: it has no files to work on. Add a clone of it.`,
        { path },
      )
    }
    if (output.problem) throw new Failure('not_a_repository', `${path} is not a git repository.`, { path })
    return output.stdout.toString('utf8').replace(/\n$/, '')
  }
  const top = await askBareAware(ask, path)
  const [gitDir, commonDir] = [await ask('--git-dir'), await ask('--git-common-dir')]
  if (gitDir !== commonDir) {
    const repository = basename(commonDir) === '.git' ? dirname(commonDir) : commonDir
    throw new Failure(
      'linked_worktree',
      `${top} is a worktree of ${repository}. Add that repository instead.`,
      { path: top, repository },
    )
  }
  return realpath(top)
}

/** A folder that git itself calls bare answers with an error only when asked for its work tree. */
async function askBareAware(ask: (what: string) => Promise<string>, path: string): Promise<string> {
  const top = await ask('--show-toplevel')
  if (top === '')
    throw new Failure(
      'bare_repository',
      `${path} is a bare repository: it has no files to work on. Add a clone of it.`,
      { path },
    )
  return top
}

async function chooseBase(
  ctx: GitContext,
  place: WorktreePlace,
  headBranch: string | null,
  request: { baseBranch?: string | undefined } & CallOptions,
): Promise<string> {
  const path = place.workTree
  const branches = (await listBranches(ctx, path, request)).map((branch) => branch.name)
  if (request.baseBranch !== undefined) {
    if (branches.includes(request.baseBranch)) return request.baseBranch
    if (branches.length > 0) {
      throw new Failure('base_missing', `There is no branch “${request.baseBranch}” in ${path}.`, {
        path,
        branches: branches.slice(0, 50),
      })
    }
  }
  if (branches.length === 0) {
    if (headBranch === null) {
      throw new Failure(
        'detached_head',
        `${path} has no branch: HEAD is detached. Create one with \`git switch -c main\`.`,
        { path },
      )
    }
    throw new Failure('no_commits', `${path} has no commit yet. Make a first commit, then add it.`, { path })
  }
  if (headBranch !== null && !branches.includes(headBranch) && request.baseBranch === undefined) {
    throw new Failure(
      'unborn_branch',
      `${path} is on branch “${headBranch}”, which has no commit yet. Choose another base branch or commit first.`,
      { path, branches: branches.slice(0, 50) },
    )
  }
  const read = async (args: string[]) =>
    (
      await ctx.runner.run(place, {
        operation: 'Choosing the base branch',
        kind: 'probe',
        args,
        success: [0, 1],
        ...callOptions(request),
      })
    ).stdout
      .toString('utf8')
      .trim()
  const remoteHead = (await read(['symbolic-ref', '--quiet', 'refs/remotes/origin/HEAD'])).replace(
    'refs/remotes/origin/',
    '',
  )
  const configured = await read(['config', '--get', 'init.defaultBranch'])
  const base = [remoteHead, configured, 'main', 'master', headBranch].find(
    (name) => name !== null && name !== '' && branches.includes(name),
  )
  if (base) return base
  throw new Failure(
    'detached_head',
    `HEAD of ${path} is detached and no branch is the obvious base. Choose a base branch.`,
    {
      path,
      branches: branches.slice(0, 50),
      gitDir: join(path, '.git'),
    },
  )
}
