import { type Failure, isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { LandRun } from '../../../shared/domain/landing.ts'
import { stepAfter } from './failed-step.ts'
import { cleanupPhase, confirmPhase, mergePhase } from './finish-phases.ts'
import { gatePhase, integratePhase, verifyPhase } from './prepare-phases.ts'
import { checksPhase, pullPhase, pushPhase } from './publish-phases.ts'
import { type Step, type StepDeps, type Subject, stop, type Tries } from './step.ts'

export interface Taken {
  step: Step
  /** Null when it could not even be read. */
  subject: Subject | null
}

/**
 * Does what a landing's phase asks for and gives what follows from it; what goes wrong becomes a step, too. Null when the
 * core ends meanwhile: then nothing may be written down any more.
 */
export async function takeStep(deps: StepDeps, run: LandRun, tries: Tries): Promise<Taken | null> {
  let subject: Subject | null = null
  try {
    subject = await readSubject(deps, run)
    const left = subject.attempt.status !== 'landing' && run.status !== 'landed'
    const step = left ? stop('The attempt left the landing.') : await phaseOf(deps, subject, tries)
    tries.clear(`${run.id} failed`)
    return deps.signal.aborted ? null : { step, subject }
  } catch (error) {
    if (deps.signal.aborted || isFailure(error, 'cancelled')) return null
    const step = isFailure(error)
      ? await afterFailure(deps, run, subject, error, tries)
      : afterBug(deps, run, error, tries)
    return deps.signal.aborted ? null : { step, subject }
  }
}

async function afterFailure(
  deps: StepDeps,
  run: LandRun,
  subject: Subject | null,
  failure: Failure,
  tries: Tries,
): Promise<Step> {
  const { code, message } = failure
  deps.log.info('a landing met a failure', { run: run.id, phase: run.phase, code, message })
  const count = tries.next(`${run.id} failed`)
  if (code === 'forge_unauthorized') deps.forges.refused(deps.ledger.require('repositories', run.repoId))
  if (code === 'git_locked' && subject && (await unlock(deps, subject, failure)))
    return { do: 'wait', ms: 0, reason: message, hold: true }
  return stepAfter(failure, { ...run, count, now: deps.clock.now(), baseSha: run.expectedBaseSha })
}

function afterBug(deps: StepDeps, run: LandRun, error: unknown, tries: Tries): Step {
  deps.log.error('a landing failed', { run: run.id, phase: run.phase, error })
  tries.next(`${run.id} failed`)
  return {
    do: 'wait',
    ms: null,
    reason: `Something went wrong in Quartet itself (${messageOf(error)}).`,
    hold: false,
    attention: 'crash',
  }
}

/** Takes a lock away that a git left which was killed; one that anybody may still hold stays. */
async function unlock({ git, log }: StepDeps, subject: Subject, failure: Failure): Promise<boolean> {
  const { lockFile } = failure.data
  if (typeof lockFile !== 'string') return false
  try {
    const { repo, path } = subject.place
    const { removed } = await git.breakStaleLock({
      repo,
      path: lockFile.includes('/worktrees/') ? path : repo,
      lockFile,
    })
    if (removed) log.warn('removed a lock of a git that is gone', { lockFile })
    return removed
  } catch (error) {
    if (isFailure(error)) return false
    throw error
  }
}

async function readSubject(deps: StepDeps, run: LandRun): Promise<Subject> {
  const { ledger, forges, workflows } = deps
  const attempt = ledger.require('attempts', run.attemptId)
  const repository = ledger.require('repositories', run.repoId)
  const { land } = await workflows.read(repository)
  return {
    run: { ...run, method: land.method ?? run.method },
    budget: land.budget,
    attempt,
    task: ledger.require('tasks', run.taskId),
    repository,
    place: { repo: repository.path, path: attempt.worktree },
    ...(await forges.of(repository)),
  }
}

function phaseOf(deps: StepDeps, subject: Subject, tries: Tries): Promise<Step> {
  switch (subject.run.phase) {
    case 'queued':
    case 'gate':
      return gatePhase(deps, subject)
    case 'integrate':
      return integratePhase(deps, subject)
    case 'verify':
      return verifyPhase(deps, subject)
    case 'push':
      return pushPhase(deps, subject)
    case 'pull':
      return pullPhase(deps, subject)
    case 'checks':
      return checksPhase(deps, subject, tries)
    case 'merge':
      return mergePhase(deps, subject, tries)
    case 'confirm':
      return confirmPhase(deps, subject, tries)
    case 'cleanup':
    case 'done':
      return cleanupPhase(deps, subject)
  }
}
