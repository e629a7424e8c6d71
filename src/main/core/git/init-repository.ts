import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure } from '../../../shared/domain/failure.ts'
import { isInside } from '../../kernel/paths.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { repositoryPlace } from './place.ts'
import { OURSELVES } from './snapshot.ts'

export interface InitRepository extends CallOptions {
  /** Absolute; must not exist or be empty. */
  path: string
  branch: string
  /** Content by relative path; `executable` names those that get the bit. */
  files: Readonly<Record<string, string>>
  executable?: readonly string[]
  message: string
}

/** Makes a small real repository with one commit (the sample of the first run). Gives the commit. Throws `illegal_state` when something is there. */
export async function initRepository(ctx: GitContext, request: InitRepository): Promise<{ sha: string }> {
  const { path } = request
  await mkdir(path, { recursive: true })
  if ((await readdir(path)).length > 0) throw new Failure('illegal_state', `${path} is not empty.`, { path })
  for (const [name, content] of Object.entries(request.files)) {
    const file = join(path, name)
    if (!isInside(path, file))
      throw new Failure('invalid_input', `${name} leads out of the repository.`, { name })
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content, { mode: request.executable?.includes(name) ? 0o755 : 0o644 })
  }
  const init = ['init', '--quiet', `--initial-branch=${request.branch}`]
  await ctx.runner.run(
    { cwd: path, gitDir: null, commonDir: null, workTree: null },
    { operation: 'Creating a repository', kind: 'local', writes: true, args: init, ...callOptions(request) },
  )
  const place = await repositoryPlace(path)
  const git = (
    operation: string,
    args: string[],
    more: { env?: Record<string, string>; input?: string } = {},
  ) =>
    ctx.runner.run(place, { operation, kind: 'local', writes: true, args, ...more, ...callOptions(request) })
  await git('Adding files', ['add', '--all', '--', '.'])
  await git('Committing', ['commit', '--quiet', '--no-verify', '--no-gpg-sign', '--file=-'], {
    input: request.message,
    env: { ...OURSELVES },
  })
  return {
    sha: await ctx.runner.text(place, {
      operation: 'Reading HEAD',
      kind: 'probe',
      args: ['rev-parse', '--verify', 'HEAD'],
    }),
  }
}
