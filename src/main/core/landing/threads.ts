import type { Pull, ReviewThread, ThreadComment } from '../../../shared/domain/pull.ts'
import { isOpenThread } from '../../../shared/domain/pull.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Ledger, Transaction } from '../db/ledger.ts'
import type { ForgeThread } from '../forge/forge.ts'

const TITLE_CHARS = 120
/** A comment beyond this is somebody's log: its beginning says what it is about. */
const BODY_CHARS = 20_000

/** Brings the rows of a pull request's conversations up to date; what a person says first becomes a finding of the ledger. */
export function putThreads(
  ledger: Ledger,
  tx: Transaction,
  pull: Pull,
  threads: readonly ForgeThread[],
  now: number,
): void {
  const known = new Map(
    ledger.select('reviewThreads', 'pullId = ?', pull.id).map((row) => [row.externalId, row]),
  )
  let count = known.size
  for (const thread of threads) {
    const externalId = `${thread.kind}-${thread.externalId}`
    const row = known.get(externalId)
    const comments: ThreadComment[] = thread.comments.map((comment) => ({
      externalId: comment.externalId,
      author: comment.author,
      bot: comment.bot,
      own: comment.mark !== null,
      body: comment.body.slice(0, BODY_CHARS),
      at: comment.at,
    }))
    // Reports of bots on the whole pull request (coverage, previews) are nobody's question.
    if (thread.kind === 'comment' && comments[0]?.bot) continue
    if (!row && comments.every((comment) => comment.own)) continue
    const heard = row && comments.some((comment) => !comment.own && !knows(row, comment))
    const next = {
      path: thread.path,
      line: thread.line,
      headSha: thread.headSha,
      resolved: thread.resolved,
      comments,
      // Somebody went on after our answer: it is open again.
      answer: heard ? null : (row?.answer ?? null),
    }
    if (row) {
      if (JSON.stringify(next) !== JSON.stringify(pick(row))) {
        tx.patch('reviewThreads', row.id, { ...next, updatedAt: now })
        if (
          row.findingId &&
          next.resolved === true &&
          row.resolved !== true &&
          tx.get('findings', row.findingId)
        )
          tx.patch('findings', row.findingId, { status: 'resolved' })
      }
    } else {
      tx.put('reviewThreads', {
        id: mintId('thread', now),
        pullId: pull.id,
        name: `t${++count}`,
        externalId,
        kind: thread.kind,
        ...next,
        findingId: putFinding(tx, pull, thread, comments, now),
        sentThrough: null,
        updatedAt: now,
      })
    }
    for (const comment of comments) {
      if (comment.own || (row && knows(row, comment))) continue
      tx.fact({
        kind: 'pull.comment',
        actor: 'forge',
        repoId: pull.repoId,
        taskId: pull.taskId,
        attemptId: pull.attemptId,
        body: {
          number: pull.number,
          author: comment.author,
          bot: comment.bot,
          path: thread.path,
          line: thread.line,
          body: comment.body.slice(0, 2_000),
        },
        dedupeKey: `comment:${pull.id}:${externalId}:${comment.externalId}`,
      })
    }
  }
}

/** Threads that the agent has to answer and was not told of yet. */
export function untold(threads: readonly ReviewThread[]): ReviewThread[] {
  return threads.filter((thread) => isOpenThread(thread) && thread.sentThrough !== lastHeard(thread))
}

/** Id of the newest comment that is not ours. */
export function lastHeard(thread: Pick<ReviewThread, 'comments'>): string | null {
  return thread.comments.findLast((comment) => !comment.own)?.externalId ?? null
}

const knows = (row: ReviewThread, comment: ThreadComment) =>
  row.comments.some((each) => each.externalId === comment.externalId)

const pick = ({ path, line, headSha, resolved, comments, answer }: ReviewThread) => ({
  path,
  line,
  headSha,
  resolved,
  comments,
  answer,
})

function putFinding(
  tx: Transaction,
  pull: Pull,
  thread: ForgeThread,
  comments: readonly ThreadComment[],
  now: number,
): string | null {
  const first = comments[0]
  if (!first || first.bot || first.own) return null
  const line =
    first.body
      .split('\n')
      .find((each) => each.trim() !== '')
      ?.trim() ?? 'Comment'
  const id = mintId('finding', now)
  tx.put('findings', {
    id,
    attemptId: pull.attemptId,
    headSha: thread.headSha ?? pull.headSha,
    reviewer: `@${first.author}`,
    priority: 'P2',
    confidence: 1,
    file: thread.path,
    line: thread.line,
    title: line.length > TITLE_CHARS ? `${line.slice(0, TITLE_CHARS - 1)}…` : line,
    body: first.body,
    status: 'open',
    answer: null,
    answeredBy: null,
    createdAt: now,
  })
  return id
}
