import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { Failure } from '../../../../shared/domain/failure.ts'
import { allowed, launchEnvironment } from '../allowlist.ts'
import type { AgentDriver, AgentEvent, AgentQuestion, LaunchContext, UsageReader } from '../driver.ts'
import { pasteAndEnter } from '../follow-up.ts'
import { lastLine, parseJson } from '../headless-answer.ts'
import { brief, commonEvents, parseHookPayload } from '../hook-payload.ts'
import { readLimit } from '../limits.ts'
import { agentInfo, requireProgram } from '../programs.ts'
import { promptArgument } from '../prompt-transport.ts'
import { answerPermission, choiceOf, ESCAPE, yesOrNo } from '../reply.ts'
import { errorEvents, findSign, type ScreenSign } from '../screen.ts'
import { reachesLoopback } from '../telemetry/direct.ts'
import { codexHome, findCodexRollout } from '../usage/codex-usage.ts'
import { codexProbe } from './codex-probe.ts'

const NAME = 'codex'
const LABEL = 'Codex'

const OWN_ENV = ['OPENAI_*', 'CODEX_*', 'AZURE_OPENAI_*', 'OSS_*']

const readConfig = (env: LaunchContext['env']): Promise<string> =>
  readFile(join(codexHome(env), 'config.toml'), 'utf8').catch(() => '')

