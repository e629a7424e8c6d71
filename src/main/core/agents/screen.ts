import type { AgentEvent, AgentQuestion } from './driver.ts'
import { readLimit } from './limits.ts'

/** One thing that a screen can show. */
export interface ScreenSign {
  shape: RegExp
  about: AgentQuestion['about']
  options: readonly string[]
}

/** Marks of boxes, arrows and bullets around the words of a dialog. */
const FRAME = /^[\s│┃|╭╮╰╯─━═▌▎❯›>*•●☐]+|[\s│┃|╭╮╰╯─━═]+$/g
const MAX_LINES = 12

/** The words of the dialog that ends where `shape` matches, and its lines above; frames are taken off. */
function dialogText(lines: readonly string[], at: number): string {
  const from = Math.max(0, at - MAX_LINES)
  return lines
    .slice(from, at + 1)
    .map((line) => line.replace(FRAME, ''))
    .filter((line) => line !== '')
    .join('\n')
    .slice(-1_000)
}

/** The entries of a numbered list among these lines, in order; none when they are not numbered from 1. */
export function numberedEntries(lines: readonly string[]): string[] {
  const entries: string[] = []
  for (const line of lines) {
    const match = /^\s*(?:[❯›>●]\s*)?(\d{1,2})[.)]\s+(\S.*?)\s*$/.exec(line.replace(/[│┃|]/g, ' '))
    if (Number(match?.[1]) === entries.length + 1) entries.push(match?.[2] ?? '')
  }
  return entries
}

/** The first sign that the lower part of a screen shows, as a question. */
export function findSign(screen: string, signs: readonly ScreenSign[], at: number): AgentEvent[] {
  const lines = screen.split('\n')
  for (const sign of signs) {
    const index = lines.findLastIndex((line) => sign.shape.test(line))
    if (index < 0) continue
    const options =
      sign.options.length > 0 ? sign.options : numberedEntries(lines.slice(Math.max(0, index - MAX_LINES)))
    return [{ kind: 'question', at, about: sign.about, options, text: dialogText(lines, index) }]
  }
  return []
}

/** The events of an error that the screen shows as the agent's last words. */
export function errorEvents(text: string, at: number): AgentEvent[] {
  const limit = readLimit(text, at)
  const failed: AgentEvent = { kind: 'failed', at, text: text.trim().slice(0, 500) }
  return limit ? [{ kind: 'limit', at, ...limit }, failed] : [failed]
}
