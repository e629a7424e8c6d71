import type { Attempt } from '../../../shared/domain/attempt.ts'
import { isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { Evidence, Review } from '../../../shared/domain/review.ts'
import type { Clock } from '../../kernel/clock.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'
import type { AgentDriver } from '../agents/driver.ts'
import { worktreeRootOf } from '../attempts/attempt-names.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import type { ReviewerConfig, Workflow } from '../repositories/workflow.ts'
import type { SettingsStore } from '../settings.ts'
import type { FindingLedger } from './finding-ledger.ts'
import type { HeadlessAgents } from './headless-agents.ts'
import type { HeadlessRunner } from './headless-run.ts'
import { DEFAULT_REVIEWERS, findingsOf, REVIEW_SCHEMA, ReviewAnswer, reviewPrompt } from './personas.ts'
import type { ScratchCheckout } from './scratch-checkout.ts'

export interface ReviewServiceDeps {
  ledger: Ledger
  git: Git
  settings: SettingsStore
  agents: HeadlessAgents
  runner: HeadlessRunner
  scratch: ScratchCheckout
  findings: FindingLedger
  clock: Clock
  log: Logger
  redactor: Redactor
}

/** Of a larger diff reviewers get the beginning, and read on in their checkout. */
const MAX_PATCH_BYTES = 400 * 1024

/** A persona and who plays it; `problem` when nobody can. */
interface Casting {
  reviewer: ReviewerConfig
  driver: AgentDriver | null
  problem: string | null
}

const NOBODY = 'no agent that can review is named in the settings or in WORKFLOW.md'

/** Lets agents read the diff of an attempt: personas of the workflow file, blind to the author, in a checkout of their own. */
export class ReviewService {
  readonly #deps: ReviewServiceDeps

  constructor(deps: ReviewServiceDeps) {
    this.#deps = deps
  }

  /** Who reviews in this repository; empty when reviews are switched off. */
  async cast(workflow: Workflow): Promise<Casting[]> {
    const { agents, settings } = this.#deps
    const { reviews, reviewAgent, defaultAgents } = settings.value
    if (workflow.review.reviewers === null && !reviews) return []
    const usual = await agents.first([reviewAgent, ...(workflow.attempts.agents ?? []), ...defaultAgents])
    return Promise.all(
      (workflow.review.reviewers ?? DEFAULT_REVIEWERS).map(async (reviewer): Promise<Casting> => {
        if (reviewer.agent === null) return { reviewer, driver: usual, problem: usual ? null : NOBODY }
        const named = await agents.named(reviewer.agent)
        return 'problem' in named
          ? { reviewer, driver: null, problem: named.problem }
          : { reviewer, driver: named, problem: null }
      }),
    )
  }

  /** Writes down that nobody reviews this head, and why: a missing review must not look like one without findings. */
  skip(
    attempt: Pick<Attempt, 'id'>,
    headSha: string,
    casting: readonly Casting[],
    problem: string | null,
  ): void {
    this.#cancelOld(attempt.id)
    for (const { reviewer, driver, problem: own } of casting)
      this.#put(attempt.id, headSha, reviewer, driver, {
        status: 'skipped',
        problem: problem ?? own ?? NOBODY,
      })
  }

  /**
   * Runs the reviewers over the attempt at `headSha` and writes their findings. Ends when all have: one that fails or
   * answers nonsense leaves a row that says so. Throws only on abort.
   */
  async run(
    attempt: Attempt,
    headSha: string,
    casting: readonly Casting[],
    options: { timeoutMs: number; evidence: Pick<Evidence, 'files' | 'kinds'> | null },
    signal: AbortSignal,
  ): Promise<Review[]> {
    const { ledger, git, scratch, findings } = this.#deps
    this.#cancelOld(attempt.id)
    const repository = ledger.require('repositories', attempt.repoId)
    const exchange = findings.exchangesOf(attempt.id) + 1
    const rows = casting.map(({ reviewer, driver, problem }) => ({
      reviewer,
      driver,
      row: this.#put(
        attempt.id,
        headSha,
        reviewer,
        driver,
        driver ? { status: 'queued', problem: null, exchange } : { status: 'skipped', problem, exchange },
      ),
    }))
    const at = { repo: repository.path, root: worktreeRootOf(attempt.worktree), sha: headSha }
    try {
      const { paths, leftOut } = pathsOf(options.evidence)
      const patch = await git.diffPatch({
        repo: repository.path,
        from: attempt.baseSha,
        to: headSha,
        maxBytes: MAX_PATCH_BYTES,
        signal,
        ...(paths ? { paths } : {}),
      })
      await scratch.use(at, signal, async (cwd) => {
        await Promise.all(
          rows.map(({ reviewer, driver, row }) =>
            driver
              ? this.#look(attempt, row, { reviewer, driver, cwd, ...patch, leftOut, ...options }, signal)
              : undefined,
          ),
        )
      })
    } catch (error) {
      for (const { row } of rows) this.#giveUp(row.id, signal.aborted ? null : messageOf(error))
      if (signal.aborted || !isFailure(error)) throw error
      this.#deps.log.warn('review could not be run', { attemptId: attempt.id, error })
    }
    return rows.map(({ row }) => ledger.require('reviews', row.id))
  }

  async #look(
    attempt: Attempt,
    row: Review,
    input: {
      reviewer: ReviewerConfig
      driver: AgentDriver
      cwd: string
      patch: string
      truncated: boolean
      leftOut: readonly string[]
      timeoutMs: number
    },
    signal: AbortSignal,
  ): Promise<void> {
    const { ledger, runner, redactor, findings } = this.#deps
    const previous = findings
      .of(attempt.id)
      .filter((finding) => finding.reviewer === input.reviewer.name && finding.status !== 'resolved')
    ledger.commit((tx) => tx.patch('reviews', row.id, { status: 'running' }))
    try {
      const answer = await runner.run({
        driver: input.driver,
        prompt: redactor.text(
          reviewPrompt({ ...input, task: ledger.require('tasks', attempt.taskId), previous }),
        ),
        schema: REVIEW_SCHEMA,
        parse: (value) => ReviewAnswer.parse(value),
        cwd: input.cwd,
        model: input.reviewer.model,
        scenario: input.reviewer.scenario,
        timeoutMs: input.timeoutMs,
        signal,
      })
      const clean = (text: string) => redactor.text(text)
      const found = findingsOf(answer.value).map((finding) => ({
        ...finding,
        title: clean(finding.title),
        body: clean(finding.body),
      }))
      const said = answer.value.previous.map((each) => ({ ...each, why: clean(each.why) }))
      const standing = findings.record(attempt, row.headSha, input.reviewer.name, found, said)
      this.#end(attempt, row, {
        status: 'done',
        problem: null,
        summary: clean(answer.value.summary).slice(0, 2_000),
        tries: answer.tries,
        findings: standing,
        usage: answer.usage,
        durationMs: answer.durationMs,
      })
    } catch (error) {
      if (signal.aborted) throw error
      if (!isFailure(error)) this.#deps.log.error('a reviewer failed', { attemptId: attempt.id, error })
      const tries = isFailure(error) && typeof error.data.tries === 'number' ? error.data.tries : 1
      this.#end(attempt, row, { status: 'failed', problem: messageOf(error).slice(0, 1_000), tries })
    }
  }

  #put(
    attemptId: string,
    headSha: string,
    reviewer: ReviewerConfig,
    driver: AgentDriver | null,
    state: Pick<Review, 'status' | 'problem'> & Partial<Pick<Review, 'exchange'>>,
  ): Review {
    const { ledger, clock } = this.#deps
    return ledger.commit((tx) => {
      // The newest look at a head is the one that counts; looks at other heads stay, visibly stale.
      for (const old of ledger.select(
        'reviews',
        'attemptId = ? AND headSha = ? AND reviewer = ?',
        attemptId,
        headSha,
        reviewer.name,
      ))
        tx.remove('reviews', old.id)
      return tx.put('reviews', {
        exchange: 1,
        ...state,
        id: mintId('rev', clock.now()),
        attemptId,
        headSha,
        reviewer: reviewer.name,
        agent: driver?.name ?? reviewer.agent,
        focus: reviewer.focus,
        summary: '',
        tries: 0,
        findings: 0,
        usage: null,
        durationMs: null,
        createdAt: clock.now(),
      })
    })
  }

  #end(attempt: Attempt, row: Review, result: Pick<Review, 'status'> & Partial<Review>): void {
    this.#deps.ledger.commit((tx) => {
      const review = tx.patch('reviews', row.id, result)
      tx.fact({
        kind: 'review.ended',
        actor: 'agent',
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        body: {
          reviewer: review.reviewer,
          agent: review.agent,
          status: review.status,
          problem: review.problem,
          findings: review.findings,
          exchange: review.exchange,
          tries: review.tries,
          headSha: review.headSha,
          durationMs: review.durationMs === null ? null : Math.round(review.durationMs),
        },
      })
    })
  }

  /** A row that did not end is `cancelled`, or failed with why. */
  #giveUp(id: string, problem: string | null): void {
    const row = this.#deps.ledger.get('reviews', id)
    if (row?.status !== 'queued' && row?.status !== 'running') return
    this.#deps.ledger.commit((tx) =>
      tx.patch('reviews', id, { status: problem === null ? 'cancelled' : 'failed', problem }),
    )
  }

  /** What an earlier life of the app, or a run that was stopped, left open. */
  #cancelOld(attemptId: string): void {
    for (const row of this.#deps.ledger.select('reviews', 'attemptId = ?', attemptId))
      this.#giveUp(row.id, null)
  }
}

/** Generated files are left out of the diff where the evidence knows them all. */
function pathsOf(evidence: Pick<Evidence, 'files' | 'kinds'> | null): {
  paths: string[] | null
  leftOut: string[]
} {
  const total = evidence ? Object.values(evidence.kinds).reduce((sum, kind) => sum + kind.files, 0) : 0
  if (!evidence || evidence.files.length < total) return { paths: null, leftOut: [] }
  const leftOut = evidence.files.filter((file) => file.kind === 'generated').map((file) => file.path)
  const paths = evidence.files.filter((file) => file.kind !== 'generated').map((file) => file.path)
  // Nothing but generated files: then they are the change.
  return leftOut.length === 0 || paths.length === 0 ? { paths: null, leftOut: [] } : { paths, leftOut }
}
