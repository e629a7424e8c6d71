import type { Attempt, Finding } from '../../../shared/domain/attempt.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { Task } from '../../../shared/domain/task.ts'
import type { Clock } from '../../kernel/clock.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Ledger, Transaction } from '../db/ledger.ts'
import { askAuthorText, readAnswers } from './author-answers.ts'
import type { ReviewAnswer, ReviewedFinding } from './personas.ts'

export interface FindingLedgerDeps {
  ledger: Ledger
  clock: Clock
  /** Makes a draft of a deferred finding. */
  createDraft: (input: { repoId: string; title: string; brief: string; baseBranch: string }) => Task
}

/** Findings and what was answered to them: by the author in one message, by the reviewer at its next look, by the engineer. */
export class FindingLedger {
  readonly #deps: FindingLedgerDeps

  constructor(deps: FindingLedgerDeps) {
    this.#deps = deps
  }

  of(attemptId: string): Finding[] {
    return this.#deps.ledger.select(
      'findings',
      'attemptId = ? ORDER BY priority, createdAt, rowid',
      attemptId,
    )
  }

  /** What the author should hear: everything that nobody has answered for good. */
  open(attemptId: string): Finding[] {
    return this.of(attemptId).filter((finding) => finding.status === 'open')
  }

  /** The reviewers whose findings the author answered and that have not looked at the answer yet. */
  answeredByAuthor(attemptId: string): ReadonlySet<string> {
    const answered = this.of(attemptId).filter(
      (finding) => finding.answeredBy === 'author' && finding.status !== 'resolved',
    )
    return new Set(answered.map((finding) => finding.reviewer))
  }

  /** How often findings went to the author. */
  exchangesOf(attemptId: string): number {
    return this.#deps.ledger.facts({ attemptId, kind: 'review.asked', limit: 100 }).length
  }

  /** Writes down that `findings` go to the author; gives the message for it. */
  ask(attempt: Attempt, findings: readonly Finding[], actor: 'core' | 'engineer'): string {
    this.#deps.ledger.commit((tx) =>
      tx.fact({
        kind: 'review.asked',
        actor,
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        body: { findings: findings.map((finding) => finding.id), headSha: attempt.headSha },
      }),
    )
    return askAuthorText(findings)
  }

  /** Takes the author's answers out of its last message, if findings were asked before it. */
  takeAnswers(attempt: Attempt): void {
    const { ledger } = this.#deps
    const asked = ledger.facts({ attemptId: attempt.id, kind: 'review.asked', limit: 1 })[0]
    const claim = ledger.facts({ attemptId: attempt.id, kind: 'attempt.claimed', limit: 1 })[0]
    if (!asked || !claim || claim.seq < asked.seq || typeof claim.body.text !== 'string') return
    const ids = Array.isArray(asked.body.findings) ? asked.body.findings.map(String) : []
    const answers = readAnswers(claim.body.text)
    const deferred: Finding[] = []
    ledger.commit((tx) => {
      for (const [i, id] of ids.entries()) {
        const answer = answers.get(i + 1)
        const finding = tx.get('findings', id)
        // Answered meanwhile by the engineer, whose word counts more.
        if (!answer || finding?.status !== 'open' || finding.answeredBy === 'engineer') continue
        const after = tx.patch('findings', id, { ...answer, answeredBy: 'author' })
        this.#fact(tx, attempt, after, 'agent')
        if (after.status === 'deferred') deferred.push(after)
      }
    })
    for (const finding of deferred) this.#draft(attempt, finding)
  }

  /** The engineer's answer. */
  answer(id: string, status: Finding['status'], answer: string): Finding {
    const { ledger } = this.#deps
    const finding = ledger.require('findings', id)
    const attempt = ledger.require('attempts', finding.attemptId)
    if (status !== 'open' && status !== 'resolved' && status !== 'accepted' && answer.trim() === '')
      throw new Failure('invalid_input', 'Say why: the reason stays with the finding.')
    const after = ledger.commit((tx) => {
      const changed = tx.patch('findings', id, {
        status,
        answer: answer.trim() || finding.answer,
        answeredBy: status === 'open' ? null : 'engineer',
      })
      this.#fact(tx, attempt, changed, 'engineer')
      return changed
    })
    if (status === 'deferred') this.#draft(attempt, after)
    return after
  }

  /** Writes what a reviewer found at `headSha` and what it says of its earlier findings; gives how many stand now. */
  record(
    attempt: Pick<Attempt, 'id' | 'repoId' | 'taskId'>,
    headSha: string,
    reviewer: string,
    found: readonly ReviewedFinding[],
    previous: ReviewAnswer['previous'],
  ): number {
    const { ledger, clock } = this.#deps
    return ledger.commit((tx) => {
      const mine = ledger.select('findings', 'attemptId = ? AND reviewer = ?', attempt.id, reviewer)
      for (const said of previous) {
        const finding = mine.find((each) => each.id === said.id)
        if (!finding || finding.answeredBy === 'engineer' || finding.status === 'resolved') continue
        const after = tx.patch('findings', finding.id, {
          headSha,
          // A reviewer that is not convinced opens it again: an author's word alone settles nothing.
          status:
            said.state === 'resolved' ? 'resolved' : finding.status === 'deferred' ? 'deferred' : 'open',
          answer: [finding.answer, `Reviewer: ${said.why.slice(0, 500)}`].filter(Boolean).join('\n'),
          answeredBy: 'reviewer',
        })
        this.#fact(tx, attempt, after, 'agent')
      }
      for (const finding of found) {
        // Said again in the same words: one remark, not two.
        const same = mine.find(
          (each) =>
            each.status !== 'resolved' &&
            each.file === finding.file &&
            each.title.toLowerCase() === finding.title.toLowerCase(),
        )
        if (same) tx.patch('findings', same.id, { headSha, line: finding.line })
        else
          tx.put('findings', {
            ...finding,
            id: mintId('find', clock.now()),
            attemptId: attempt.id,
            headSha,
            reviewer,
            status: 'open',
            answer: null,
            answeredBy: null,
            createdAt: clock.now(),
          })
      }
      return ledger.select(
        'findings',
        "attemptId = ? AND reviewer = ? AND status <> 'resolved'",
        attempt.id,
        reviewer,
      ).length
    })
  }

  /** A deferred finding becomes a draft, once. */
  #draft(attempt: Attempt, finding: Finding): void {
    const { ledger, createDraft } = this.#deps
    const key = `deferred:${finding.id}`
    if (ledger.factByKey(key)) return
    const task = ledger.require('tasks', attempt.taskId)
    const place = finding.file ? `In \`${finding.file}\`${finding.line ? `, line ${finding.line}` : ''}.` : ''
    const draft = createDraft({
      repoId: attempt.repoId,
      title: finding.title,
      baseBranch: task.baseBranch,
      brief: [
        `# ${finding.title}`,
        finding.body,
        place,
        finding.answer ? `Why it was deferred: ${finding.answer}` : '',
        `Found by the reviewer “${finding.reviewer}” (${finding.priority}) in the work on “${task.title}”.`,
      ]
        .filter(Boolean)
        .join('\n\n'),
    })
    ledger.commit((tx) =>
      tx.fact({
        kind: 'finding.answered',
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        body: { finding: finding.id, draft: draft.id },
        dedupeKey: key,
      }),
    )
  }

  #fact(
    tx: Transaction,
    attempt: Pick<Attempt, 'id' | 'repoId' | 'taskId'>,
    finding: Finding,
    actor: 'agent' | 'engineer',
  ): void {
    tx.fact({
      kind: 'finding.answered',
      actor,
      repoId: attempt.repoId,
      taskId: attempt.taskId,
      attemptId: attempt.id,
      body: {
        finding: finding.id,
        priority: finding.priority,
        reviewer: finding.reviewer,
        title: finding.title,
        status: finding.status,
        answer: finding.answer,
        by: finding.answeredBy,
      },
    })
  }
}
