import type { Attempt, Check, TrashReason } from '../../../shared/domain/attempt.ts'
import type { Lesson } from '../../../shared/domain/task.ts'

const MISREAD: TrashReason = 'misread the brief'

/** What the facts alone teach about a round whose attempts were all trashed. */
export function lessonFromFacts(
  attempts: readonly Attempt[],
  checks: readonly Check[],
): Pick<Lesson, 'wentWrong' | 'doDifferently' | 'doNotRepeat' | 'openQuestion'> {
  const lines = attempts.map((attempt) => {
    const verdict = attempt.verdict
    const red = checks.filter(
      (check) =>
        check.attemptId === attempt.id && (check.status === 'failed' || check.status === 'timed_out'),
    )
    const parts = [
      verdict?.reasons.filter((reason) => reason !== 'other').join(', '),
      verdict?.note.trim().replaceAll('\n', ' '),
      red.length > 0 ? `red: ${red.map((check) => check.name).join(', ')}` : '',
      attempt.verdict?.from !== 'ready' && attempt.reason ? attempt.reason : '',
    ].filter(Boolean)
    return `- Attempt ${attempt.n} (${attempt.agent}): ${parts.length > 0 ? parts.join('; ') : 'trashed without a reason'}`
  })
  const counts = new Map<string, number>()
  for (const reason of attempts.flatMap((attempt) => attempt.verdict?.reasons ?? []))
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  const common = [...counts].filter(([reason, count]) => reason !== 'other' && count > 1)
  const redSummaries = [
    ...new Set(
      checks
        .filter((check) => check.summary)
        .map((check) => `${check.name}: ${check.summary.split('\n')[0]}`),
    ),
  ]
  return {
    wentWrong: lines.join('\n'),
    doDifferently: common
      .map(
        ([reason, count]) =>
          `- ${count} of ${attempts.length} attempts were trashed for “${reason}”: avoid this first.`,
      )
      .join('\n'),
    doNotRepeat: redSummaries.map((text) => `- ${text}`).join('\n'),
    openQuestion: misreadQuestion(counts.get(MISREAD) ?? 0, attempts.length),
  }
}

/** One or two that misread a brief were careless; when most of a round do, it is the brief, and the next round would again. */
function misreadQuestion(misread: number, all: number): string | null {
  if (misread < 3 || misread * 2 <= all) return null
  return `${misread} of ${all} attempts misread the brief. What does it leave open, and what is meant?`
}
