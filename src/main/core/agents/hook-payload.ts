import { z } from 'zod'
import type { AgentEvent, AgentQuestion } from './driver.ts'

/**
 * The payload that Claude Code, Codex (0.12x and later) and the rehearsal hand to their hooks: one shape with
 * `hook_event_name`, of which each knows a part.
 */
const Payload = z.object({
  hook_event_name: z.string(),
  session_id: z.string().optional(),
  transcript_path: z.string().nullish(),
  agent_id: z.string().nullish(),
  source: z.string().optional(),
  prompt: z.string().optional(),
  message: z.string().optional(),
  notification_type: z.string().optional(),
  tool_name: z.string().optional(),
  tool_input: z.unknown().optional(),
  last_assistant_message: z.string().nullish(),
  reason: z.string().optional(),
  error: z.unknown().optional(),
  error_details: z.string().nullish(),
})
export type HookPayload = z.infer<typeof Payload>

/** A payload of that shape that is the agent's own and not a sub-agent's, else null. */
export function parseHookPayload(payload: unknown): HookPayload | null {
  const parsed = Payload.safeParse(payload)
  if (!parsed.success || parsed.data.agent_id) return null
  return parsed.data
}

const MAX_TEXT = 2_000

/** The first `MAX_TEXT` characters, or null for nothing. */
export const brief = (text: string | null | undefined): string | null => {
  const trimmed = text?.trim()
  return trimmed ? trimmed.slice(0, MAX_TEXT) : null
}

const Choice = z.object({ label: z.string() })
const ToolInput = z.object({
  command: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  file_path: z.string().optional(),
  url: z.string().optional(),
  plan: z.string().optional(),
  questions: z.array(z.object({ question: z.string(), options: z.array(Choice).optional() })).optional(),
})

/**
 * The question that a request for permission stands for: that of the model when it asks one itself, else whether a tool
 * may do what it is about to do.
 */
function questionOf(payload: HookPayload): AgentQuestion {
  const parsed = ToolInput.safeParse(payload.tool_input)
  const input = parsed.success ? parsed.data : {}
  const first = input.questions?.[0]
  if (first) {
    const text = input.questions?.map((item) => item.question).join('\n') ?? first.question
    // With more than one question an option answers only the first: the engineer has to see the dialog.
    const options = input.questions?.length === 1 ? (first.options ?? []).map((option) => option.label) : []
    return { text, about: 'question', options }
  }
  const command = Array.isArray(input.command) ? input.command.join(' ') : input.command
  const what = command ?? input.file_path ?? input.url ?? input.plan ?? ''
  const why = input.description ? ` (${input.description})` : ''
  const text = brief(`${payload.tool_name ?? 'A tool'}: ${what}${why}`) ?? 'A permission'
  return { text, about: 'permission', options: ['yes', 'no'] }
}

/** The `session` event that every payload with a session id stands for. */
function sessionOf(payload: HookPayload, at: number): AgentEvent[] {
  if (!payload.session_id) return []
  return [
    { kind: 'session', at, sessionRef: payload.session_id, transcript: payload.transcript_path ?? null },
  ]
}

/** What those payloads mean that all of these agents send alike; null for any other. */
export function commonEvents(payload: HookPayload, at: number): AgentEvent[] | null {
  switch (payload.hook_event_name) {
    case 'SessionStart':
      return [...sessionOf(payload, at), { kind: 'attached', at }]
    case 'UserPromptSubmit':
      return [{ kind: 'started', at, text: brief(payload.prompt) }]
    case 'PreToolUse':
    case 'PostToolUse':
      return [{ kind: 'working', at, tool: payload.tool_name ?? null, failed: false }]
    case 'PermissionRequest':
      return [{ kind: 'question', at, ...questionOf(payload) }]
    case 'PreCompact':
      return [{ kind: 'compacted', at }]
    case 'Stop':
      return [{ kind: 'finished', at, text: brief(payload.last_assistant_message) }]
    case 'SessionEnd':
      return [{ kind: 'ended', at, text: brief(payload.reason) }]
    default:
      return null
  }
}
