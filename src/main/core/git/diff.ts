import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { repositoryPlace, verifiedPlace, type WorktreeAt } from './place.ts'

export interface FileStat {
  path: string
  /** The former path of a renamed or copied file. */
  oldPath: string | null
  /** Git's letter: A, M, D, R, C, T, U; `?` for an untracked file. */
  status: string
  /** Lines; null for a binary file. */
  added: number | null
  removed: number | null
}

export interface DiffStat {
  files: number
  added: number
  removed: number
  /** At most `maxFiles` of them; the numbers above count all. */
  perFile: FileStat[]
  /** Something was left out: files beyond the cap, or untracked content too large to count. */
  truncated: boolean
}

/** Makes a diff independent of the user's and the repository's taste, and keeps both from running programs. */
const PLAIN_DIFF = [
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--no-relative',
  '--find-renames',
  '--diff-algorithm=histogram',
  '--submodule=short',
  '--ignore-submodules=dirty',
  '-O/dev/null',
] as const

const DEFAULT_MAX_FILES = 2_000
/** Untracked files are read to count their lines; beyond this much, one of them is a build output that is not ignored. */
const MAX_UNTRACKED_BYTES = 32 * 1024 * 1024
const MAX_UNTRACKED_FILES = 2_000
/** Where git looks for a NUL byte to call a file binary. */
const BINARY_PROBE_BYTES = 8_000
const DEFAULT_MAX_PATCH_BYTES = 4 * 1024 * 1024

/**
 * What a worktree changes against `baseSha`: committed, uncommitted and untracked work together.
 * Throws `worktree_missing`, `worktree_tampered`, `git_failed` for an unknown base.
 */
export async function diffStat(
  ctx: GitContext,
  request: WorktreeAt & { baseSha: string; maxFiles?: number } & CallOptions,
): Promise<DiffStat> {
  const place = await verifiedPlace(request)
  const maxFiles = request.maxFiles ?? DEFAULT_MAX_FILES
  const [tracked, others] = await Promise.all([
    ctx.runner.run(place, {
      operation: 'Counting changed lines',
      kind: 'local',
      args: ['diff', ...PLAIN_DIFF, '--raw', '--numstat', '-z', '--end-of-options', request.baseSha, '--'],
      ...callOptions(request),
    }),
    ctx.runner.run(place, {
      operation: 'Listing new files',
      kind: 'local',
      args: ['ls-files', '--others', '--exclude-standard', '-z'],
      ...callOptions(request),
    }),
  ])
  const files = parseRawNumstat(tracked.stdout.toString('utf8'))
  const untracked = await countUntracked(request.path, others.stdout, request.signal)
  const all = [...files, ...untracked.files]
  return {
    files: all.length + untracked.uncounted,
    added: all.reduce((sum, file) => sum + (file.added ?? 0), 0),
    removed: all.reduce((sum, file) => sum + (file.removed ?? 0), 0),
    perFile: all.slice(0, maxFiles),
    truncated: tracked.truncated || others.truncated || untracked.truncated || all.length > maxFiles,
  }
}

/** What changes from one commit or tree to another (both full SHAs, no worktree involved). */
export async function diffStatBetween(
  ctx: GitContext,
  request: { repo: string; from: string; to: string; maxFiles?: number } & CallOptions,
): Promise<DiffStat> {
  const output = await ctx.runner.run(await repositoryPlace(request.repo), {
    operation: 'Counting changed lines',
    kind: 'local',
    args: [
      'diff',
      ...PLAIN_DIFF,
      '--raw',
      '--numstat',
      '-z',
      '--end-of-options',
      request.from,
      request.to,
      '--',
    ],
    ...callOptions(request),
  })
  const files = parseRawNumstat(output.stdout.toString('utf8'))
  const maxFiles = request.maxFiles ?? DEFAULT_MAX_FILES
  return {
    files: files.length,
    added: files.reduce((sum, file) => sum + (file.added ?? 0), 0),
    removed: files.reduce((sum, file) => sum + (file.removed ?? 0), 0),
    perFile: files.slice(0, maxFiles),
    truncated: output.truncated || files.length > maxFiles,
  }
}

/**
 * The patch from one commit or tree to another (full SHAs), for some paths or all. Text that is not UTF-8 comes with
 * replacement characters; `truncated` says that `maxBytes` cut it.
 */
