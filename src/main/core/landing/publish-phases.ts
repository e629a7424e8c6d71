import { isFailure } from '../../../shared/domain/failure.ts'
import type { PullCheck } from '../../../shared/domain/pull.ts'
import { isOpenThread } from '../../../shared/domain/pull.ts'
import { NO_FIX } from './fix-message.ts'
import { looksFlaky, passes } from './judge-checks.ts'
import { acceptedChecks } from './prepare-phases.ts'
import type { Observation } from './pull-observer.ts'
import { type PullFacts, pullBody, pullTitle, withEvidence } from './pull-text.ts'
import { replyText } from './replies.ts'
import { go, headOf, type Step, type StepDeps, type Subject, short, stop, type Tries } from './step.ts'
import { untold } from './threads.ts'

// The phases on the forge until it may be merged: push, pull request, checks and reviews of exactly the pushed commit.

/** How often a landing looks at its checks. */
export const LOOK_MS = 15_000
/** A forge shows a push a moment later. */
const LAG_MS = 2_000
const LAG_TRIES = 15
/** Without any check for this many looks in a row, the repository runs none. */
const NONE_LOOKS = 5
/** A required check that never starts is nobody's fault but somebody's business. */
const MISSING_LOOKS = 40

/** Puts the head on the remote branch, over nothing but what we have put there ourselves. */
export async function pushPhase(deps: StepDeps, subject: Subject): Promise<Step> {
  const { git, observer } = deps
  const { run, attempt, repository, remote } = subject
  if (!remote) return go('pull')
  const head = headOf(run)
  const at = { repo: repository.path, ...remote, branch: attempt.branch, signal: deps.signal }
  const there = await git.remoteHead(at)
  if (there === head) return go('pull', { pushedSha: head })
  if (there === null && run.pushedSha !== null && run.pullId) {
    const { pull } = await observer.observe(run.pullId)
    if (pull.state === 'merged') return go('confirm', { landedSha: pull.mergedSha })
    return stop(`Its branch was deleted on the remote (pull request #${pull.number} is ${pull.state}).`)
  }
  if (there !== null) {
    const ours =
      there === run.pushedSha ||
      (await git
        .isAncestor({ repo: repository.path, ancestor: there, descendant: head })
        .catch((error: unknown) => {
          // We do not even have the commit: it is somebody else's.
          if (isFailure(error, 'git_failed')) return false
          throw error
        }))
    const forward =
      ours && (await git.isAncestor({ repo: repository.path, ancestor: there, descendant: head }))
    if (!forward) return stop(await foreign(deps, subject, there))
  }
  await git.pushBranch({ ...at, sha: head, expected: there })
  return go('pull', { pushedSha: head })
}

async function foreign(deps: StepDeps, subject: Subject, there: string): Promise<string> {
  const { attempt, repository, remote, run } = subject
  if (!remote) return ''
  await deps.git.fetchBranch({ repo: repository.path, ...remote, branch: attempt.branch })
  const commits = await deps.git.logBetween({ repo: repository.path, from: headOf(run), to: there, limit: 4 })
  const who = [...new Set(commits.map((commit) => commit.authorName))].join(', ')
  return commits.length === 0
    ? `Its branch was reset on the remote to ${short(there)}; nothing was overwritten.`
    : `${who || 'Somebody'} pushed to its branch on the remote (${commits.map((c) => `${short(c.sha)} ${c.subject}`).join('; ')}); nothing was overwritten.`
}

