import type { AgentQuestion } from './driver.ts'

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
