import type { Check } from '../../../shared/domain/attempt.ts'
import { isFailure } from '../../../shared/domain/failure.ts'
import type { CheckConclusion } from '../../../shared/domain/pull.ts'
import { isTrusted } from '../repositories/workflow.ts'
import { NO_FIX } from './fix-message.ts'
import { looksFlaky } from './judge-checks.ts'
import { go, headOf, type Step, type StepDeps, type Subject, short, stop } from './step.ts'

// The phases before anything leaves this machine: is what was approved still what lands, does it fit the base, is it green.

/** Fresh eyes: the verdict must stand for what the worktree holds now. */
export async function gatePhase(deps: StepDeps, subject: Subject): Promise<Step> {
  const { git, observer } = deps
  const { run, attempt, place } = subject
  if (run.pullId) {
    const { pull } = await observer.observe(run.pullId)
    if (pull.state === 'merged') return go('confirm', { landedSha: pull.mergedSha })
    if (pull.state === 'closed') return stop(`Pull request #${pull.number} was closed on the forge.`)
  }
  const status = await git.readStatus(place)
  if (status.conflicted > 0) return stop('Its worktree has open conflicts.', 'conflict')
  const head = status.headSha ?? attempt.baseSha
  if (head === headOf(run)) return go('integrate')
  const base = (await baseOf(deps, subject)) ?? attempt.baseSha
  if (await git.sameChange({ repo: place.repo, base, before: headOf(run), after: head }))
    return go('integrate', { headSha: head })
  if (run.allowFixes) return go('integrate', { headSha: head, reviewedSha: head })
  return stop(`It has moved on to ${short(head)} since the verdict: judge it again.`, 'verdict')
}

/** Merges the base into the branch, on top of what was reviewed. */
export async function integratePhase(deps: StepDeps, subject: Subject): Promise<Step> {
  const { git } = deps
  const { run, place, attempt } = subject
  const baseSha = await baseOf(deps, subject)
  if (baseSha === null)
    return stop(`The remote has no branch “${run.baseBranch}” any more: was it renamed?`, 'conflict')
  if (await git.bringsNothing({ repo: place.repo, base: baseSha, head: headOf(run) }))
    return stop('The base branch already contains everything that this attempt changes.', 'conflict')
  const done = await git.integrateBase({
    ...place,
    branch: attempt.branch,
    headSha: headOf(run),
    baseSha,
    message: `Merge ${run.baseBranch} into ${attempt.branch}`,
    signal: deps.signal,
  })
  if (done.state === 'conflict')
    return {
      do: 'fix',
      request: { ...NO_FIX, conflict: { baseBranch: run.baseBranch, baseSha, files: done.files } },
    }
  return go('verify', { headSha: done.headSha, expectedBaseSha: baseSha })
}

/** Runs the gate on the head as it would land, unless it has been green there already. */
export async function verifyPhase(deps: StepDeps, subject: Subject): Promise<Step> {
  const { ledger, gate, workflows } = deps
  const { run, attempt, repository, forge } = subject
  const next = forge.hasRemote ? 'push' : 'pull'
  const workflow = await workflows.read(repository)
  if (workflow.checks.length === 0) return go(next)
  if (!isTrusted(workflow, repository.trustedHash)) {
    // The verdict was given on an unverified attempt, which its card said; running the commands needs consent.
    ledger.commit((tx) =>
      tx.fact({
        kind: 'land.waits',
        repoId: run.repoId,
        taskId: run.taskId,
        attemptId: run.attemptId,
        body: { phase: 'verify', reason: 'Not verified again: the commands wait for consent.' },
      }),
    )
    return go(next)
  }
  const head = headOf(run)
  const accepted = acceptedChecks(subject)
  const blocking = (checks: readonly Check[]) =>
    checks.filter((check) => check.required && check.status !== 'passed' && !accepted.has(check.name))
  const known = ledger.select('checks', 'attemptId = ? AND headSha = ?', attempt.id, head)
  const complete = workflow.checks.every((config) =>
    known.some((check) => check.name === config.name && check.command === config.run && isOver(check)),
  )
  if (complete && blocking(known).length === 0) return go(next)
  const runGate = () => gate.run(attempt, head, workflow.checks, deps.signal)
  let red = blocking(await runGate())
  if (deps.signal.aborted) return go('verify')
  // Once more before an agent is troubled with the machine's own weakness.
  if (
    red.length > 0 &&
    red.every((check) => looksFlaky({ conclusion: endOf(check), excerpt: check.summary }))
  )
    red = blocking(await runGate())
  if (deps.signal.aborted) return go('verify')
  if (red.length === 0) return go(next)
  return {
    do: 'fix',
    request: {
      ...NO_FIX,
      checks: red.map((check) => ({ name: check.name, excerpt: check.summary || null, url: null })),
    },
  }
}

/** Names of the gate's checks that were red when the engineer approved all the same: they hold nothing up. */
export const acceptedChecks = (subject: Pick<Subject, 'run'>): Set<string> =>
  new Set(subject.run.verdict?.acceptedChecks ?? [])

/** Where the base is now: of a repository with a forge it is the remote's. Null when the branch is gone. */
export async function baseOf(deps: StepDeps, subject: Subject): Promise<string | null> {
  const { run, repository, remote } = subject
  if (!remote) {
    try {
      return await deps.git.resolveBase(repository.path, run.baseBranch)
    } catch (error) {
      if (isFailure(error, 'base_missing')) return null
      throw error
    }
  }
  return deps.git.fetchBranch({
    repo: repository.path,
    ...remote,
    branch: run.baseBranch,
    signal: deps.signal,
  })
}

const isOver = (check: Check) => check.status !== 'queued' && check.status !== 'running'

const endOf = (check: Check): CheckConclusion => (check.status === 'timed_out' ? 'timed_out' : 'failure')