export async function diffPatch(
  ctx: GitContext,
  request: {
    repo: string
    from: string
    to: string
    paths?: readonly string[]
    maxBytes?: number
    contextLines?: number
  } & CallOptions,
): Promise<{ patch: string; truncated: boolean }> {
  const output = await ctx.runner.run(await repositoryPlace(request.repo), {
    operation: 'Reading the diff',
    kind: 'local',
    args: [
      'diff',
      ...PLAIN_DIFF,
      '--patch',
      '--full-index',
      `--unified=${request.contextLines ?? 3}`,
      '--src-prefix=a/',
      '--dst-prefix=b/',
      '--end-of-options',
      request.from,
      request.to,
      '--',
      ...(request.paths ?? []),
    ],
    env: { GIT_LITERAL_PATHSPECS: '1' },
    maxBytes: request.maxBytes ?? DEFAULT_MAX_PATCH_BYTES,
    ...callOptions(request),
  })
  return { patch: output.stdout.toString('utf8'), truncated: output.truncated }
}

/** `--raw --numstat -z`: all raw records, then all numstat records, both in the same order. */
function parseRawNumstat(text: string): FileStat[] {
  const parts = text.split('\0')
  const statuses = new Map<string, string>()
  const files: FileStat[] = []
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? ''
    if (part.startsWith(':')) {
      const letter = part.split(' ')[4]?.[0] ?? 'M'
      const renamed = letter === 'R' || letter === 'C'
      statuses.set(parts[renamed ? i + 2 : i + 1] ?? '', letter)
      i += renamed ? 2 : 1
      continue
    }
    const match = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(part)
    if (!match) continue
    const renamed = match[3] === ''
    const path = renamed ? parts[i + 2] : match[3]
    if (path === undefined) break
    files.push({
      path,
      oldPath: renamed ? (parts[i + 1] ?? null) : null,
      status: statuses.get(path) ?? 'M',
      added: match[1] === '-' ? null : Number(match[1]),
      removed: match[2] === '-' ? null : Number(match[2]),
    })
    if (renamed) i += 2
  }
  return files
}

async function countUntracked(
  folder: string,
  listing: Buffer,
  signal: AbortSignal | undefined,
): Promise<{ files: FileStat[]; uncounted: number; truncated: boolean }> {
  // latin1 keeps names as bytes; what is shown is decoded as UTF-8.
  const names = listing
    .toString('latin1')
    .split('\0')
    .filter((name) => name !== '' && !name.endsWith('/'))
  const files: FileStat[] = []
  let room = MAX_UNTRACKED_BYTES
  let truncated = false
  for (const name of names.slice(0, MAX_UNTRACKED_FILES)) {
    if (signal?.aborted) break
    const bytes = Buffer.from(name, 'latin1')
    const content = await readUpTo(Buffer.concat([Buffer.from(join(folder, '/')), bytes]), room)
    if (content === 'gone') continue
    truncated ||= content === null
    room -= content?.length ?? 0
    files.push({
      path: bytes.toString('utf8'),
      oldPath: null,
      status: '?',
      added: content && countLines(content),
      removed: 0,
    })
  }
  const uncounted = Math.max(0, names.length - MAX_UNTRACKED_FILES)
  return { files, uncounted, truncated: truncated || uncounted > 0 }
}

/** The content; null when it is larger than `room` or no plain file; `gone` when it vanished meanwhile. */
async function readUpTo(path: Buffer, room: number): Promise<Buffer | null | 'gone'> {
  try {
    // O_NONBLOCK and O_NOFOLLOW: a planted pipe must not hang us, a link must not lead us out of the worktree.
    const file = await open(
      path,
      constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0),
    )
    try {
      const { size, isFile } = await file.stat().then((s) => ({ size: s.size, isFile: s.isFile() }))
      return isFile && size <= room ? await file.readFile() : null
    } finally {
      await file.close()
    }
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'gone' : null
  }
}

/** Lines as git counts them: an unfinished last line is one; null for binary content. */
function countLines(content: Buffer): number | null {
  if (content.subarray(0, BINARY_PROBE_BYTES).includes(0)) return null
  let lines = 0
  for (let at = content.indexOf(10); at >= 0; at = content.indexOf(10, at + 1)) lines++
  return content.length > 0 && content[content.length - 1] !== 10 ? lines + 1 : lines
}
