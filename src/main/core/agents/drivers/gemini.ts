import { randomUUID } from 'node:crypto'
import { mkdir, realpath, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../../../shared/domain/failure.ts'
import { exec } from '../../../kernel/exec.ts'
import { allowed, launchEnvironment } from '../allowlist.ts'
import type { AgentDriver, Environment, LaunchContext, UsageReader } from '../driver.ts'
import { pasteAndEnter } from '../follow-up.ts'
import { lastLine, parseJson } from '../headless-answer.ts'
import { brief } from '../hook-payload.ts'
import { agentInfo, requireProgram } from '../programs.ts'
import { promptArgument } from '../prompt-transport.ts'
import { reachesLoopback } from '../telemetry/direct.ts'
import { findGeminiChat } from '../usage/gemini-usage.ts'
import { answer, DIALOG_ENTRY, interpret, readScreen } from './gemini-events.ts'
import { carriedGitConfig } from './gemini-git.ts'
import { headlessUsage, READ_ONLY, resultOf } from './gemini-headless.ts'
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
