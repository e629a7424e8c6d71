import { dirname, join } from 'node:path'
import { slug } from '../../kernel/paths.ts'

/** The folder below which all worktrees of an attempt's repository were made: nothing outside of it is ever touched. */
export function worktreeRootOf(worktree: string): string {
  return dirname(dirname(worktree))
}

/**
 * Where an attempt lives, decided once: `<root>/<repo>/<task>-r<round>-a<n>` and `quartet/<task>-<id>/r<round>a<n>`.
 * The ends of the ids keep two repositories or tasks of one name apart.
 */
export function attemptNames(input: {
  root: string
  repoName: string
  repoId: string
  title: string
  taskId: string
  round: number
  n: number
}): {
  worktree: string
  branch: string
} {
  const task = `${slug(input.title, 32)}-${input.taskId.slice(-6)}`
  const repo = `${slug(input.repoName, 32)}-${input.repoId.slice(-6)}`
  return {
    worktree: join(input.root, repo, `${task}-r${input.round}-a${input.n}`),
    branch: `quartet/${task}/r${input.round}a${input.n}`,
  }
}
