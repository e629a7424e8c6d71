import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Failure } from '../../../../shared/domain/failure.ts'
import { allowed, launchEnvironment } from '../allowlist.ts'
import type { AgentDriver, AgentEvent, AgentQuestion, LaunchContext, UsageReader } from '../driver.ts'
import { pasteAndEnter } from '../follow-up.ts'
import { parseJson, readJsonAnswer } from '../headless-answer.ts'
import { brief, commonEvents, parseHookPayload } from '../hook-payload.ts'
import { readLimit } from '../limits.ts'
import { agentInfo, requireProgram } from '../programs.ts'
import { promptArgument } from '../prompt-transport.ts'
import { answerPermission, choiceOf, ESCAPE, yesOrNo } from '../reply.ts'
import { errorEvents, findSign, type ScreenSign } from '../screen.ts'
import { quoteAll } from '../shell-quote.ts'
import { reachesLoopback } from '../telemetry/direct.ts'
import { claudeHome, findClaudeTranscript } from '../usage/claude-usage.ts'

const NAME = 'claude'
const LABEL = 'Claude Code'

/** Its own account, and the clouds that it can be pointed to. */
const OWN_ENV = [
  ...[
    'ANTHROPIC_*',
    'CLAUDE_CONFIG_DIR',
    'CLAUDE_CODE_*',
    'DISABLE_*',
    'MAX_THINKING_TOKENS',
    'BASH_*_TIMEOUT_MS',
  ],
  ...[
    'AWS_*',
    'CLOUD_ML_REGION',
    'VERTEX_*',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'GOOGLE_CLOUD_*',
    'GCLOUD_PROJECT',
  ],
]

const HOOK_EVENTS = [
  ...[
    'SessionStart',
    'UserPromptSubmit',
    'PreToolUse',
    'PostToolUse',
    'PostToolUseFailure',
    'PermissionRequest',
  ],
  ...['Notification', 'PreCompact', 'Stop', 'StopFailure', 'SubagentStop', 'SessionEnd'],
]
/** Seconds. The hook program takes at most one; this is only for a machine that is very busy. */
const HOOK_TIMEOUT_S = 10

/** The per-launch settings: the engineer's own settings and hooks stay as they are, these come on top. */
function settingsOf(context: LaunchContext): unknown {
  const command = quoteAll([...context.hook.command, NAME])
  const entry = [{ hooks: [{ type: 'command', command, timeout: HOOK_TIMEOUT_S }] }]
  return { hooks: Object.fromEntries(HOOK_EVENTS.map((event) => [event, entry])) }
}

/** Often enough to be live; its own default is five seconds. */
const EXPORT_INTERVAL_MS = 1_000

/**
 * Variables that have it send its log to us, without what was asked and answered; it keeps them from the programs that it
 * runs. By their general names, so that a company's managed settings win over them. Somebody who has it report elsewhere goes
 * on doing so.
 */
async function telemetryEnv({ telemetry, env }: LaunchContext): Promise<Record<string, string>> {
  if (!telemetry || !reachesLoopback(env) || env.CLAUDE_CODE_ENABLE_TELEMETRY) return {}
  const own = await readFile(join(claudeHome(env), 'settings.json'), 'utf8').catch(() => '')
  if (own.includes('CLAUDE_CODE_ENABLE_TELEMETRY')) return {}
  return {
    CLAUDE_CODE_ENABLE_TELEMETRY: '1',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORT_INTERVAL: String(EXPORT_INTERVAL_MS),
    OTEL_LOG_USER_PROMPTS: '0',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_ENDPOINT: telemetry.base,
    OTEL_EXPORTER_OTLP_HEADERS: `${telemetry.header.name}=${telemetry.header.value}`,
  }
}

const SIGNS: readonly ScreenSign[] = [
  { shape: /Yes, I trust this folder/, about: 'trust', options: ['yes', 'no'] },
  {
    shape: /Select login method|Not logged in|Please run \/login|Invalid API key|OAuth token (has )?expired/i,
    about: 'auth',
    options: [],
  },
  { shape: /Detected a custom API key in your environment/, about: 'auth', options: [] },
  {
    shape: /Choose the text style|Enter to (confirm|select|continue)|Not answered yet/,
    about: 'question',
    options: [],
  },
]

/** Claude Code's dialogs take digits for options; its trust dialog starts on “No”. */
function answer(question: AgentQuestion, text: string): readonly string[] {
  if (question.about === 'trust') return yesOrNo(text) === 'yes' ? ['\x1b[B', '\r'] : [ESCAPE]
  if (question.about === 'permission') return answerPermission(text, '1')
  const choice = choiceOf(question, text)
  if (choice !== null) return [String(choice)]
  // The entry after the model's own options is the one for free text.
  if (question.options.length > 0) return [String(question.options.length + 1), ...pasteAndEnter(text)]
  return pasteAndEnter(text)
}

function interpret(raw: unknown, at: number): AgentEvent[] {
  const payload = parseHookPayload(raw)
  if (!payload) return []
  switch (payload.hook_event_name) {
    case 'PostToolUseFailure':
      return [{ kind: 'working', at, tool: payload.tool_name ?? null, failed: true }]
    case 'Notification':
      return notification(payload.notification_type, brief(payload.message), at)
    case 'StopFailure': {
      const said = payload.error_details ?? payload.last_assistant_message ?? payload.error
      return errorEvents(typeof said === 'string' ? said : JSON.stringify(said ?? 'an error'), at)
    }
    default:
      return commonEvents(payload, at) ?? []
  }
}

