import type { Finding } from '../../../shared/domain/attempt.ts'

export type AuthorStatus = 'accepted' | 'clarified' | 'pushed_back' | 'deferred'

/** The words that authors use. */
const WORDS: readonly (readonly [RegExp, AuthorStatus])[] = [
  [/^(accept(ed)?|fixed|agreed?|done|addressed)\b/i, 'accepted'],
  [/^(clarif(y|ied))\b/i, 'clarified'],
  [/^(push(ed)?[ -_]?back|reject(ed)?|disagreed?|won'?t fix)\b/i, 'pushed_back'],
  [/^(defer(red)?|later|postponed?)\b/i, 'deferred'],
]
const MAX_ANSWER_CHARS = 2_000

/** One message that hands `findings` to the author; it answers by their numbers, in this order. */
export function askAuthorText(findings: readonly Finding[]): string {
  const listed = findings.map((finding, i) => {
    const place = finding.file ? ` in ${finding.file}${finding.line ? `:${finding.line}` : ''}` : ''
    return `F${i + 1} (${finding.priority}, ${finding.reviewer})${place}: ${finding.title}\n${finding.body}`
  })
  return [
    'Your change was reviewed. For each finding below decide: mend it, or say why not. Findings can be wrong: push back on those with a reason instead of changing good code.',
    ...listed,
    [
      'Keep to the task, run the tests, commit what you change, and begin your last message with one line per finding, exactly in this form:',
      'F1: accepted - what you did',
      'F2: pushed back - why it is not a problem',
      'F3: clarified - what the reviewer did not know',
      'F4: deferred - why it belongs into a task of its own',
    ].join('\n'),
  ].join('\n\n')
}

/** Reads the author's lines out of its last message; what is not there was not answered. */
export function readAnswers(message: string): Map<number, { status: AuthorStatus; answer: string }> {
  const answers = new Map<number, { status: AuthorStatus; answer: string }>()
  for (const line of message.split('\n')) {
    const match = /^[\s>*_`-]*F(\d{1,3})[*_`]*\s*[:.)-]+\s*[*_`]*(.+)$/i.exec(line)
    if (!match?.[1] || !match[2]) continue
    const said = match[2].trim()
    const word = WORDS.find(([shape]) => shape.test(said))
    if (!word) continue
    const answer = said.replace(word[0], '').replace(/^[\s*_`:,.–—-]+/, '')
    answers.set(Number(match[1]), { status: word[1], answer: (answer || said).slice(0, MAX_ANSWER_CHARS) })
  }
  return answers
}
