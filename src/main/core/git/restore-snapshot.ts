import { chmod, lstat, mkdir, rm, rmdir, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../../shared/domain/failure.ts'
import { readRef } from './branches.ts'
import { type CallOptions, callOptions, type GitContext } from './context.ts'
import { findAdminDir, repositoryPlace, verifiedPlace, type WorktreePlace } from './place.ts'
import { openSnapshot } from './snapshot.ts'
import { readState, type SnapshotState } from './snapshot-state.ts'
import { addWorktree } from './worktrees.ts'

export interface RestoreSnapshot extends CallOptions {
  repo: string
  /** The same path as before: agents find their transcripts by it. */
  path: string
  attemptId: string
}

/** Lies in the admin folder while a restore is under way, so that it can be repeated but never runs over new work. */
const UNDER_WAY = 'quartet-restoring'
const ZERO = '0'.repeat(40)
/** Content that is in memory at once. */
const BATCH_BYTES = 64 * 1024 * 1024
const MAX_BLOB_BYTES = 1024 * 1024 * 1024

/**
 * Makes the worktree of a kept attempt again: branch, HEAD, index (conflicts and an open merge included), files byte for
 * byte, executable bits, links, deletions, untracked files. An interrupted restore can be repeated. Throws `not_found`
 * when nothing is kept, `illegal_state` when the path or the branch is in use for something else.
 */
export async function restoreSnapshot(
  ctx: GitContext,
  request: RestoreSnapshot,
): Promise<{ branch: string; headSha: string }> {
  const { repo, path, attemptId } = request
  const repository = await repositoryPlace(repo)
  const kept = await openSnapshot(ctx, repo, attemptId, request)
  const state = await readState(ctx, repository, kept.meta, request)
  const tip = state.branchSha ?? kept.head
  const existing = await findAdminDir(repository.commonDir, path)
  if (
    existing &&
    (await isThere(path)) &&
    (await isThere(join(existing, 'index'))) &&
    !(await isThere(join(existing, UNDER_WAY)))
  ) {
    throw new Failure('illegal_state', `${path} is there already.`, { path, attemptId })
  }
  const now = await readRef(ctx, repository, `refs/heads/${state.branch}`, request)
  await addWorktree(ctx, {
    ...callOptions(request),
    repo,
    path,
    attemptId,
    branch: state.branch,
    baseSha: now === kept.head ? now : tip,
  })
  const place = await verifiedPlace({ repo, path })
  await writeFile(join(place.gitDir, UNDER_WAY), `${kept.sha}\n`)
  const git = (operation: string, args: string[], input?: Buffer, success: readonly number[] = [0]) =>
    ctx.runner.run(place, {
      operation,
      kind: 'long',
      writes: true,
      args,
      success,
      ...(input ? { input } : {}),
      ...callOptions(request),
    })
  if (state.headBranch !== state.branch)
    await git('Detaching HEAD', ['update-ref', '--no-deref', 'HEAD', kept.head])
  await git('Restoring the index', ['read-tree', '--reset', '-u', `${kept.index}^{tree}`])
  await applyFiles(ctx, place, `${kept.index}^{tree}`, `${kept.sha}^{tree}`, request)
  if (state.unmerged.length > 0)
    await git('Restoring conflicts', ['update-index', '-z', '--index-info'], conflictLines(state))
  if (state.operation === 'merge') await writeMerge(place, state)
  await git('Refreshing the index', ['update-index', '--refresh'], undefined, [0, 1])
  await rm(join(place.gitDir, UNDER_WAY))
  return { branch: state.branch, headSha: kept.head }
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )

function conflictLines(state: SnapshotState): Buffer {
  const paths = new Set(state.unmerged.map((entry) => entry.path))
  const lines = [
    ...[...paths].map((path) => `0 ${ZERO}\t${path}`),
    ...state.unmerged.map((entry) => `${entry.mode} ${entry.sha} ${entry.stage}\t${entry.path}`),
  ]
  return Buffer.from(`${lines.join('\0')}\0`, 'latin1')
}

async function writeMerge(place: WorktreePlace, state: SnapshotState): Promise<void> {
  if (state.mergeHeads.length === 0) return
  await writeFile(join(place.gitDir, 'MERGE_HEAD'), state.mergeHeads.map((sha) => `${sha}\n`).join(''))
  await writeFile(join(place.gitDir, 'MERGE_MODE'), '')
  if (state.mergeMessage !== null) await writeFile(join(place.gitDir, 'MERGE_MSG'), state.mergeMessage)
}

interface Change {
  mode: string
  sha: string
  /** One character per byte. */
  path: string
  deleted: boolean
}

/** Brings the files from one tree to the other by hand: git's own checkout would convert line endings and run filters. */
async function applyFiles(
  ctx: GitContext,
  place: WorktreePlace,
  from: string,
  to: string,
  options: CallOptions,
): Promise<void> {
  const output = await ctx.runner.run(place, {
    operation: 'Comparing index and files',
    kind: 'long',
    args: ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--full-index', from, to],
    maxBytes: 256 * 1024 * 1024,
    ...callOptions(options),
  })
  const parts = output.stdout.toString('latin1').split('\0')
  const changes: Change[] = []
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const [, mode = '', , sha = '', letter = ''] = (parts[i] ?? '').replace(/^:/, '').split(' ')
    changes.push({ mode, sha, path: parts[i + 1] ?? '', deleted: letter.startsWith('D') })
  }
  for (const { path } of changes) requireSafePath(path)
  for (const { path } of changes.filter((change) => change.deleted)) await removeFile(place.workTree, path)
  const wanted = changes.filter((change) => !change.deleted && change.mode !== '160000')
  for (const batch of await batches(ctx, place, wanted, options)) await writeBatch(ctx, place, batch, options)
}

