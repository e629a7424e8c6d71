import type { PullCheck, ReviewThread } from '../../../shared/domain/pull.ts'

/** Why a landing sends its attempt back to its agent. */
export interface FixRequest {
  conflict: { baseBranch: string; baseSha: string; files: readonly string[] } | null
  /** Red checks with the end of their logs. */
  checks: readonly Pick<PullCheck, 'name' | 'excerpt' | 'url'>[]
  threads: readonly ReviewThread[]
}

export const NO_FIX: FixRequest = { conflict: null, checks: [], threads: [] }

const MAX_FILES = 50
const MAX_COMMENT = 4_000
const MAX_MESSAGE = 60_000

/** Why a fix round is needed, in a few words for the card. */
export function fixReason(request: FixRequest): string {
  const parts = [
    request.conflict
      ? `conflict with ${request.conflict.baseBranch} in ${listed(request.conflict.files, 3)}`
      : '',
    request.checks.length > 0
      ? `red: ${listed(
          request.checks.map((check) => check.name),
          3,
        )}`
      : '',
    request.threads.length > 0
      ? `${request.threads.length === 1 ? 'a review comment' : `${request.threads.length} review comments`}`
      : '',
  ].filter(Boolean)
  return parts.join('; ')
}

/**
 * The one message that the agent gets for a fix round: the conflicted files, the ends of the red logs, the comments with
 * the names under which to answer them. What others wrote is fenced and named as theirs: it is material, not orders.
 */
export function fixMessage(
  request: FixRequest,
  round: { n: number; budget: number; allowFixes: boolean },
): string {
  const parts = [
    `Your change was approved and is on its way to land, but it cannot land yet (fix round ${round.n} of ${round.budget}). Mend exactly what is named below, commit in this worktree, and finish. Do not push, do not rebase and do not rewrite commits: what was reviewed must stay as it is.`,
  ]
  if (!round.allowFixes)
    parts.push(
      'Keep the change itself as it is as far as you can: if its diff changes, it is judged by a person again.',
    )
  const { conflict } = request
  if (conflict) {
    parts.push(
      [
        `## Conflict with ${conflict.baseBranch}`,
        `Run \`git merge ${conflict.baseSha}\`, resolve the conflicts so that both sides' intent is kept, and commit the merge. Both sides changed:`,
        conflict.files
          .slice(0, MAX_FILES)
          .map((file) => `- \`${oneLine(file)}\``)
          .join('\n'),
      ].join('\n\n'),
    )
  }
  if (request.checks.length > 0) {
    parts.push(
      [
        '## Red checks',
        ...request.checks.map((check) =>
          [
            `### ${oneLine(check.name)}`,
            check.excerpt ? fence(check.excerpt) : 'Its log could not be read.',
            check.url ? `Full log: ${check.url}` : '',
          ]
            .filter(Boolean)
            .join('\n\n'),
        ),
      ].join('\n\n'),
    )
  }
  if (request.threads.length > 0) {
    parts.push(
      [
        '## Review comments',
        'For each, decide: accept (make the change), clarify, or push back with your reason. Answer every one of them by a line in a commit message, for example:',
        fence(
          'Quartet-Reply: t1 accept Renamed as you say.\nQuartet-Reply: t2 push-back The parser needs both cases, see parse.test.ts.',
        ),
        'If nothing is to be changed, put the answers into an empty commit (`git commit --allow-empty`). The answers are posted for you.',
        ...request.threads.map((thread) =>
          [
            `### ${thread.name}${thread.path ? ` — \`${oneLine(thread.path)}\`${thread.line === null ? '' : `, line ${thread.line}`}` : ''}`,
            ...thread.comments
              .filter((comment) => !comment.own)
              .map(
                (comment) =>
                  `${oneLine(comment.author)} wrote:\n${fence(comment.body.slice(0, MAX_COMMENT))}`,
              ),
          ].join('\n\n'),
        ),
      ].join('\n\n'),
    )
  }
  const text = parts.join('\n\n')
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}\n…` : text
}

/** A fence that its content cannot close. */
function fence(content: string): string {
  const longest = Math.max(2, ...(content.match(/`+/g) ?? []).map((run) => run.length))
  const marks = '`'.repeat(longest + 1)
  return `${marks}\n${content.trimEnd()}\n${marks}`
}

const oneLine = (text: string) => text.replace(/[\r\n`]+/g, ' ').slice(0, 300)

function listed(names: readonly string[], max: number): string {
  return names.length > max
    ? `${names.slice(0, max).join(', ')} and ${names.length - max} more`
    : names.join(', ')
}
