import { copyFile, lstat, mkdir, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { shortId } from '../../kernel/ids.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import type { WorktreePlace } from './place.ts'
import type { GitCall } from './runner.ts'

/** An index entry of a path in conflict; `path` holds one character per byte (latin1). */
export interface UnmergedEntry {
  mode: string
  sha: string
  stage: number
  path: string
}

export interface Captured {
  /** Tree of what is staged; of a path in conflict it holds our side. */
  indexTree: string
  /** Tree of what lies in the folder: tracked and untracked, deletions left out, ignored files not in it. */
  workTree: string
  unmerged: UnmergedEntry[]
  /** Repositories inside the worktree (submodules with own commits, clones): their content is not in the tree. */
  nested: string[]
}

const ZERO = '0'.repeat(40)
/** Listing every path of a very large repository. */
const MAX_LISTING_BYTES = 256 * 1024 * 1024
/** Files come and go while an agent's last children end. */
const TRIES = 3

/** Runs git with one of our own index files instead of the worktree's. */
type WithIndex = (operation: string, args: string[], more?: Partial<GitCall>) => Promise<string>

/**
 * Writes the state of a worktree into the object database: two trees, no ref. The worktree's own index is only copied,
 * so this works beside a left-behind `index.lock` and in the middle of a merge. Changed and new files are stored byte for
 * byte, without line-ending conversion or filters.
 */
export async function capture(
  ctx: GitContext,
  place: WorktreePlace,
  options: CallOptions = {},
): Promise<Captured> {
  for (let attempt = 1; ; attempt++) {
    const scratch = join(place.gitDir, `quartet-capture-${shortId()}`)
    await mkdir(scratch)
    try {
      return await captureWith(ctx, place, scratch, options)
    } catch (error) {
      if (attempt >= TRIES || options.signal?.aborted) throw error
      ctx.log.debug('capturing a worktree again', { path: place.workTree, error })
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  }
}

async function captureWith(
  ctx: GitContext,
  place: WorktreePlace,
  scratch: string,
  options: CallOptions,
): Promise<Captured> {
  const index = join(scratch, 'index')
  await copyFile(join(place.gitDir, 'index'), index).catch((error: NodeJS.ErrnoException) => {
    // A worktree that was never checked out has none: everything in it is new.
    if (error.code !== 'ENOENT') throw error
  })
  const git: WithIndex = async (operation, args, more = {}) => {
    const output = await ctx.runner.run(place, {
      operation,
      kind: 'long',
      writes: true,
      args,
      env: { GIT_INDEX_FILE: index },
      maxBytes: MAX_LISTING_BYTES,
      ...callOptions(options),
      ...more,
    })
    return output.stdout.toString('latin1')
  }
  const unmerged = parseStages(await git('Looking for conflicts', ['ls-files', '--unmerged', '-z']))
  if (unmerged.length > 0) await updateIndex(git, resolveToOurs(unmerged))
  await showHidden(git, place.workTree)
  const indexTree = (await git('Keeping what is staged', ['write-tree'])).trim()
  await git('Comparing files with the index', ['update-index', '-q', '--refresh'], { success: [0, 1] })
  const listed = await git('Listing changed files', [
    'ls-files',
    '-z',
    '--modified',
    '--deleted',
    '--others',
    '--exclude-standard',
  ])
  const paths = [...new Set([...split(listed), ...unmerged.map((entry) => entry.path)])]
  const { lines, nested } = await describe(git, place.workTree, scratch, paths)
  await updateIndex(git, lines)
  const workTree = (await git('Keeping the files', ['write-tree'])).trim()
  return {
    indexTree,
    workTree,
    unmerged,
    nested: nested.map((path) => Buffer.from(path, 'latin1').toString('utf8')),
  }
}

const split = (text: string): string[] => text.split('\0').filter((part) => part !== '')

function parseStages(text: string): UnmergedEntry[] {
  return split(text).flatMap((line) => {
    const match = /^(\d+) ([0-9a-f]+) (\d)\t(.*)$/s.exec(line)
    return match
      ? [{ mode: match[1] ?? '', sha: match[2] ?? '', stage: Number(match[3]), path: match[4] ?? '' }]
      : []
  })
}

function resolveToOurs(unmerged: readonly UnmergedEntry[]): string[] {
  const paths = [...new Set(unmerged.map((entry) => entry.path))]
  return paths.flatMap((path) => {
    const entries = unmerged.filter((entry) => entry.path === path)
    const side = entries.find((entry) => entry.stage === 2) ?? entries.find((entry) => entry.stage === 3)
    return [`0 ${ZERO}\t${path}`, ...(side ? [`${side.mode} ${side.sha} 0\t${path}`] : [])]
  })
}

async function updateIndex(git: WithIndex, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return
  await git('Writing an index', ['update-index', '-z', '--index-info'], {
    input: Buffer.from(`${lines.join('\0')}\0`, 'latin1'),
  })
}

/** Git does not look at files that are marked "assume unchanged" or "skip": in our copy it shall. */
async function showHidden(git: WithIndex, workTree: string): Promise<void> {
  const marked = split(await git('Looking for hidden changes', ['ls-files', '-v', '-z'])).filter((line) =>
    /^[a-zS] /.test(line),
  )
  const assumed = marked.filter((line) => /^[a-z] /.test(line)).map((line) => line.slice(2))
  const skipped: string[] = []
  for (const line of marked) {
    // A sparse checkout leaves files out on purpose; only those that lie there count.
    const isThere =
      /^[sS] /.test(line) &&
      (await lstat(bytes(workTree, line.slice(2))).then(
        () => true,
        () => false,
      ))
    if (isThere) skipped.push(line.slice(2))
  }
  const clear = async (option: string, paths: readonly string[]) => {
    if (paths.length === 0) return
    await git('Showing hidden changes', ['update-index', option, '-z', '--stdin'], {
      input: Buffer.from(`${paths.join('\0')}\0`, 'latin1'),
    })
  }
  await clear('--no-assume-unchanged', assumed)
  await clear('--no-skip-worktree', skipped)
}

const bytes = (folder: string, latin1: string): Buffer =>
  Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(latin1, 'latin1')])