/** Names of variables that the engineer's own providers take their keys from (`env_key` in config.toml). */
async function providerKeys(env: LaunchContext['env']): Promise<string[]> {
  const text = await readConfig(env)
  return [...text.matchAll(/^\s*env_key\s*=\s*["']([A-Za-z_][A-Za-z0-9_]*)["']/gm)].map((match) => match[1]!)
}

/** Its exporter takes more headers from here. What stands in its arguments instead, every user of the machine can read. */
const HEADERS = 'OTEL_EXPORTER_OTLP_LOGS_HEADERS'

/**
 * Has it send its log to us, without what was asked; the programs that it runs know nothing of that. Somebody who has it
 * report elsewhere goes on doing so.
 */
async function telemetryOf({
  telemetry,
  env,
}: LaunchContext): Promise<{ args: string[]; env: Record<string, string> }> {
  if (!telemetry || !reachesLoopback(env) || /^\s*(\[\s*otel\b|otel\s*[.=])/m.test(await readConfig(env)))
    return { args: [], env: {} }
  const { base, header } = telemetry
  const exporter = `{otlp-http={endpoint="${base}/v1/logs",protocol="json"}}`
  return {
    args: [
      ...['-c', `otel.exporter=${exporter}`, '-c', 'otel.log_user_prompt=false'],
      // Empty is unset to every exporter: a program under test that has one must not send our token to its own collector.
      ...['-c', `shell_environment_policy.set.${HEADERS}=""`],
    ],
    env: { [HEADERS]: `${header.name}=${header.value}` },
  }
}

const SIGNS: readonly ScreenSign[] = [
  {
    shape: /Trust (this|the) (folder|directory)|Do you trust the (contents|files)/i,
    about: 'trust',
    options: ['yes', 'no'],
  },
  { shape: /Sign in with ChatGPT|Please (log|sign) in|Not logged in/i, about: 'auth', options: [] },
  {
    shape: /Hooks need review|Update available|enter (to )?continue|enter(\/esc)? (to )?confirm/i,
    about: 'question',
    options: [],
  },
]

/**
 * Where git writes when a linked worktree commits, without the rest of the shared repository: no other branch, no config, no
 * hooks. Codex's sandbox lets an agent write to its working folder alone, and a worktree's git data lies elsewhere.
 * Gives none when the worktree is no linked one.
 */
export async function commitFolders(worktree: string, branch: string): Promise<string[]> {
  const pointer = await readFile(join(worktree, '.git'), 'utf8').catch(() => '')
  const gitDir = /^gitdir: (.+)$/m.exec(pointer)?.[1]
  if (!gitDir) return []
  const own = resolve(worktree, gitDir)
  const shared = resolve(own, (await readFile(join(own, 'commondir'), 'utf8').catch(() => '')).trim() || '.')
  if (shared === own) return []
  // Branches of one task are siblings in one folder; git makes it anew after packing, but cannot in a sandbox.
  const family = branch.split('/').slice(0, -1)
  if (family.length === 0 || family.includes('..')) return [own, join(shared, 'objects')]
  const refs = join(shared, 'refs', 'heads', ...family)
  const logs = join(shared, 'logs', 'refs', 'heads', ...family)
  await Promise.all([mkdir(refs, { recursive: true }), mkdir(logs, { recursive: true })])
  return [own, join(shared, 'objects'), refs, logs]
}

function answer(question: AgentQuestion, text: string): readonly string[] {
  if (question.about === 'trust') return yesOrNo(text) === 'yes' ? ['\r'] : [ESCAPE]
  if (question.about === 'permission') return answerPermission(text, 'y')
  const choice = choiceOf(question, text)
  return choice === null ? pasteAndEnter(text) : [String(choice)]
}

/** What versions without hooks report: the end of a turn, nothing else. */
const Notify = z.looseObject({
  type: z.literal('agent-turn-complete'),
  'thread-id': z.string().optional(),
  'last-assistant-message': z.string().nullish(),
})

function interpret(raw: unknown, at: number): AgentEvent[] {
  const notify = Notify.safeParse(raw)
  if (notify.success) return [{ kind: 'finished', at, text: brief(notify.data['last-assistant-message']) }]
  const payload = parseHookPayload(raw)
  if (!payload) return []
  if (payload.hook_event_name === 'Interrupt') return [{ kind: 'interrupted', at }]
  return commonEvents(payload, at) ?? []
}

/** A turn that failed is reported by no hook: its error stands under the last message of the engineer. */
function readScreen(screen: string, at: number): AgentEvent[] {
  const lines = screen.split('\n')
  const asked = lines.findLastIndex((line) => /^\s*› (?!Ask Codex)/.test(line))
  // While it tries again by itself it says why, below its line of progress.
  const retry = lines.findLastIndex((line) => /^\s*• .*reconnecting \d+\/\d+/i.test(line))
  const limit = retry > asked ? readLimit(lines.slice(retry, retry + 3).join('\n'), at) : null
  if (limit) return [{ kind: 'limit', at, ...limit }]
  const error = lines.slice(asked + 1).findLast((line) => /^\s*■ /.test(line))
  if (error !== undefined && !/Conversation interrupted/.test(error))
    return errorEvents(error.replace(/^\s*■ /, ''), at)
  return findSign(screen, SIGNS, at)
}

const Turn = z.looseObject({
  type: z.literal('turn.completed'),
  usage: z.object({
    input_tokens: z.number(),
    cached_input_tokens: z.number().default(0),
    output_tokens: z.number(),
  }),
})

/** Codex, driven through its own terminal interface. Hooks, trust and folders come per launch by `-c`. */
export function codexDriver(usage: UsageReader): AgentDriver {
  const probe = codexProbe()
  const ownEnv = async (env: LaunchContext['env']) => [...OWN_ENV, ...(await providerKeys(env))]

  return {
    name: NAME,
    label: LABEL,
    needsCommand: false,
    endsBy: 'signal',
    scenarios: () => [],
    interpret,
    readScreen,
    answer,
    followUp: pasteAndEnter,
    usage,
    detect: (env, signal) =>
      agentInfo({ name: NAME, label: LABEL, program: 'codex', env: allowed(env, OWN_ENV), signal }),

    async plan(context) {
      const file = await requireProgram('codex', LABEL, context.env)
      const env = launchEnvironment(context, await ownEnv(context.env))
      const hook = [...context.hook.command, NAME]
      const { hookArgs, noDaemon } = await probe(file, hook, context.worktree, env)
      // Versions without hooks log in another way, or not at all.
      const reporting = hookArgs ? await telemetryOf(context) : { args: [], env: {} }
      const folders = await commitFolders(context.worktree, context.branch)
      const prompt = context.resume
        ? { text: context.resume.message ?? '', delivery: 'argv' as const }
        : promptArgument(context.prompt, context.promptFile)
      return {
        file,
        args: [
          ...(noDaemon ? ['--no-daemon'] : []),
          ...['-c', 'check_for_update_on_startup=false'],
          // An inline table: as a dotted key the path would be cut at its dots.
          ...['-c', `projects={${JSON.stringify(context.worktree)}={trust_level="trusted"}}`],
          ...(hookArgs ?? ['-c', `notify=${JSON.stringify(hook)}`]),
          ...reporting.args,
          ...folders.flatMap((folder) => ['--add-dir', folder]),
          ...(context.slot.model ? ['--model', context.slot.model] : []),
          ...(context.resume ? ['resume', context.resume.sessionRef] : []),
          ...(prompt.text === '' ? [] : ['--', prompt.text]),
        ],
        env: { ...env, ...reporting.env },
        sessionRef: context.resume?.sessionRef ?? null,
        promptDelivery: prompt.delivery,
      }
    },

    async canResume(context) {
      return (
        context.resume !== null && (await findCodexRollout(context.resume.sessionRef, context.env)) !== null
      )
    },

    async headless(request) {
      const file = await requireProgram('codex', LABEL, request.env)
      const schemaFile = join(request.runDir, 'schema.json')
      const answerFile = join(request.runDir, 'answer.txt')
      await writeFile(schemaFile, JSON.stringify(request.schema), { mode: 0o600 })
      return {
        file,
        args: [
          ...['exec', '--json', '--ephemeral', '--sandbox', 'read-only'],
          ...['--output-schema', schemaFile, '--output-last-message', answerFile],
          ...(request.model ? ['--model', request.model] : []),
          '-',
        ],
        env: { ...allowed(request.env, await ownEnv(request.env)), TERM: 'dumb' },
        input: request.prompt,
        async read(run) {
          if (run.code !== 0) {
            const said = lastLine(run.stdout) ?? lastLine(run.stderr) ?? 'no output'
            throw new Failure('agent_exited', `${LABEL} ended with code ${run.code ?? 'none'}: ${said}`, {
              code: run.code,
            })
          }
          const text = await readFile(answerFile, 'utf8').catch(() => '')
          return { value: parseJson(LABEL, text), usage: usageOf(run.stdout) }
        },
      }
    },
  }
}

function usageOf(stdout: string) {
  const lines = stdout.split('\n').filter((line) => line.includes('"turn.completed"'))
  const turn = Turn.safeParse(JSON.parse(lines.at(-1) ?? 'null'))
  if (!turn.success) return null
  const { input_tokens, cached_input_tokens, output_tokens } = turn.data.usage
  return {
    inputTokens: input_tokens,
    cachedTokens: cached_input_tokens,
    outputTokens: output_tokens,
    // The events do not name the model, and the engineer's configuration may set any.
    cost: null,
    turns: 1,
    toolCalls: stdout
      .split('\n')
      .filter((line) => line.includes('"item.completed"') && line.includes('"command_execution"')).length,
    toolFailures: 0,
    compactions: 0,
  }
}