function notification(type: string | undefined, message: string | null, at: number): AgentEvent[] {
  // A permission prompt was reported by PermissionRequest already, and better: with the command that it is about.
  if (type === 'permission_prompt' || message === null) return []
  const limit = readLimit(message, at)
  if (limit) return [{ kind: 'limit', at, ...limit }]
  // It has been idle for a minute: after Escape, which no hook reports, this is the first sign.
  if (type === 'idle_prompt') return [{ kind: 'interrupted', at }]
  if (type?.startsWith('elicitation'))
    return [{ kind: 'question', at, text: message, about: 'question', options: [] }]
  return []
}

function readScreen(screen: string, at: number): AgentEvent[] {
  const retry = screen.split('\n').findLast((line) => /retrying in .*attempt \d+\/\d+/.test(line))
  const limit = retry === undefined ? null : readLimit(retry, at)
  if (limit) return [{ kind: 'limit', at, ...limit }]
  return findSign(screen, SIGNS, at)
}

const Result = z.looseObject({
  is_error: z.boolean().optional(),
  result: z.string().optional(),
  structured_output: z.unknown().optional(),
  total_cost_usd: z.number().optional(),
  num_turns: z.number().optional(),
  usage: z.looseObject({
    input_tokens: z.number(),
    cache_creation_input_tokens: z.number().optional(),
    cache_read_input_tokens: z.number().optional(),
    output_tokens: z.number(),
  }),
})

/** Claude Code, driven through its own terminal interface. Settings come per launch, nothing of the engineer's is changed. */
export function claudeDriver(usage: UsageReader): AgentDriver {
  return {
    name: NAME,
    label: LABEL,
    needsCommand: false,
    endsBy: 'signal',
    scenarios: () => [],
    detect: (env, signal) =>
      agentInfo({ name: NAME, label: LABEL, program: 'claude', env: allowed(env, OWN_ENV), signal }),
    interpret,
    readScreen,
    answer,
    // Ctrl-U first: after Escape the broken-off message stands in the input again and would be sent with the new one.
    followUp: (text) => ['\x15', ...pasteAndEnter(text)],
    usage,

    async plan(context) {
      const file = await requireProgram('claude', LABEL, context.env)
      const settings = join(context.runDir, 'claude-settings.json')
      await writeFile(settings, JSON.stringify(settingsOf(context)), { mode: 0o600 })
      const sessionRef = context.resume?.sessionRef ?? randomUUID()
      const prompt = context.resume
        ? { text: context.resume.message ?? '', delivery: 'argv' as const }
        : promptArgument(context.prompt, context.promptFile)
      return {
        file,
        args: [
          ...['--settings', settings],
          ...(context.resume ? ['--resume', sessionRef] : ['--session-id', sessionRef]),
          ...(context.slot.model ? ['--model', context.slot.model] : []),
          // The file is outside of the worktree: without this, reading it is asked for.
          ...(prompt.delivery === 'file' ? ['--allowedTools', `Read(/${context.promptFile})`] : []),
          ...(prompt.text === '' ? [] : ['--', prompt.text]),
        ],
        env: { ...launchEnvironment(context, OWN_ENV), ...(await telemetryEnv(context)) },
        sessionRef,
        promptDelivery: prompt.delivery,
      }
    },

    async canResume(context) {
      return (
        context.resume !== null &&
        (await findClaudeTranscript(context.resume.sessionRef, context.env)) !== null
      )
    },

    async headless(request) {
      const file = await requireProgram('claude', LABEL, request.env)
      return {
        file,
        args: [
          ...['-p', '--output-format', 'json', '--json-schema', JSON.stringify(request.schema)],
          // A reviewer reads; what it reads must not make it write or run anything.
          ...['--tools', 'Read,Grep,Glob', '--strict-mcp-config', '--no-session-persistence'],
          ...(request.model ? ['--model', request.model] : []),
        ],
        env: { ...allowed(request.env, OWN_ENV), TERM: 'dumb' },
        input: request.prompt,
        async read(run) {
          const parsed = Result.safeParse(readJsonAnswer(LABEL, run))
          if (!parsed.success) throw new Failure('agent_exited', `${LABEL} answered in an unknown form.`)
          const result = parsed.data
          if (result.is_error)
            throw new Failure('agent_exited', `${LABEL} failed: ${brief(result.result) ?? 'no reason'}`)
          const cached = result.usage.cache_read_input_tokens ?? 0
          return {
            value: result.structured_output ?? parseJson(LABEL, result.result ?? ''),
            usage: {
              inputTokens:
                result.usage.input_tokens + cached + (result.usage.cache_creation_input_tokens ?? 0),
              cachedTokens: cached,
              outputTokens: result.usage.output_tokens,
              cost: result.total_cost_usd ?? null,
              turns: result.num_turns ?? 1,
              toolCalls: 0,
              toolFailures: 0,
              compactions: 0,
            },
          }
        },
      }
    },
  }
}