/** Index lines for what lies at `paths` now; the content goes into the object database. */
async function describe(
  git: WithIndex,
  workTree: string,
  scratch: string,
  paths: readonly string[],
): Promise<{ lines: string[]; nested: string[] }> {
  const gone: string[] = []
  const found: { path: string; mode: string; source: string }[] = []
  const folders: string[] = []
  const nested: string[] = []
  for (const path of paths) {
    if (path.endsWith('/')) {
      nested.push(path)
      continue
    }
    const entry = await lstat(bytes(workTree, path)).catch(() => null)
    if (entry?.isFile()) found.push({ path, mode: entry.mode & 0o100 ? '100755' : '100644', source: path })
    else if (entry?.isSymbolicLink()) {
      const source = join(scratch, `link-${found.length}`)
      await writeFile(source, await readlink(bytes(workTree, path), { encoding: 'buffer' }))
      found.push({ path, mode: '120000', source: Buffer.from(source).toString('latin1') })
    } else if (entry?.isDirectory()) folders.push(path)
    else gone.push(path)
  }
  for (const path of folders) {
    const staged = parseStages(
      await git('Looking for a submodule', ['ls-files', '--stage', '-z', '--', path], {
        env: { GIT_INDEX_FILE: join(scratch, 'index'), GIT_LITERAL_PATHSPECS: '1' },
      }),
    )
    if (staged.some((entry) => entry.path === path && entry.mode === '160000')) nested.push(path)
    else gone.push(path)
  }
  if (found.length === 0) return { lines: gone.map((path) => `0 ${ZERO}\t${path}`), nested }
  const hashed = await git('Storing files', ['hash-object', '-w', '--no-filters', '--stdin-paths'], {
    input: found.map(({ source }) => `${quoted(source)}\n`).join(''),
  })
  const shas = hashed.trim().split('\n')
  return {
    lines: [
      ...gone.map((path) => `0 ${ZERO}\t${path}`),
      ...found.map(({ path, mode }, i) => `${mode} ${shas[i] ?? ''} 0\t${path}`),
    ],
    nested,
  }
}

/** A path as git reads it from a line: C-quoted, every unusual byte in octal. */
function quoted(latin1: string): string {
  const inner = latin1.replace(
    /[^\x20-\x7e]|["\\]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
  )
  return `"${inner}"`
}