/** Opens the pull request or brings it up to date, and posts the answers that came with the push. */
export async function pullPhase(deps: StepDeps, subject: Subject): Promise<Step> {
  const { ledger, observer } = deps
  const { run, attempt, task, forge, repository } = subject
  const facts: PullFacts = {
    task,
    attempt,
    headSha: headOf(run),
    reviewedSha: run.reviewedSha,
    checks: ledger.select('checks', 'attemptId = ? ORDER BY id', attempt.id),
    findings: ledger.select('findings', 'attemptId = ?', attempt.id),
  }
  const known = await forge.findPull(attempt.branch)
  if (known?.state === 'merged')
    return go('confirm', {
      landedSha: known.mergedSha,
      pullId: observer.record(repository, attempt, known).id,
    })
  if (known?.state === 'closed' && run.pullId)
    return stop(`Pull request #${known.number} was closed on the forge.`)
  const pull =
    known?.state === 'open'
      ? known
      : await forge.openPull({
          headBranch: attempt.branch,
          headSha: headOf(run),
          baseBranch: run.baseBranch,
          title: pullTitle(task),
          body: pullBody(facts),
          draft: false,
        })
  const body = withEvidence(pull.body, facts)
  if (forge.hasRemote && body !== pull.body) await forge.updatePull(pull.number, { body })
  const row = observer.record(repository, attempt, pull)
  await postAnswers(deps, subject, row.id, pull.number)
  return go('checks', { pullId: row.id })
}

/** Posts what the agent answered to threads, each once: the forge is asked for our mark first. */
async function postAnswers(deps: StepDeps, subject: Subject, pullId: string, number: number): Promise<void> {
  const { ledger, clock } = deps
  const { forge, run } = subject
  for (const thread of ledger.select('reviewThreads', 'pullId = ? ORDER BY id', pullId)) {
    const { answer } = thread
    if (!answer || answer.postedAt !== null) continue
    const id = thread.externalId.slice(thread.kind.length + 1)
    const posted = await forge.reply(
      number,
      { kind: thread.kind, externalId: id },
      replyText(answer, headOf(run)),
      answer.by,
    )
    ledger.commit((tx) => {
      tx.patch('reviewThreads', thread.id, {
        answer: { ...answer, postedAt: clock.now() },
        comments: [
          ...tx
            .require('reviewThreads', thread.id)
            .comments.filter((c) => c.externalId !== posted.externalId),
          {
            externalId: posted.externalId,
            author: posted.author,
            bot: false,
            own: true,
            body: posted.body,
            at: posted.at,
          },
        ],
      })
      tx.fact({
        kind: 'pull.replied',
        repoId: run.repoId,
        taskId: run.taskId,
        attemptId: run.attemptId,
        body: { number, thread: thread.name, kind: answer.kind, text: answer.text },
        dedupeKey: `reply:${thread.id}:${answer.by}`,
      })
    })
  }
}

/** Waits for the checks of exactly the pushed commit, and for the people who must agree. */
export async function checksPhase(deps: StepDeps, subject: Subject, tries: Tries): Promise<Step> {
  const { ledger, observer, git } = deps
  const { run, attempt, repository, remote } = subject
  if (!run.pullId) return go('pull')
  const seen = await observer.observe(run.pullId, acceptedChecks(subject))
  const { pull } = seen
  const head = headOf(run)
  if (pull.state === 'merged') return go('confirm', { landedSha: pull.mergedSha })
  if (pull.state === 'closed') return stop(`Pull request #${pull.number} was closed on the forge.`)
  if (pull.headSha !== head) {
    // Either the forge has not noticed our push yet, or the branch is at something else.
    const there = remote
      ? await git.remoteHead({
          repo: repository.path,
          ...remote,
          branch: attempt.branch,
          signal: deps.signal,
        })
      : null
    if (there !== head || tries.next(`${run.id} lag ${head}`) > LAG_TRIES) return go('gate')
    return { do: 'wait', ms: LAG_MS, reason: 'The forge has not seen the push yet.', hold: true }
  }
  if (pull.baseBranch !== run.baseBranch)
    return stop(`Pull request #${pull.number} goes to “${pull.baseBranch}” now, not to “${run.baseBranch}”.`)

  const threads = ledger.select('reviewThreads', 'pullId = ? ORDER BY id', pull.id)
  const fresh = untold(threads)
  const red = seen.checks.filter((check) => check.required && isRed(check))
  if (pull.checks === 'red' && red.length > 0) {
    const human = red.find((check) => check.conclusion === 'action_required')
    if (human)
      return {
        do: 'wait',
        ms: LOOK_MS * 4,
        reason: `Check “${human.name}” waits for somebody on the forge.`,
        hold: false,
        attention: 'ci_stuck',
      }
    if (await retryFlaky(deps, subject, red))
      return { do: 'wait', ms: LOOK_MS, reason: 'A check that looks flaky runs again.', hold: true }
    const untoldRed = red.filter((check) => check.sentAt === null)
    if (untoldRed.length > 0 || fresh.length > 0)
      return { do: 'fix', request: { ...NO_FIX, checks: untoldRed, threads: fresh } }
    // Told once for this commit, and the agent left it as it is: nobody is told again.
    return stop(`Still red after a fix round: ${red.map((check) => check.name).join(', ')}.`, 'ci_stuck')
  }
  if (fresh.length > 0) return { do: 'fix', request: { ...NO_FIX, threads: fresh } }
  const waiting = checksWait(subject, seen, tries)
  if (waiting) return waiting
  return reviewsWait(seen, threads.filter(isOpenThread).length) ?? go('merge')
}

