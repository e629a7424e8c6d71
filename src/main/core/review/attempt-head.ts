import type { Attempt } from '../../../shared/domain/attempt.ts'
import type { Git } from '../git/git.ts'

/** The commit that holds an attempt's work: what was kept of it once its worktree is gone, else its head. */
export async function headOf(
  git: Pick<Git, 'resolveRef'>,
  repo: string,
  attempt: Pick<Attempt, 'trashRef' | 'headSha' | 'baseSha'>,
): Promise<string> {
  const kept = attempt.trashRef ? await git.resolveRef(repo, attempt.trashRef) : null
  return kept ?? attempt.headSha ?? attempt.baseSha
}
