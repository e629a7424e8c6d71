import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { verifiedPlace, type WorktreeAt, type WorktreePlace } from './place.ts'

export interface WorktreeStatus {
  /** Null before the first commit. */
  headSha: string | null
  /** Null when HEAD is detached. */
  branch: string | null
  /** Numbers of paths; an untracked folder counts once. */
  staged: number
  unstaged: number
  untracked: number
  conflicted: number
  /** The listing was cut: the numbers are lower bounds. */
  truncated: boolean
}

/** True when the worktree holds work that no commit has. */
export function isLoose(
  status: Pick<WorktreeStatus, 'staged' | 'unstaged' | 'untracked' | 'conflicted'>,
): boolean {
  return status.staged + status.unstaged + status.untracked + status.conflicted > 0
}

export interface StatusEntry {
  kind: 'changed' | 'unmerged' | 'untracked'
  path: string
  staged: boolean
  unstaged: boolean
}

/**
 * Counts what differs in a worktree, without taking a lock and without looking into submodules (their own configuration is
 * hostile too). Throws `worktree_missing`, `worktree_tampered`.
 */
export async function readStatus(
  ctx: GitContext,
  request: WorktreeAt & CallOptions,
): Promise<WorktreeStatus> {
  const { headSha, branch, entries, truncated } = await listChanges(
    ctx,
    await verifiedPlace(request),
    'normal',
    request,
  )
  return {
    headSha,
    branch,
    staged: entries.filter((entry) => entry.kind === 'changed' && entry.staged).length,
    unstaged: entries.filter((entry) => entry.kind === 'changed' && entry.unstaged).length,
    untracked: entries.filter((entry) => entry.kind === 'untracked').length,
    conflicted: entries.filter((entry) => entry.kind === 'unmerged').length,
    truncated,
  }
}

/** The paths behind `readStatus`, for a place that was checked already. */
export async function listChanges(
  ctx: GitContext,
  place: WorktreePlace,
  untracked: 'no' | 'normal' | 'all',
  options: CallOptions = {},
): Promise<{ headSha: string | null; branch: string | null; entries: StatusEntry[]; truncated: boolean }> {
  const output = await ctx.runner.run(place, {
    operation: 'Reading the status',
    kind: 'local',
    args: [
      'status',
      '--porcelain=v2',
      '--branch',
      '-z',
      `--untracked-files=${untracked}`,
      '--ignore-submodules=dirty',
      '--no-ahead-behind',
      '--no-renames',
    ],
    ...callOptions(options),
  })
  const parts = output.stdout.toString('utf8').split('\0')
  // Cut in the middle of a record, or the empty text after the last NUL.
  parts.pop()
  let headSha: string | null = null
  let branch: string | null = null
  const entries: StatusEntry[] = []
  for (const part of parts) {
    const [mark = '', second = '', third = ''] = part.split(' ', 3)
    if (mark === '#' && second === 'branch.oid') headSha = third === '(initial)' ? null : third
    else if (mark === '#' && second === 'branch.head')
      branch = third === '(detached)' ? null : part.slice('# branch.head '.length)
    else if (mark === '1')
      entries.push({
        kind: 'changed',
        path: afterFields(part, 8),
        staged: second[0] !== '.',
        unstaged: second[1] !== '.',
      })
    else if (mark === 'u')
      entries.push({ kind: 'unmerged', path: afterFields(part, 10), staged: true, unstaged: true })
    else if (mark === '?')
      entries.push({ kind: 'untracked', path: part.slice(2), staged: false, unstaged: false })
  }
  return { headSha, branch, entries, truncated: output.truncated }
}

/** The rest of `line` after `count` fields: a path, which may hold blanks. */
function afterFields(line: string, count: number): string {
  let at = 0
  for (let i = 0; i < count; i++) at = line.indexOf(' ', at) + 1
  return line.slice(at)
}
