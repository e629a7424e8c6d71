import { randomUUID } from 'node:crypto'
import { mkdir, realpath, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Usage } from '../../../../shared/domain/attempt.ts'
import { Failure } from '../../../../shared/domain/failure.ts'
import { exec } from '../../../kernel/exec.ts'
import { allowed, launchEnvironment } from '../allowlist.ts'
import type {
  AgentDriver,
  AgentEvent,
  AgentQuestion,
  Environment,
  LaunchContext,
  UsageReader,
} from '../driver.ts'
import { pasteAndEnter } from '../follow-up.ts'
import { lastLine, parseJson } from '../headless-answer.ts'
import { brief, commonEvents, parseHookPayload } from '../hook-payload.ts'
import { readLimit } from '../limits.ts'
import { agentInfo, requireProgram } from '../programs.ts'
import { promptArgument } from '../prompt-transport.ts'
import { answerPermission, choiceOf, yesOrNo } from '../reply.ts'
import { errorEvents, findSign, numberedEntries, type ScreenSign } from '../screen.ts'
import { reachesLoopback } from '../telemetry/direct.ts'
import { findGeminiChat } from '../usage/gemini-usage.ts'
import { noTokens, TokenSums, usageFrom } from '../usage/prices.ts'
import { carriedGitConfig } from './gemini-git.ts'
import { geminiSettings, isSandboxed, makeGeminiHome } from './gemini-home.ts'

const NAME = 'gemini'
const LABEL = 'Gemini CLI'

/** Its own account, and Google's clouds. */
const OWN_ENV = [
  'GEMINI_*',
  'GOOGLE_*',
  'CODE_ASSIST_ENDPOINT',
  'GCLOUD_PROJECT',
  'CLOUD_ML_REGION',
  'NO_BROWSER',
]

/** What it may have; GEMINI_CLI marks what runs inside of another Gemini CLI, from where Quartet may have been started. */
function ownEnvironment(env: Environment): Record<string, string> {
  const { GEMINI_CLI: _inside, ...own } = allowed(env, OWN_ENV)
  return own
}

const PROBE_TIMEOUT_MS = 10_000

/** What an installed version can do. */
interface Abilities {
  /** It takes the id of a new conversation from us. */
  sessionId: boolean
  /** It can be told for one launch that its folder is trusted. */
  skipTrust: boolean
}

/** Finds out what an installed Gemini CLI can do, once per program file: an unknown flag would keep it from starting. */
function abilitiesProbe(): (program: string, env: Environment) => Promise<Abilities> {
  const known = new Map<string, Promise<Abilities>>()
  return async (program, env) => {
    const file = await realpath(program)
    // npm gives all files of a package the same time: the number of the file tells a new one.
    const { ino, mtimeMs, size } = await stat(file)
    const key = [file, ino, mtimeMs, size].join(' ')
    const asked =
      known.get(key) ??
      exec(program, ['--help'], {
        env: { ...env, GEMINI_CLI_NO_RELAUNCH: 'true' },
        timeoutMs: PROBE_TIMEOUT_MS,
        maxBytes: 256 * 1024,
      }).then(({ stdout, stderr, timedOut }) => {
        // No answer may have been a busy machine: the next launch asks again.
        if (timedOut) known.delete(key)
        const help = `${stdout}${stderr}`
        return { sessionId: help.includes('--session-id'), skipTrust: help.includes('--skip-trust') }
      })
    known.set(key, asked)
    try {
      return await asked
    } catch (error) {
      known.delete(key)
      throw error
    }
  }
}

/**
 * Variables that have it send its log to us, without what was asked. The address says who sends it: a header could be given by a
 * variable alone that every program which it runs would inherit and send elsewhere. Somebody who has it report elsewhere goes on
 * doing so.
 */
async function telemetryEnv({ telemetry, env }: LaunchContext): Promise<Record<string, string>> {
  if (
    !telemetry ||
    !reachesLoopback(env) ||
    Object.keys(env).some((name) => name.startsWith('GEMINI_TELEMETRY_'))
  )
    return {}
  if (/"telemetry"\s*:/.test(await geminiSettings(env))) return {}
  return {
    GEMINI_TELEMETRY_ENABLED: 'true',
    GEMINI_TELEMETRY_TARGET: 'local',
    GEMINI_TELEMETRY_OTLP_PROTOCOL: 'http',
    GEMINI_TELEMETRY_OTLP_ENDPOINT: `${telemetry.base}/${telemetry.header.value}`,
    GEMINI_TELEMETRY_LOG_PROMPTS: 'false',
  }
}

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