function checksWait(subject: Subject, seen: Observation, tries: Tries): Step | null {
  const { run, forge } = subject
  const { pull, missing } = seen
  const wait = (reason: string): Step => ({ do: 'wait', ms: LOOK_MS, reason, hold: true })
  const key = `${run.id} ${pull.headSha}`
  if (pull.checks === 'running') {
    const running = seen.checks.filter((check) => check.status !== 'completed').length
    if (running > 0 || missing.length === 0)
      return wait(`${running} of ${seen.checks.length} checks still run.`)
    if (tries.next(`${key} missing`) <= MISSING_LOOKS)
      return wait(`Waits for ${missing.join(', ')} to start.`)
    return {
      do: 'wait',
      ms: LOOK_MS * 8,
      reason: `The forge requires ${missing.join(', ')}, which never started for ${short(pull.headSha)}.`,
      hold: false,
      attention: 'ci_stuck',
    }
  }
  if (pull.checks === 'unknown')
    return {
      do: 'wait',
      ms: LOOK_MS * 8,
      reason: 'The token may not read all checks, so it is not known whether they are green.',
      hold: false,
      attention: 'auth',
    }
  // Seen red a moment ago on this very commit: green counts when it is seen twice.
  if (pull.checks === 'red') return wait('Looks again whether the checks stay green.')
  if (pull.checks === 'none' && forge.hasRemote && tries.next(`${key} none`) < NONE_LOOKS)
    return wait('Waits for checks to start.')
  return null
}

function reviewsWait(seen: Observation, open: number): Step | null {
  const { pull, protection } = seen
  const wait = (reason: string): Step => ({ do: 'wait', ms: null, reason, hold: false })
  if (pull.decision === 'changes_requested')
    return wait('A reviewer asked for changes and has to look again.')
  if (pull.decision === 'review_required') return wait('Waits for a review on the forge.')
  if ((protection.requiredApprovals ?? 0) > 0 && pull.decision !== 'approved')
    return wait(`Waits for ${protection.requiredApprovals} approving review(s) on the forge.`)
  if (open > 0)
    return {
      do: 'wait',
      ms: null,
      reason: `${open} review ${open === 1 ? 'comment has' : 'comments have'} no answer yet.`,
      hold: false,
      attention: 'question',
    }
  return null
}

/** Runs red checks again that look flaky, each once per commit. True when one runs. */
async function retryFlaky(deps: StepDeps, subject: Subject, red: readonly PullCheck[]): Promise<boolean> {
  const { ledger } = deps
  if (!red.every((check) => looksFlaky(check) && !check.retried)) return false
  let runs = false
  for (const check of red) {
    // Noted first: an answer that is lost must not make it run for ever.
    ledger.commit((tx) => tx.patch('pullChecks', check.id, { retried: true }))
    const again = await subject.forge.rerunCheck(check)
    ledger.commit((tx) => {
      if (again)
        tx.fact({
          kind: 'land.waits',
          repoId: subject.run.repoId,
          taskId: subject.run.taskId,
          attemptId: subject.run.attemptId,
          body: { phase: 'checks', reason: `“${check.name}” looked flaky and runs again.` },
        })
    })
    runs ||= again
  }
  return runs
}

const isRed = (check: PullCheck) => check.status === 'completed' && !passes(check.conclusion)
