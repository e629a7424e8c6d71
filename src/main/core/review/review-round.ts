import type { Attempt, Finding } from '../../../shared/domain/attempt.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { Evidence, Review } from '../../../shared/domain/review.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Workflow } from '../repositories/workflow.ts'
import type { FindingLedger } from './finding-ledger.ts'
import type { ReviewService } from './review-service.ts'

export interface ReviewRoundDeps {
  ledger: Ledger
  service: ReviewService
  findings: FindingLedger
  /** Continues the author's conversation; false when it cannot be reached. */
  tellAuthor: (attempt: Attempt, text: string) => Promise<boolean>
}

export interface ReviewRoundInput {
  attempt: Attempt
  headSha: string
  workflow: Workflow
  evidence: Evidence | null
  /** A required check is not green. */
  red: boolean
  /** `turn`: the author ended a turn. `verify`: only what is new is reviewed. `review`: asked for by the engineer. */
  kind: 'turn' | 'verify' | 'review'
}

export interface ReviewRoundResult {
  /** One sentence for the card when something about the review must be known. */
  note: string | null
  /** The author works on the findings: the attempt is not ready yet. */
  sentBack: boolean
}

const NOTHING: ReviewRoundResult = { note: null, sentBack: false }

/** Decides whether an attempt is reviewed, and whether its author gets the findings before the engineer does. */
export class ReviewRound {
  readonly #deps: ReviewRoundDeps

  constructor(deps: ReviewRoundDeps) {
    this.#deps = deps
  }

  takeAnswers(attempt: Attempt): void {
    this.#deps.findings.takeAnswers(attempt)
  }

  /** `begin` marks the attempt as being reviewed, and says whether it may be. Throws only on abort. */
  async run(input: ReviewRoundInput, begin: () => boolean, signal: AbortSignal): Promise<ReviewRoundResult> {
    const { ledger, service, findings } = this.#deps
    const { attempt, headSha, workflow } = input
    if (headSha === attempt.baseSha) return NOTHING
    const casting = await service.cast(workflow)
    if (casting.length === 0) return NOTHING
    const asked = input.kind === 'review'
    // The rows say so; the card has the red checks to speak of.
    if (input.red && !asked) {
      service.skip(attempt, headSha, casting, 'required checks are red')
      return NOTHING
    }
    if (casting.every(({ driver }) => driver === null)) {
      service.skip(attempt, headSha, casting, null)
      const problems = new Set(casting.map(({ problem }) => problem))
      return { ...NOTHING, note: `Not reviewed: ${[...problems].join(' ').replace(/\.$/, '')}.` }
    }
    const done = ledger.select(
      'reviews',
      "attemptId = ? AND headSha = ? AND status = 'done'",
      attempt.id,
      headSha,
    )
    const answered = findings.answeredByAuthor(attempt.id)
    // Who has looked at this head already has nothing new to say, unless the author has answered.
    const due = casting.filter(
      ({ reviewer: { name } }) => asked || answered.has(name) || !done.some((row) => row.reviewer === name),
    )
    if (due.length === 0) return NOTHING
    const looks = Math.max(1, workflow.review.exchanges)
    const exchange = findings.exchangesOf(attempt.id) + 1
    if (!asked && exchange > looks)
      return {
        ...NOTHING,
        note: `Reviewed ${looks} times before this head: the findings are yours to judge.`,
      }
    if (!begin()) return NOTHING
    const options = { timeoutMs: workflow.review.timeoutMs, evidence: input.evidence }
    const rows = await service.run(attempt, headSha, due, options, signal)
    if (signal.aborted) return NOTHING
    if (input.kind === 'turn' && exchange < looks && (await this.#sendBack(attempt)))
      return { note: null, sentBack: true }
    return { ...NOTHING, note: missingNote(rows) }
  }

  /** Hands the open findings to the author when one of them is severe; true when it works on them. */
  async #sendBack(attempt: Attempt): Promise<boolean> {
    const open = this.#deps.findings.open(attempt.id)
    if (!open.some(isSevere)) return false
    return this.ask(
      attempt,
      open.filter((finding) => finding.priority !== 'P3'),
      'core',
    )
  }

  /** The engineer sends all open findings to the author. Throws `illegal_state` when there are none or a verdict stands. */
  async askOpen(id: string): Promise<{ delivered: boolean }> {
    const { ledger, findings } = this.#deps
    const attempt = ledger.require('attempts', id)
    const open = findings.open(id)
    if (open.length === 0) throw new Failure('illegal_state', 'There is no open finding to send.')
    if (attempt.verdict)
      throw new Failure('illegal_state', `There is a verdict on attempt ${attempt.n}. Undo it first.`)
    return { delivered: await this.ask(attempt, open, 'engineer') }
  }

  /** Sends findings to the author as one message; true when it works on them. */
  async ask(attempt: Attempt, open: readonly Finding[], actor: 'core' | 'engineer'): Promise<boolean> {
    const { findings, ledger } = this.#deps
    return this.#deps.tellAuthor(ledger.require('attempts', attempt.id), findings.ask(attempt, open, actor))
  }
}

const isSevere = (finding: Finding) => finding.priority === 'P0' || finding.priority === 'P1'

function missingNote(rows: readonly Review[]): string | null {
  const missing = rows.filter((row) => row.status !== 'done')
  if (missing.length === 0) return null
  return `No review by ${missing.map((row) => row.reviewer).join(', ')}: ${missing[0]?.problem?.replace(/\.$/, '') ?? 'it was stopped'}.`
}