/** Its dialogs take digits for their entries. */
function answer(question: AgentQuestion, text: string): readonly string[] {
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

function interpret(raw: unknown, at: number): AgentEvent[] {
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
const DIALOG_ENTRY = /^\s*│\s*(?:●\s*)?\d{1,2}\.\s+\S/
const isTip = (line: string): boolean => /^\d{1,2}\. /.test(line)

/** The line that a message of the engineer, or the one that is being typed, begins with. */
const PROMPT = /^\s?> /

function readScreen(screen: string, at: number): AgentEvent[] {
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

/** A reviewer reads; what it reads must not make it write or run anything. Tools that no rule allows are not even offered to it. */
const READ_ONLY = `[[rule]]
toolName = "*"
decision = "deny"
priority = 998

[[rule]]
toolName = ["read_file", "read_many_files", "list_directory", "glob", "grep_search", "search_file_content"]
decision = "allow"
priority = 999
`

const ModelStats = z.looseObject({
  tokens: z.looseObject({
    prompt: z.number().default(0),
    cached: z.number().default(0),
    candidates: z.number().default(0),
    thoughts: z.number().default(0),
    tool: z.number().default(0),
  }),
})
const Result = z.looseObject({
  response: z.string().optional(),
  error: z.looseObject({ message: z.string().optional() }).optional(),
  stats: z
    .looseObject({
      models: z.record(z.string(), ModelStats).default({}),
      tools: z
        .looseObject({ totalCalls: z.number().default(0), totalFail: z.number().default(0) })
        .optional(),
    })
    .optional(),
})

/** What a headless run printed; null for what is none of its answers. */
function resultOf(stdout: string): z.infer<typeof Result> | null {
  try {
    return Result.parse(JSON.parse(stdout))
  } catch {
    return null
  }
}

async function headlessUsage(
  stats: NonNullable<z.infer<typeof Result>['stats']>,
  usage: UsageReader,
): Promise<Usage> {
  const sums = new TokenSums()
  for (const [model, { tokens }] of Object.entries(stats.models))
    sums.add({
      ...noTokens(model),
      input: Math.max(0, tokens.prompt - tokens.cached) + tokens.tool,
      cachedInput: Math.min(tokens.cached, tokens.prompt),
      output: tokens.candidates + tokens.thoughts,
    })
  const { totalCalls = 0, totalFail = 0 } = stats.tools ?? {}
  const counts = { turns: 1, toolCalls: totalCalls, toolFailures: totalFail, compactions: 0 }
  return usageFrom(sums, counts, await usage.prices())
}

/** Quotes around a whole value are taken off by its reader of arguments, as a shell would. */
const asArgument = (text: string): string => (/^(["'])[\s\S]*\1$/.test(text) ? ` ${text}` : text)

/**
 * Gemini CLI, driven through its own terminal interface. Hooks come by a home of the launch (gemini-home.ts), trust and the id of
 * the conversation by flags, nothing of the engineer's is changed.
 *
 * What it cannot do: with its sandbox switched on it sees neither our hooks nor our socket, so that its screen and its files are
 * all that is known. It tries again by itself up to ten times at a limit of less than five minutes and shows nothing of it: only a
 * longer one is seen. It does not fill its answer into a schema: a reviewer is told the schema in words, and checked by us.
 */
export function geminiDriver(usage: UsageReader): AgentDriver {
  const probe = abilitiesProbe()

  return {
    name: NAME,
    label: LABEL,
    needsCommand: false,
    endsBy: 'signal',
    scenarios: () => [],
    interpret,
    readScreen,
    dialogEntry: DIALOG_ENTRY,
    answer,
    followUp: pasteAndEnter,
    usage,

    async detect(env, signal) {
      const own = { ...ownEnvironment(env), GEMINI_CLI_NO_RELAUNCH: 'true' }
      const info = await agentInfo({ name: NAME, label: LABEL, program: 'gemini', env: own, signal })
      return info.installed ? { ...info, problem: info.problem ?? (await whyUnheard(env)) } : info
    },

    async plan(context) {
      const file = await requireProgram('gemini', LABEL, context.env)
      const own = ownEnvironment(context.env)
      const [can, home, git, telemetry] = await Promise.all([
        probe(file, own),
        makeGeminiHome(context.runDir, context.env, [...context.hook.command, NAME]),
        carriedGitConfig(context.worktree, context.env),
        telemetryEnv(context),
      ])
      const fresh = context.resume || !can.sessionId ? null : randomUUID()
      const prompt = context.resume
        ? { text: context.resume.message ?? '', delivery: 'argv' as const, folder: null }
        : await promptOf(context)
      const { GEMINI_CLI: _inside, ...env } = launchEnvironment(context, OWN_ENV)
      return {
        file,
        args: [
          ...(can.skipTrust ? ['--skip-trust'] : []),
          ...(context.slot.model ? ['--model', context.slot.model] : []),
          ...(context.resume ? ['--resume', context.resume.sessionRef] : []),
          ...(fresh === null ? [] : ['--session-id', fresh]),
          ...(prompt.folder === null ? [] : ['--include-directories', prompt.folder]),
          ...(prompt.text === '' ? [] : [`--prompt-interactive=${asArgument(prompt.text)}`]),
        ],
        env: { ...env, ...git, ...telemetry, ...(home === null ? {} : { GEMINI_CLI_HOME: home }) },
        sessionRef: context.resume?.sessionRef ?? fresh,
        promptDelivery: prompt.delivery,
      }
    },

    async canResume(context) {
      if (context.resume === null) return false
      return (await findGeminiChat(context.resume.sessionRef, context.env, context.worktree)) !== null
    },

    async headless(request) {
      const file = await requireProgram('gemini', LABEL, request.env)
      const own = ownEnvironment(request.env)
      const { skipTrust } = await probe(file, own)
      const policy = join(request.runDir, 'read-only.toml')
      await writeFile(policy, READ_ONLY, { mode: 0o600 })
      return {
        file,
        args: [
          ...(skipTrust ? ['--skip-trust'] : []),
          ...['--output-format', 'json', '--approval-mode', 'default', '--policy', policy],
          // Servers and extensions bring tools of their own.
          ...['--allowed-mcp-server-names', 'none', '--extensions', 'none'],
          ...(request.model ? ['--model', request.model] : []),
        ],
        // One process instead of two: nothing has to be started again here.
        env: { ...own, TERM: 'dumb', GEMINI_CLI_NO_RELAUNCH: 'true' },
        input: `${request.prompt}\n\nAnswer with one JSON object and nothing else, no Markdown around it. It must satisfy this JSON Schema:\n${JSON.stringify(request.schema)}\n`,
        async read(run) {
          const result = resultOf(run.stdout)
          if (run.code !== 0 || result === null || result.error) {
            const said = brief(result?.error?.message) ?? lastLine(run.stderr) ?? 'no output'
            throw new Failure('agent_exited', `${LABEL} ended with code ${run.code ?? 'none'}: ${said}`, {
              code: run.code,
            })
          }
          return {
            value: parseJson(LABEL, result.response ?? ''),
            usage: result.stats ? await headlessUsage(result.stats, usage) : null,
          }
        },
      }
    },
  }
}

/**
 * The first prompt. One that goes by its file is put into a folder of its own: the program reads outside of the worktree only what
 * is in a folder that it was given, and beside the file itself lies what lets others report for this attempt.
 */
async function promptOf({ prompt, runDir }: LaunchContext) {
  const folder = join(runDir, 'gemini-brief')
  const file = join(folder, 'prompt.md')
  const found = promptArgument(prompt, file)
  if (found.delivery === 'argv') return { ...found, folder: null }
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(file, prompt, { mode: 0o600 })
  return { ...found, folder }
}

/** Why its hooks will not reach us, as one sentence; null when nothing speaks against it. */
async function whyUnheard(env: Environment): Promise<string | null> {
  if (await isSandboxed(env))
    return 'It runs in a sandbox of its own, from where its hooks do not reach Quartet: only its screen tells what it does.'
  const settings = await geminiSettings(env)
  if (/"hooksConfig"\s*:\s*\{[^}]*"enabled"\s*:\s*false/.test(settings))
    return 'Hooks are switched off in its settings (hooksConfig.enabled): only its screen tells what it does.'
  if (/"allowedExtensions"\s*:\s*\[\s*"/.test(settings))
    return 'Its settings allow named extensions only, so not that of Quartet’s hooks: only its screen tells what it does.'
  return null
}
