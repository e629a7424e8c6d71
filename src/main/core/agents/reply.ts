import type { AgentQuestion } from './driver.ts'
import { pasteAndEnter } from './follow-up.ts'

export const ESCAPE = '\x1b'

const YES = /^\s*(y|yes|ok|allow|approve|ja)\s*[.!]?\s*$/i
const NO = /^\s*(n|no|deny|reject|nein)\s*[.!]?\s*$/i

/** What an answer to a question of yes or no comes to; null for one in other words. */
export function yesOrNo(text: string): 'yes' | 'no' | null {
  return YES.test(text) ? 'yes' : NO.test(text) ? 'no' : null
}

/** The place (from 1) of the answer among what the agent offers; null for one in other words. */
export function choiceOf(question: AgentQuestion, text: string): number | null {
  const wanted = text.trim().toLowerCase()
  const at = question.options.findIndex((option) => option.trim().toLowerCase() === wanted)
  return at < 0 ? null : at + 1
}

/**
 * The writes that answer a dialog for a permission: `allow` is its key for yes. In all agents Escape refuses, and the agent then
 * waits to be told what to do instead: other words than yes or no are that, sent by `message`.
 */
export function answerPermission(
  text: string,
  allow: string,
  message: (text: string) => readonly string[] = pasteAndEnter,
): readonly string[] {
  const verdict = yesOrNo(text)
  if (verdict === 'yes') return [allow]
  return verdict === 'no' ? [ESCAPE] : [ESCAPE, ...message(text)]
}
