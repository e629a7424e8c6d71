import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import type { Usage } from '../../../../shared/domain/attempt.ts'
import type { Environment, UsageReader } from '../driver.ts'
import { geminiHome } from '../drivers/gemini-home.ts'
import { readJsonLines } from './json-lines.ts'
import { type ModelTokens, noTokens, type PriceTable, TokenSums, usageFrom } from './prices.ts'
import { geminiUseEvent } from './use-events.ts'

const Tokens = z.object({
  /** All of the prompt, the part from the cache included. */
  input: z.number().default(0),
  cached: z.number().default(0),
  output: z.number().default(0),
  /** Thinking is told apart from the answer, and costs the same. */
  thoughts: z.number().default(0),
  /** What built-in tools of the provider put into the prompt. */
  tool: z.number().default(0),
})
const ToolCall = z.looseObject({ id: z.string(), status: z.string().optional() })
const Message = z.looseObject({
  id: z.string(),
  type: z.string(),
  content: z.unknown(),
  model: z.string().optional(),
  tokens: Tokens.nullish(),
  toolCalls: z.array(ToolCall).optional(),
})
type Message = z.infer<typeof Message>
/** Its messages anew, after some of them were taken back or summed up. */
const Rewritten = z.object({ $set: z.object({ messages: z.array(z.unknown()) }) })

/** Names of a folder; none when it is missing. */
async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}

/**
 * The file of a conversation (`tmp/<project>/chats/session-<time>-<first 8 of the id>.jsonl`), or null. Gemini CLI goes on with a
 * conversation only in the folder that it began in: with `worktree`, only such a one is found.
 */
export async function findGeminiChat(
  sessionRef: string,
  env: Environment,
  worktree: string | null = null,
): Promise<string | null> {
  if (!/^[0-9a-zA-Z-]+$/.test(sessionRef)) return null
  const root = join(geminiHome(env), 'tmp')
  const ending = `-${sessionRef.slice(0, 8)}.jsonl`
  for (const project of await namesIn(root)) {
    const chats = join(root, project, 'chats')
    for (const name of (await namesIn(chats)).filter((file) => file.endsWith(ending))) {
      const file = join(chats, name)
      if (!(await isOf(file, sessionRef))) continue
      if (worktree === null) return file
      const owner = await readFile(join(root, project, '.project_root'), 'utf8').catch(() => '')
      if (resolve(owner.trim()) === resolve(worktree)) return file
    }
  }
  return null
}

/** The first line names the whole id. */
async function isOf(file: string, sessionRef: string): Promise<boolean> {
  for await (const head of readJsonLines(file, () => true, AbortSignal.timeout(10_000)))
    return z.looseObject({ sessionId: z.literal(sessionRef) }).safeParse(head).success
  return false
}

/** The files of the conversation's sub-agents: what they use is part of the attempt's cost. */
async function subAgentFiles(chat: string, sessionRef: string): Promise<string[]> {
  const dir = join(chat, '..', sessionRef)
  return (await namesIn(dir)).filter((name) => name.endsWith('.jsonl')).map((name) => join(dir, name))
}

const textOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : Array.isArray(content)
      ? content.map((part) => (typeof part?.text === 'string' ? part.text : '')).join('')
      : ''

/** What the program itself says in the user's place. */
const isOwn = (text: string): boolean => /^\s*<(session_context|hook_context)>/.test(text)

/** Everything that was ever said in these files, each message once and as it was written last. */
class Chat {
  readonly #messages = new Map<string, { message: Message; main: boolean }>()

  /** A line of a file; `main` for that of the conversation itself. */
  take(line: unknown, main: boolean): void {
    const rewritten = Rewritten.safeParse(line)
    for (const value of rewritten.success ? rewritten.data.$set.messages : [line]) {
      const message = Message.safeParse(value)
      if (message.success) this.#messages.set(message.data.id, { message: message.data, main })
    }
  }

  usage(prices: PriceTable): Usage {
    const sums = new TokenSums()
    const counts = { turns: 0, toolCalls: 0, toolFailures: 0, compactions: 0 }
    for (const { message, main } of this.#messages.values()) {
      const { type, content, model, tokens, toolCalls = [] } = message
      if (tokens) sums.add(answerOf(model ?? 'unknown', tokens))
      counts.toolCalls += toolCalls.length
      counts.toolFailures += toolCalls.filter((call) => call.status === 'error').length
      const said = type === 'user' && main ? textOf(content) : ''
      if (said.trim() !== '' && !isOwn(said)) counts.turns++
    }
    return usageFrom(sums, counts, prices)
  }
}

function answerOf(model: string, tokens: z.infer<typeof Tokens>): ModelTokens {
  const { input, cached, output, thoughts, tool } = tokens
  return {
    ...noTokens(model),
    input: Math.max(0, input - cached) + tool,
    cachedInput: Math.min(cached, input),
    output: output + thoughts,
  }
}

/** Reads tokens and cost of a conversation, with its sub-agents, from Gemini CLI's chat files. */
export function geminiUsage(prices: () => Promise<PriceTable>): UsageReader {
  // It is read after every report, and each worktree that there ever was has a folder to be searched.
  const places = new Map<string, string>()
  const placeOf = async (sessionRef: string, env: Environment): Promise<string | null> => {
    const key = `${geminiHome(env)} ${sessionRef}`
    const known = places.get(key)
    if (known !== undefined && (await isOf(known, sessionRef).catch(() => false))) return known
    const found = await findGeminiChat(sessionRef, env)
    if (found) places.set(key, found)
    else places.delete(key)
    return found
  }
  return {
    prices,
    interpret: geminiUseEvent,
    async read({ sessionRef, env, signal }) {
      const file = await placeOf(sessionRef, env)
      if (!file) return new Map()
      const chat = new Chat()
      for (const each of [file, ...(await subAgentFiles(file, sessionRef))])
        for await (const line of readJsonLines(each, (text) => WANTED.test(text), signal))
          chat.take(line, each === file)
      return new Map([[sessionRef, chat.usage(await prices())]])
    },
  }
}

/** Lines of times and summaries say nothing about use. */
const WANTED = /"type":\s*"(user|gemini)"/
