import { z } from 'zod'
import type { AgentEvent, AgentQuestion } from '../driver.ts'
import { pasteAndEnter } from '../follow-up.ts'
import { brief, commonEvents, parseHookPayload } from '../hook-payload.ts'
import { readLimit } from '../limits.ts'
import { answerPermission, choiceOf, yesOrNo } from '../reply.ts'
import { errorEvents, findSign, numberedEntries, type ScreenSign } from '../screen.ts'

// What Gemini CLI says by its hooks and on its screen, and what its dialogs are answered with.

const SIGNS: readonly ScreenSign[] = [
  { shape: /Do you trust the files in this folder\?/, about: 'trust', options: [] },
  {
    shape:
      /How would you like to authenticate|Enter Gemini API Key|Waiting for auth|Failed to (sign in|authenticate)/i,
    about: 'auth',
    options: [],
  },
  { shape: /^\W*1\. Allow once\b/, about: 'permission', options: ['yes', 'no'] },
  {
    shape: /A potential loop was detected|\(Use Enter to select\)|Enter to (select|confirm)/i,
    about: 'question',
    options: [],
  },
]

/** As `AgentDriver.answer`: its dialogs take digits for their entries. */
export function answer(question: AgentQuestion, text: string): readonly string[] {
  if (question.about === 'permission') return answerPermission(text, '1')
  const choice = choiceOf(question, text)
  if (choice !== null) return [String(choice)]
  if (question.about === 'trust') return [yesOrNo(text) === 'yes' ? '1' : '3']
  return pasteAndEnter(text)
}

const Details = z.object({
  type: z.string(),
  title: z.string().optional(),
  command: z.string().optional(),
  filePath: z.string().optional(),
  serverName: z.string().optional(),
  toolName: z.string().optional(),
  prompt: z.string().optional(),
})
/** What its hooks say beyond what all agents' do; `last_said` was added by our hook program. */
const Extra = z.object({
  details: Details.optional(),
  tool_response: z.object({ error: z.unknown().optional() }).optional().catch(undefined),
  prompt_response: z.string().optional(),
  last_said: z.object({ type: z.string(), text: z.string().nullable() }).nullish(),
})
type Extra = z.infer<typeof Extra>

/** Tools by which the model asks the engineer: reported before they are called, with all that they ask. */
const ASKS = 'ask_user'

/** As `AgentDriver.interpret`. */
export function interpret(raw: unknown, at: number): AgentEvent[] {
  const payload = parseHookPayload(raw)
  const extra = Extra.safeParse(raw)
  if (!payload || !extra.success) return []
  const tool = payload.tool_name ?? null
  switch (payload.hook_event_name) {
    case 'BeforeAgent':
      return commonEvents({ ...payload, hook_event_name: 'UserPromptSubmit' }, at) ?? []
    case 'BeforeTool':
      return tool === ASKS
        ? (commonEvents({ ...payload, hook_event_name: 'PermissionRequest' }, at) ?? [])
        : [{ kind: 'working', at, tool, failed: false }]
    case 'AfterTool':
      return [{ kind: 'working', at, tool, failed: extra.data.tool_response?.error != null }]
    case 'Notification':
      return permission(extra.data.details, at)
    case 'AfterAgent':
      return turnEnd(extra.data, at)
    case 'SessionStart':
    case 'SessionEnd':
      return commonEvents(payload, at) ?? []
    default:
      return []
  }
}

/** A tool waits for a permission; what the model itself asks was reported before, in its own words. */
function permission(details: Extra['details'], at: number): AgentEvent[] {
  if (!details || details.type === ASKS) return []
  const { title, command, filePath, serverName, toolName, prompt } = details
  const what = command ?? filePath ?? (toolName ? `${serverName ?? 'MCP'} ${toolName}` : prompt)
  const text = brief([title, what].filter(Boolean).join(': ')) ?? 'A permission'
  return [{ kind: 'question', at, about: 'permission', options: ['yes', 'no'], text }]
}

/** What stands for the answer of a model that gave none. */
const NO_ANSWER = '[no response text]'

/** The end of a turn is reported alike whether the model answered, the request failed or the engineer broke it off. */
function turnEnd({ last_said: last, prompt_response: said }: Extra, at: number): AgentEvent[] {
  if (last?.type === 'error') return errorEvents(last.text ?? 'an error', at)
  if (last?.type === 'info') return [{ kind: 'interrupted', at }]
  const answered = last ? last.type === 'gemini' : said !== NO_ANSWER
  if (!answered) return [{ kind: 'failed', at, text: 'Its turn ended without an answer of the model.' }]
  return [{ kind: 'finished', at, text: brief(last?.text) ?? brief(said) }]
}

/** Its dialogs stand in a frame; its tips on start are numbered, too. */
export const DIALOG_ENTRY = /^\s*│\s*(?:●\s*)?\d{1,2}\.\s+\S/
const isTip = (line: string): boolean => /^\d{1,2}\. /.test(line)

/** The line that a message of the engineer, or the one that is being typed, begins with. */
const PROMPT = /^\s?> /

/** As `AgentDriver.readScreen`. */
export function readScreen(screen: string, at: number): AgentEvent[] {
  const lines = screen.split('\n').filter((line) => !isTip(line))
  const limitAt = lines.findLastIndex((line) => /Usage limit reached for/i.test(line))
  const dialog = limitAt < 0 ? [] : lines.slice(limitAt)
  const options = numberedEntries(dialog)
  if (options.length > 0) {
    const limit = readLimit(dialog.map(unframed).join('\n'), at)
    const text = limit?.text ?? 'Usage limit reached'
    const question = { text, about: 'question' as const, options }
    return [{ kind: 'limit', at, text, resetsAt: limit?.resetsAt ?? null, question }]
  }
  return lastWords(lines, at) ?? findSign(lines.join('\n'), SIGNS, at)
}

const unframed = (line: string): string => line.replace(/^[\s│]+|[\s│]+$/g, '')

/** An error, or the end of a turn by Escape, where it is the last thing that was said; null for anything else. */
function lastWords(lines: readonly string[], at: number): AgentEvent[] | null {
  const prompts = lines.flatMap((line, i) => (PROMPT.test(line) ? [i] : []))
  const index = lines.findLastIndex(
    (line) => /^[✕✦ℹ] /.test(line) && !/^ℹ (This request failed|Update)/.test(line),
  )
  // Below it stands the message that is being typed, and no other.
  if (index < 0 || prompts.filter((prompt) => prompt > index).length > 1) return null
  if (/^ℹ Request cancelled\./.test(lines[index]!)) return [{ kind: 'interrupted', at }]
  if (!lines[index]!.startsWith('✕ ')) return null
  const rest = lines.slice(index + 1)
  const end = rest.findIndex((line) => !/^ {2}\S/.test(line))
  const words = [lines[index]!.slice(2), ...rest.slice(0, Math.max(0, end))].map((line) => line.trim())
  return errorEvents(words.join(' '), at)
}
