import { access, readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Usage } from '../../../../shared/domain/attempt.ts'
import type { Environment, UsageReader } from '../driver.ts'
import { readJsonLines } from './json-lines.ts'
import { type PriceTable, TokenSums, usageFrom } from './prices.ts'
import { claudeUseEvent } from './use-events.ts'

const Tokens = z.object({
  input_tokens: z.number().default(0),
  cache_creation_input_tokens: z.number().nullish(),
  cache_read_input_tokens: z.number().nullish(),
  output_tokens: z.number().default(0),
  cache_creation: z.object({ ephemeral_1h_input_tokens: z.number().nullish() }).nullish(),
})
const Block = z.looseObject({ type: z.string(), is_error: z.boolean().nullish() })
const Entry = z.looseObject({
  type: z.string(),
  subtype: z.string().optional(),
  isMeta: z.boolean().optional(),
  isSidechain: z.boolean().optional(),
  uuid: z.string().optional(),
  message: z
    .looseObject({
      id: z.string().optional(),
      model: z.string().optional(),
      content: z.union([z.string(), z.array(Block)]).optional(),
      usage: Tokens.optional(),
    })
    .optional(),
})
type Entry = z.infer<typeof Entry>

/** Where it keeps its settings and transcripts. */
export const claudeHome = (env: Environment): string =>
  env.CLAUDE_CONFIG_DIR || join(env.HOME ?? homedir(), '.claude')

/** Names of a folder; none when it is missing. */
const namesIn = (dir: string): Promise<string[]> =>
  readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })

/**
 * The transcript of a conversation, or null. Claude Code keeps it below a folder named after the working folder; how that name
 * is made has changed before, so it is looked for by its own name, which is unique.
 */
export async function findClaudeTranscript(sessionRef: string, env: Environment): Promise<string | null> {
  if (!/^[0-9a-zA-Z-]+$/.test(sessionRef)) return null
  const projects = join(claudeHome(env), 'projects')
  for (const name of await namesIn(projects)) {
    const file = join(projects, name, `${sessionRef}.jsonl`)
    const found = await access(file).then(
      () => true,
      () => false,
    )
    if (found) return file
  }
  return null
}

/** The transcripts of the conversation's sub-agents: what they use is part of the attempt's cost. */
async function subAgentFiles(transcript: string): Promise<string[]> {
  const dir = transcript.replace(/\.jsonl$/, '')
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    },
  )
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.jsonl'))
    .map((entry) => join(entry.parentPath, entry.name))
}

const blocksOf = (entry: Entry) => (Array.isArray(entry.message?.content) ? entry.message.content : [])
const WANTED = /"type":\s*"(assistant|user|system)"/

interface Sum {
  /** By message id: an answer is written once per block, each time with the tokens so far, and again when a session is forked. */
  answers: Map<string, { model: string; tokens: z.infer<typeof Tokens> }>
  turns: number
  toolCalls: number
  toolFailures: number
  compactions: number
  seen: Set<string>
}

function add(sum: Sum, entry: Entry, main: boolean): void {
  if (entry.uuid !== undefined) {
    if (sum.seen.has(entry.uuid)) return
    sum.seen.add(entry.uuid)
  }
  const blocks = blocksOf(entry)
  if (entry.type === 'assistant') {
    sum.toolCalls += blocks.filter((block) => block.type === 'tool_use').length
    const { id, usage, model } = entry.message ?? {}
    // What the program itself puts into the model's mouth ("API error …") was not billed.
    if (id !== undefined && usage && model !== undefined && model !== '<synthetic>')
      sum.answers.set(id, { model, tokens: usage })
  } else if (entry.type === 'user') {
    const results = blocks.filter((block) => block.type === 'tool_result')
    sum.toolFailures += results.filter((block) => block.is_error === true).length
    if (main && results.length === 0 && !entry.isMeta && !entry.isSidechain) sum.turns++
  } else if (entry.subtype === 'compact_boundary') sum.compactions++
}

/** Reads tokens and cost of a conversation from Claude Code's transcripts. */
export function claudeUsage(prices: () => Promise<PriceTable>): UsageReader {
  return {
    prices,
    interpret: claudeUseEvent,
    async read({ sessionRef, env, signal }) {
      const transcript = await findClaudeTranscript(sessionRef, env)
      if (!transcript) return new Map()
      const sum: Sum = {
        answers: new Map(),
        turns: 0,
        toolCalls: 0,
        toolFailures: 0,
        compactions: 0,
        seen: new Set(),
      }
      for (const file of [transcript, ...(await subAgentFiles(transcript))]) {
        for await (const value of readJsonLines(file, (line) => WANTED.test(line), signal)) {
          const entry = Entry.safeParse(value)
          if (entry.success) add(sum, entry.data, dirname(file) === dirname(transcript))
        }
      }
      return new Map([[sessionRef, usageOf(sum, await prices())]])
    },
  }
}

function usageOf(sum: Sum, prices: PriceTable): Usage {
  const sums = new TokenSums()
  for (const { model, tokens } of sum.answers.values()) {
    const long = tokens.cache_creation?.ephemeral_1h_input_tokens ?? 0
    sums.add({
      model,
      input: tokens.input_tokens,
      cachedInput: tokens.cache_read_input_tokens ?? 0,
      cacheWrite: (tokens.cache_creation_input_tokens ?? 0) - long,
      cacheWrite1h: long,
      output: tokens.output_tokens,
    })
  }
  return usageFrom(sums, sum, prices)
}
