import type { ThreadAnswer } from '../../../shared/domain/pull.ts'

export interface Reply {
  /** Name of the thread: `t3`. */
  thread: string
  kind: ThreadAnswer['kind']
  text: string
  /** The commit that carries it. */
  sha: string
}

const TRAILER = /^Quartet-Reply:[ \t]*(t\d{1,6})[ \t]+(accept|clarify|push[-_ ]?back)\b[ \t:.,–-]*(.*)$/i
const MAX_TEXT = 4_000

/**
 * The answers that an agent wrote into its commit messages: lines `Quartet-Reply: t3 accept TEXT`, indented lines go on
 * with the text. A commit is the one thing that every agent can write whatever its sandbox. The newest answer to a thread
 * counts. Takes commits newest first. Pure.
 */
export function parseReplies(commits: readonly { sha: string; subject: string; body: string }[]): Reply[] {
  const replies = new Map<string, Reply>()
  for (const commit of [...commits].reverse()) {
    let current: Reply | null = null
    for (const line of `${commit.subject}\n${commit.body}`.split(/\r?\n/)) {
      const match = TRAILER.exec(line)
      if (match) {
        const word = (match[2] ?? '').toLowerCase()
        current = {
          thread: (match[1] ?? '').toLowerCase(),
          kind: word === 'accept' || word === 'clarify' ? word : 'push_back',
          text: (match[3] ?? '').trim(),
          sha: commit.sha,
        }
        replies.set(current.thread, current)
      } else if (current && /^[ \t]+\S/.test(line)) {
        current.text = `${current.text}\n${line.trim()}`.trim().slice(0, MAX_TEXT)
      } else {
        current = null
      }
    }
  }
  return [...replies.values()]
}

const LEAD: Record<ThreadAnswer['kind'], string> = {
  accept: 'Done',
  clarify: 'To clarify',
  push_back: 'Not changed',
}

/** What is posted for an answer; `sha` is the head that has the change. */
export function replyText(answer: Pick<ThreadAnswer, 'kind' | 'text'>, sha: string): string {
  const where = answer.kind === 'accept' ? ` in ${sha.slice(0, 10)}` : ''
  return answer.text === ''
    ? `${LEAD[answer.kind]}${where}.`
    : `**${LEAD[answer.kind]}${where}.** ${answer.text}`
}