/** A tree can be made by hand: names that would reach out of the worktree or into `.git` are refused. */
function requireSafePath(path: string): void {
  const bad = path
    .split('/')
    .some((part) => part === '' || part === '.' || part === '..' || /^\.git$/i.test(part))
  if (bad || (process.platform === 'win32' && path.includes('\\')))
    throw new Failure('illegal_state', 'The snapshot holds a path that is not safe to write.', { path })
}

const at = (workTree: string, path: string): Buffer =>
  Buffer.concat([Buffer.from(`${workTree}/`), Buffer.from(path, 'latin1')])

async function removeFile(workTree: string, path: string): Promise<void> {
  await unlink(at(workTree, path)).catch((error: NodeJS.ErrnoException) => {
    if (!['ENOENT', 'ENOTDIR', 'EISDIR', 'EPERM'].includes(error.code ?? '')) throw error
  })
  const parts = path.split('/')
  for (let n = parts.length - 1; n > 0; n--) {
    const removed = await rmdir(at(workTree, parts.slice(0, n).join('/'))).then(
      () => true,
      () => false,
    )
    if (!removed) return
  }
}

async function batches(
  ctx: GitContext,
  place: WorktreePlace,
  changes: readonly Change[],
  options: CallOptions,
): Promise<{ changes: Change[]; bytes: number }[]> {
  if (changes.length === 0) return []
  const output = await ctx.runner.text(place, {
    operation: 'Measuring files',
    kind: 'long',
    args: ['cat-file', '--batch-check=%(objectsize)'],
    input: changes.map((change) => `${change.sha}\n`).join(''),
    ...callOptions(options),
  })
  const sizes = output.split('\n').map(Number)
  const result: { changes: Change[]; bytes: number }[] = []
  for (const [i, change] of changes.entries()) {
    const bytes = (sizes[i] ?? 0) + 200
    const last = result.at(-1)
    if (last && last.bytes + bytes <= BATCH_BYTES) {
      last.changes.push(change)
      last.bytes += bytes
    } else result.push({ changes: [change], bytes })
  }
  return result
}

async function writeBatch(
  ctx: GitContext,
  place: WorktreePlace,
  batch: { changes: Change[]; bytes: number },
  options: CallOptions,
): Promise<void> {
  const { stdout } = await ctx.runner.run(place, {
    operation: 'Restoring files',
    kind: 'long',
    args: ['cat-file', '--batch=%(objectsize)'],
    input: batch.changes.map((change) => `${change.sha}\n`).join(''),
    maxBytes: Math.min(batch.bytes, MAX_BLOB_BYTES),
    ...callOptions(options),
  })
  let offset = 0
  for (const change of batch.changes) {
    const line = stdout.indexOf(10, offset)
    const size = Number(stdout.subarray(offset, line).toString('latin1'))
    if (line < 0 || !Number.isInteger(size))
      throw new Failure('git_failed', `A file of the snapshot cannot be read: ${change.path}.`, {
        sha: change.sha,
      })
    await writeEntry(place.workTree, change, stdout.subarray(line + 1, line + 1 + size))
    offset = line + 1 + size + 1
  }
}

async function writeEntry(workTree: string, change: Change, content: Buffer): Promise<void> {
  await makeFolders(workTree, change.path)
  const path = at(workTree, change.path)
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  if (change.mode === '120000') return symlink(content, path)
  // `wx`: never through a link that appeared meanwhile.
  await writeFile(path, content, { flag: 'wx' })
  if (change.mode === '100755') await chmod(path, 0o755)
}

/** Makes the folders above a path; a link on the way would lead out of the worktree. */
async function makeFolders(workTree: string, path: string): Promise<void> {
  const parts = path.split('/')
  for (let n = 1; n < parts.length; n++) {
    const folder = at(workTree, parts.slice(0, n).join('/'))
    const entry = await lstat(folder).catch(() => null)
    if (entry === null) await mkdir(folder)
    else if (!entry.isDirectory())
      throw new Failure('illegal_state', 'A folder of the snapshot is something else in the worktree.', {
        path,
      })
  }
}
