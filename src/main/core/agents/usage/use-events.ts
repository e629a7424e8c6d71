import type { UseEvent } from '../driver.ts'
import { noTokens } from './prices.ts'

type Attributes = Readonly<Record<string, string>>

/** More than any answer has: such a number was made up, or is damaged. */
const MAX_TOKENS = 1e9

/** Tokens of an attribute; 0 for one that is missing or no number. */
function count(attributes: Attributes, name: string): number {
  const value = Number(attributes[name] ?? 0)
  return Number.isFinite(value) && value > 0 && value <= MAX_TOKENS ? Math.round(value) : 0
}

/** What a record of Claude Code's log (2.1) says of its use; null for the most. Its input tokens leave those of the cache out. */
export function claudeUseEvent(attributes: Attributes): UseEvent | null {
  const conversation = attributes['session.id']
  if (!conversation) return null
  switch (attributes['event.name']) {
    case 'api_request': {
      const long = count(attributes, 'cache_creation_1h_tokens')
      const tokens = {
        ...noTokens(attributes.model || 'unknown'),
        input: count(attributes, 'input_tokens'),
        cachedInput: count(attributes, 'cache_read_tokens'),
        cacheWrite: Math.max(0, count(attributes, 'cache_creation_tokens') - long),
        cacheWrite1h: long,
        output: count(attributes, 'output_tokens'),
      }
      return { conversation, kind: 'answer', tokens }
    }
    case 'user_prompt':
      return { conversation, kind: 'turn' }
    case 'tool_result':
      return { conversation, kind: 'tool', failed: attributes.success === 'false' }
    case 'compaction':
      return attributes.success === 'false' ? null : { conversation, kind: 'compacted' }
    default:
      return null
  }
}

/** What a record of Codex's log (0.1xx) says of its use; null for the most. Its input tokens are all, those of the cache included. */
export function codexUseEvent(attributes: Attributes): UseEvent | null {
  const conversation = attributes['conversation.id']
  if (!conversation) return null
  switch (attributes['event.name']) {
    case 'codex.sse_event': {
      // Every event of the stream is logged; that of the end once more, with what the answer cost.
      if (attributes['event.kind'] !== 'response.completed' || attributes.input_token_count === undefined)
        return null
      const cachedInput = count(attributes, 'cached_token_count')
      const cacheWrite = count(attributes, 'cache_write_token_count')
      const input = Math.max(0, count(attributes, 'input_token_count') - cachedInput - cacheWrite)
      const output = count(attributes, 'output_token_count')
      const tokens = { ...noTokens(attributes.model || 'unknown'), input, cachedInput, cacheWrite, output }
      return { conversation, kind: 'answer', tokens }
    }
    case 'codex.user_prompt':
      return { conversation, kind: 'turn' }
    case 'codex.tool_result':
      return { conversation, kind: 'tool', failed: attributes.success === 'false' }
    default:
      return null
  }
}

/** What a record of Gemini CLI's log (0.6x) says of its use; null for the most. Its input tokens are all, those of the cache included. */
export function geminiUseEvent(attributes: Attributes): UseEvent | null {
  const conversation = attributes['session.id']
  if (!conversation) return null
  switch (attributes['event.name']) {
    case 'gemini_cli.api_response': {
      const all = count(attributes, 'input_token_count')
      const cachedInput = Math.min(all, count(attributes, 'cached_content_token_count'))
      const input = all - cachedInput + count(attributes, 'tool_token_count')
      const output = count(attributes, 'output_token_count') + count(attributes, 'thoughts_token_count')
      const tokens = { ...noTokens(attributes.model || 'unknown'), input, cachedInput, output }
      return { conversation, kind: 'answer', tokens }
    }
    case 'gemini_cli.user_prompt':
      return { conversation, kind: 'turn' }
    case 'gemini_cli.tool_call':
      return { conversation, kind: 'tool', failed: attributes.success === 'false' }
    case 'gemini_cli.chat_compression':
      return { conversation, kind: 'compacted' }
    default:
      return null
  }
}
