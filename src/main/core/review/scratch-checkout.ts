import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { isFailure } from '../../../shared/domain/failure.ts'
import { KeyedMutex } from '../../kernel/keyed-mutex.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Git } from '../git/git.ts'

export interface ScratchCheckoutDeps {
  git: Git
  log: Logger
}

const BRANCHES = 'quartet/review/'

/**
 * Checkouts of one commit for agents that only read: what they write, or what the author left in its own worktree
 * (settings of agents among it), touches nobody's work.
 */
export class ScratchCheckout {
  readonly #deps: ScratchCheckoutDeps
  readonly #mutex = new KeyedMutex()

  constructor(deps: ScratchCheckoutDeps) {
    this.#deps = deps
  }

  /** Runs `work` in a checkout of `sha` below `root`, and takes it away after that. One at a time per commit. */
  async use<T>(
    at: { repo: string; root: string; sha: string },
    signal: AbortSignal,
    work: (path: string) => Promise<T>,
  ): Promise<T> {
    const { git, log } = this.#deps
    const name = createHash('sha256').update(`${at.repo}\0${at.sha}`).digest('hex').slice(0, 16)
    const place = { repo: at.repo, path: join(at.root, '.review', name) }
    return this.#mutex.run(name, async () => {
      try {
        await git.addWorktree({
          ...place,
          branch: `${BRANCHES}${name}`,
          baseSha: at.sha,
          attemptId: `review-${name}`,
          signal,
        })
        await git.checkoutWorktree({ ...place, signal })
        return await work(place.path)
      } finally {
        // A leftover is swept at the next start: it must not hide what went wrong here.
        await this.#remove(at.repo, at.root, place.path, name).catch((error: unknown) =>
          log.warn('a checkout for reviewers stays behind', { path: place.path, error }),
        )
      }
    })
  }

  /** Takes away what a crash left. */
  async sweep(repo: string): Promise<void> {
    for (const entry of await this.#deps.git.listWorktrees(repo)) {
      if (!entry.branch?.startsWith(BRANCHES)) continue
      const name = entry.branch.slice(BRANCHES.length)
      await this.#remove(repo, dirname(dirname(entry.path)), entry.path, name)
    }
  }

  async #remove(repo: string, root: string, path: string, name: string): Promise<void> {
    const { git } = this.#deps
    try {
      await git.removeWorktree({ repo, root, path, attemptId: `review-${name}` })
    } catch (error) {
      if (!isFailure(error, 'illegal_state')) throw error
      this.#deps.log.warn('a checkout for reviewers was not ours to remove', { path, error })
      return
    }
    const expectedSha = await git.resolveRef(repo, `refs/heads/${BRANCHES}${name}`)
    if (expectedSha) await git.deleteBranch({ repo, branch: `${BRANCHES}${name}`, expectedSha })
  }
}
