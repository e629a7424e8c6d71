import { Failure, isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { FastForward } from '../git/fast-forward.ts'
import { checkoutBehind } from './checkout-behind.ts'
import { landMessage } from './land-message.ts'
import { baseOf } from './prepare-phases.ts'
import { pullTitle } from './pull-text.ts'
import { go, headOf, type Step, type StepDeps, type Subject, short, stop, type Tries } from './step.ts'

// The last phases: merge exactly what was verified on exactly the base it was verified on, see that the base has it, clean up.

/** A base that moves faster than checks run would keep a change from landing for ever: then the forge's own rules decide. */
const MAX_BASE_MOVES = 5
const MAX_CONFIRMS = 10
/** 2, 4, 8 … up to 60 s: the forge computes mergeability in the background. */
const backOff = (count: number) => Math.min(2_000 * 2 ** (count - 1), 60_000)

export async function mergePhase(deps: StepDeps, subject: Subject, tries: Tries): Promise<Step> {
  const { run, task, attempt, forge } = subject
  if (!run.pullId) return go('pull')
  const row = deps.ledger.require('pulls', run.pullId)
  if (forge.hasRemote) {
    const instead = await beforeMerge(deps, subject, tries)
    if (instead) return instead
  }
  const merged = await forge.mergePull({
    number: row.number,
    expectedHead: headOf(run),
    expectedBase: run.expectedBaseSha ?? '',
    method: run.method,
    title: forge.hasRemote ? `${pullTitle(task)} (#${row.number})` : landMessage(task, attempt),
    message: forge.hasRemote ? landMessage(task, attempt).split('\n\n').slice(1).join('\n\n') : '',
  })
  if (merged.state === 'queued') {
    tries.next(`${run.id} queued`)
    return { do: 'wait', ms: 15_000, reason: 'In the merge queue of the forge.', hold: true }
  }
  return go('confirm', { landedSha: merged.sha })
}

/** What a forge must say before it is asked to merge; null when nothing speaks against it. */
async function beforeMerge(deps: StepDeps, subject: Subject, tries: Tries): Promise<Step | null> {
  const { run } = subject
  const { pull } = await deps.observer.observe(run.pullId ?? '')
  if (pull.state === 'merged') return go('confirm', { landedSha: pull.mergedSha })
  if (pull.state === 'closed') return stop(`Pull request #${pull.number} was closed on the forge.`)
  if (pull.headSha !== headOf(run)) return go('gate')
  if (pull.queuePosition !== null)
    return {
      do: 'wait',
      ms: 15_000,
      reason: `Place ${pull.queuePosition} in the merge queue of the forge.`,
      hold: true,
    }
  if (tries.has(`${run.id} queued`)) {
    tries.clear(`${run.id} queued`)
    return {
      do: 'wait',
      ms: null,
      reason: 'The merge queue of the forge dropped it. Look there why, then go on.',
      hold: false,
      attention: 'ci_stuck',
    }
  }
  const base = await baseOf(deps, subject)
  if (base === null) return stop(`The remote has no branch “${run.baseBranch}” any more: was it renamed?`)
  if (base !== run.expectedBaseSha && tries.next(`${run.id} moves`) <= MAX_BASE_MOVES) return go('integrate')
  switch (pull.mergeability) {
    case 'unknown':
      return {
        do: 'wait',
        ms: backOff(tries.next(`${run.id} unknown`)),
        reason: 'The forge does not know yet whether it can be merged.',
        hold: true,
      }
    case 'conflict':
    case 'behind':
      if (tries.next(`${run.id} stale`) <= MAX_BASE_MOVES) return go('integrate')
      return {
        do: 'wait',
        ms: 60_000,
        reason: `The forge says that it cannot be merged (${pull.mergeability}).`,
        hold: false,
        attention: 'conflict',
      }
    case 'draft':
      return {
        do: 'wait',
        ms: null,
        reason: 'It is a draft on the forge. Mark it ready there.',
        hold: false,
        attention: 'ci_stuck',
      }
    case 'blocked':
      return {
        do: 'wait',
        ms: 60_000,
        reason: `The rules of “${run.baseBranch}” do not let it be merged yet.`,
        hold: false,
        ...(tries.next(`${run.id} blocked`) > 2 ? { attention: 'ci_stuck' as const } : {}),
      }
    case 'clean':
      return null
  }
}

/** Believes nobody: the base itself must contain the change. */
export async function confirmPhase(deps: StepDeps, subject: Subject, tries: Tries): Promise<Step> {
  const { git, observer } = deps
  const { run, repository, forge } = subject
  let landedSha = run.landedSha
  if (forge.hasRemote && run.pullId) {
    const { pull } = await observer.observe(run.pullId)
    if (pull.state !== 'merged') return go('gate')
    // A rebase gives new commits: the forge says which is the last.
    landedSha = pull.mergedSha ?? landedSha
  }
  if (!landedSha) throw new Failure('forge_unavailable', 'The forge does not say which commit it merged.')
  const base = await baseOf(deps, subject)
  const contains =
    base !== null &&
    (await git
      .isAncestor({ repo: repository.path, ancestor: landedSha, descendant: base })
      .catch((error: unknown) => {
        // We do not have the commit: then the base that we have just fetched cannot contain it.
        if (isFailure(error, 'git_failed')) return false
        throw error
      }))
  if (!contains) {
    const count = tries.next(`${run.id} confirm`)
    return {
      do: 'wait',
      ms: backOff(count),
      reason: `Merged as ${short(landedSha)}, but “${run.baseBranch}” does not contain it yet.`,
      hold: count <= MAX_CONFIRMS,
      ...(count > MAX_CONFIRMS ? { attention: 'conflict' as const } : {}),
    }
  }
  return { do: 'landed', sha: landedSha, note: await followRemote(deps, subject, base) }
}

/**
 * The local base follows the remote, so that the next round starts from what has landed. Where the engineer's own work is in
 * the way it does not, and says so; a checkout that shows neither the one nor the other is not left like that.
 */
async function followRemote(
  deps: StepDeps,
  subject: Subject,
  base: string,
): Promise<Record<string, unknown>> {
  if (!subject.remote) return {}
  const repo = subject.repository.path
  const branch = subject.run.baseBranch
  let local: FastForward
  try {
    local = await deps.git.fastForward({ repo, branch, to: base })
  } catch (error) {
    // Whoever has the lock gives it back: until then the checkout may be half way.
    if (!isFailure(error) || error.code === 'git_locked') throw error
    return { localBase: messageOf(error) }
  }
  if (local === 'behind') throw checkoutBehind(repo, branch)
  return { localBase: local }
}

/** Ends the agent, keeps its work under a ref, takes worktree and branches away. */
export async function cleanupPhase(deps: StepDeps, subject: Subject): Promise<Step> {
  const { ledger, git, retire, log } = deps
  const { run, repository, remote } = subject
  await retire.stopAgent(ledger.require('attempts', run.attemptId), 'landed')
  await retire.keepAndRemove(run.attemptId, 'landed')
  if (!remote || !run.pushedSha) return { do: 'done' }
  try {
    await git.deleteRemoteBranch({
      repo: repository.path,
      ...remote,
      branch: subject.attempt.branch,
      expected: run.pushedSha,
      signal: deps.signal,
    })
    return { do: 'done' }
  } catch (error) {
    // The change has landed; a branch that somebody else moved or that may not be deleted is theirs.
    if (!isFailure(error) || error.code === 'cancelled') throw error
    log.info('a branch was left on the remote', { run: run.id, reason: error.message })
    return { do: 'done', note: `Its branch was left on the remote: ${error.message}` }
  }
}
