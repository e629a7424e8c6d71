import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { Failure } from '../../../../shared/domain/failure.ts'
import { allowed, launchEnvironment, PROVIDER_KEYS } from '../allowlist.ts'
import type { AgentDriver, AgentEvent, AgentQuestion, LaunchContext, UsageReader } from '../driver.ts'
import { pasteAndEnter } from '../follow-up.ts'
import { brief, commonEvents, parseHookPayload } from '../hook-payload.ts'
import { readLimit } from '../limits.ts'
import { agentInfo, requireProgram } from '../programs.ts'
import { promptArgument } from '../prompt-transport.ts'
import { answerPermission, choiceOf } from '../reply.ts'
import { errorEvents, findSign, type ScreenSign } from '../screen.ts'
import { hasOpenCodeSession, openCodeConfig } from '../usage/opencode-store.ts'
import { readRun, withSchema } from './opencode-headless.ts'

const NAME = 'opencode'
const LABEL = 'OpenCode'

/** Its own settings, and keys of providers: it speaks to any of them. */
const OWN_ENV = [
  ...['OPENCODE_*', ...PROVIDER_KEYS, 'HF_TOKEN', 'FIREWORKS_*', 'TOGETHER_*', 'NVIDIA_*', 'PERPLEXITY_*'],
  ...['AWS_*', 'VERTEX_*', 'GOOGLE_APPLICATION_CREDENTIALS', 'GOOGLE_CLOUD_*', 'GCLOUD_PROJECT'],
]

/** Names of variables that the engineer's own settings refer to (`{env:NAME}`), mostly keys of providers. */
async function configuredKeys(env: LaunchContext['env']): Promise<string[]> {
  const home = openCodeConfig(env)
  const files = [
    ...['config.json', 'opencode.json', 'opencode.jsonc'].map((name) => join(home, name)),
    ...(env.OPENCODE_CONFIG ? [env.OPENCODE_CONFIG] : []),
  ]
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  const all = [...texts, env.OPENCODE_CONFIG_CONTENT ?? ''].join('\n')
  return [...all.matchAll(/\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g)].map((match) => match[1]!)
}

const ownEnv = async (env: LaunchContext['env']) => [...OWN_ENV, ...(await configuredKeys(env))]

const Settings = z.looseObject({
  plugin: z.array(z.unknown()).optional(),
  agent: z.record(z.string(), z.unknown()).optional(),
  permission: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
})

/** What the engineer has put into the variable that we use, too: OpenCode merges all its sources, but this one is one value. */
function ownContent(env: LaunchContext['env']): z.infer<typeof Settings> {
  const text = env.OPENCODE_CONFIG_CONTENT
  if (!text) return {}
  try {
    return Settings.parse(JSON.parse(text))
  } catch {
    throw new Failure(
      'invalid_input',
      'OPENCODE_CONFIG_CONTENT of your login shell is not plain JSON: OpenCode’s reports to Quartet cannot be added to it.',
    )
  }
}

const permissionsOf = (settings: z.infer<typeof Settings>): Record<string, unknown> =>
  typeof settings.permission === 'string' ? { '*': settings.permission } : (settings.permission ?? {})

/** Where a repository has settings for OpenCode. */
const REPOSITORY_SETTINGS = ['', '.opencode'].flatMap((dir) =>
  ['opencode.json', 'opencode.jsonc'].map((name) => join(dir, name)),
)

/** Those that do not name their schema, with what stands before their first key: OpenCode writes the name into them. */
async function bareSettings(worktree: string): Promise<{ file: string; begin: string }[]> {
  const found = await Promise.all(
    REPOSITORY_SETTINGS.map(async (name) => {
      const file = join(worktree, name)
      const text = await readFile(file, 'utf8').catch(() => '')
      const begin = /^\s*\{/.exec(text)?.[0]
      return begin === undefined || text.includes('"$schema"') ? [] : [{ file, begin }]
    }),
  )
  return found.flat()
}

/** Says that its model makes no titles: each is a request that OpenCode counts nowhere. Its plugin names the conversation. */
const NO_TITLES = { title: { disable: true } }

const EXTERNAL = 'external_directory'

const SIGNS: readonly ScreenSign[] = [
  { shape: /△ Permission required/, about: 'permission', options: ['yes', 'no'] },
  { shape: /\benter (submit|confirm|toggle)\s+esc dismiss/, about: 'question', options: [] },
]

/** Entries of a question are numbered; those of a permission stand in one line. */
const DIALOG_ENTRY = /^[\s│┃|]*(?:(?:[❯›>]\s*)?\d{1,2}[.)]\s+\S|Allow once\b)/

/** A list of files opens behind an `@word`, one of commands behind a lone `/word`, and takes the Enter; a space closes it. */
const OPENS_LIST = /(^|\s)@\S*$|^\/\S*$/
const closed = (text: string): string => (OPENS_LIST.test(text) ? `${text} ` : text)

/** The writes that send a message. */
const message = (text: string): readonly string[] => pasteAndEnter(closed(text))

/** Its dialog for a permission starts on “Allow once”. Entries of a question take digits. */
function answer(question: AgentQuestion, text: string): readonly string[] {
  if (question.about === 'permission') return answerPermission(text, '\r', message)
  const choice = choiceOf(question, text)
  if (choice !== null) return [String(choice)]
  // The entry after the model's own options is the one for free text.
  if (question.options.length > 0) return [String(question.options.length + 1), ...pasteAndEnter(text)]
  // Several questions at once, or several entries of one: Enter would choose whatever the cursor is on.
  return question.about === 'question' ? [] : message(text)
}

const Permission = z.object({
  hook_event_name: z.literal('PermissionRequest'),
  permission: z.string(),
  patterns: z.array(z.string()).catch([]),
  command: z.string().optional(),
  filepath: z.string().optional(),
  url: z.string().optional(),
})
const Question = z.object({
  hook_event_name: z.literal('Question'),
  questions: z
    .array(
      z.object({
        question: z.string(),
        options: z.array(z.object({ label: z.string() })).catch([]),
        multiple: z.boolean().nullish(),
      }),
    )
    .min(1),
})
const Retry = z.object({
  hook_event_name: z.literal('Retry'),
  message: z.string(),
  next: z.number().nullish(),
})

function permissionOf({ permission, patterns, command, filepath, url }: z.infer<typeof Permission>) {
  const places = patterns.join(', ')
  const what = command ?? filepath ?? url
  const text =
    permission === EXTERNAL
      ? `Outside of its worktree (${places})${what ? `: ${what}` : ''}`
      : `${permission}: ${what ?? places}`
  return { text: brief(text) ?? 'A permission', about: 'permission', options: ['yes', 'no'] } as const
}

function questionOf({ questions }: z.infer<typeof Question>): AgentQuestion {
  const text = brief(questions.map((one) => one.question).join('\n')) ?? 'A question'
  const [first] = questions
  const single = questions.length === 1 && first && !first.multiple
  return { text, about: 'question', options: single ? first.options.map((option) => option.label) : [] }
}

/** The limits of its own service, in words that no other provider uses. */
const OWN_LIMIT = /\busage exceeded\b|\bfree usage\b|\bUsageLimit/i

/** It tries again by itself and says when. A lost connection is no limit, and it goes on by itself. */
function retryEvents({ message, next }: z.infer<typeof Retry>, at: number): AgentEvent[] {
  const limit =
    readLimit(message, at) ??
    (OWN_LIMIT.test(message) ? { text: message.slice(0, 300), resetsAt: null } : null)
  return limit ? [{ kind: 'limit', at, ...limit, resetsAt: limit.resetsAt ?? next ?? null }] : []
}

function interpret(raw: unknown, at: number): AgentEvent[] {
  const permission = Permission.safeParse(raw)
  if (permission.success) return [{ kind: 'question', at, ...permissionOf(permission.data) }]
  const question = Question.safeParse(raw)
  if (question.success) return [{ kind: 'question', at, ...questionOf(question.data) }]
  const retry = Retry.safeParse(raw)
  if (retry.success) return retryEvents(retry.data, at)
  const payload = parseHookPayload(raw)
  if (!payload) return []
  const { session_id: sessionRef, tool_name: tool = null } = payload
  switch (payload.hook_event_name) {
    case 'UserPromptSubmit':
      // Its interface has no conversation before the first message, and the engineer may begin another in it.
      return [
        ...(sessionRef ? [{ kind: 'session', at, sessionRef, transcript: null } as const] : []),
        ...(commonEvents(payload, at) ?? []),
      ]
    case 'PostToolUseFailure':
      return [{ kind: 'working', at, tool, failed: true }]
    case 'Interrupt':
      return [{ kind: 'interrupted', at }]
    case 'StopFailure':
      return errorEvents(payload.error_details ?? 'an error', at)
    default:
      return commonEvents(payload, at) ?? []
  }
}

/** `provider/model` → what its server wants. */
function modelOf(name: string | null): { providerID: string; modelID: string } | null {
  const slash = name?.indexOf('/') ?? -1
  return name && slash > 0 ? { providerID: name.slice(0, slash), modelID: name.slice(slash + 1) } : null
}

/**
 * OpenCode (1.18), driven through its own terminal interface. Everything that is ours comes per launch by
 * OPENCODE_CONFIG_CONTENT, which it merges over the engineer's and the repository's own settings: a plugin that reports
 * (resources/hooks/quartet-opencode.mjs), and the right to read a long brief. What it cannot do: there is no dialog of trust,
 * its id of a conversation cannot be chosen, no schema can be given for an answer, and it sends no log of its use.
 */
export function openCodeDriver(usage: UsageReader, options: { resourcesDir: string }): AgentDriver {
  const plugin = pathToFileURL(join(options.resourcesDir, 'hooks', 'quartet-opencode.mjs')).href

  /** The message that continues a conversation goes by a file that the plugin removes: OpenCode may load it twice. */
  async function resumeOption({ resume, runDir, slot }: LaunchContext) {
    if (!resume?.message) return {}
    const file = join(runDir, 'opencode-resume.md')
    await writeFile(file, resume.message, { mode: 0o600 })
    return { resume: { sessionID: resume.sessionRef, file, model: modelOf(slot.model) } }
  }

  return {
    name: NAME,
    label: LABEL,
    needsCommand: false,
    endsBy: 'signal',
    scenarios: () => [],
    interpret,
    // A turn that failed and a limit are told by the plugin; only a dialog can stand here that nobody reported.
    readScreen: (screen, at) => findSign(screen, SIGNS, at),
    dialogEntry: DIALOG_ENTRY,
    answer,
    followUp: message,
    usage,
    detect: (env, signal) =>
      agentInfo({ name: NAME, label: LABEL, program: 'opencode', env: allowed(env, OWN_ENV), signal }),

    async plan(context) {
      const file = await requireProgram('opencode', LABEL, context.env)
      const own = ownContent(context.env)
      const prompt = context.resume
        ? { text: '', delivery: 'argv' as const }
        : promptArgument(context.prompt, context.promptFile)
      const bare = await bareSettings(context.worktree)
      const reporting = {
        command: [...context.hook.command, NAME],
        ...(bare.length > 0 ? { bare } : {}),
        ...(await resumeOption(context)),
      }
      const settings = {
        ...own,
        agent: { ...own.agent, ...NO_TITLES },
        plugin: [...(own.plugin ?? []), [plugin, reporting]],
        // The file is outside of the worktree: without this, reading it is asked for.
        ...(prompt.delivery === 'file'
          ? {
              permission: {
                ...permissionsOf(own),
                [EXTERNAL]: { [join(dirname(context.promptFile), '*')]: 'allow' },
              },
            }
          : {}),
      }
      return {
        file,
        // With `=`: a brief may begin with a dash.
        args: [
          ...(context.slot.model ? [`--model=${context.slot.model}`] : []),
          ...(context.resume ? [`--session=${context.resume.sessionRef}`] : []),
          ...(prompt.text === '' ? [] : [`--prompt=${closed(prompt.text)}`]),
        ],
        env: {
          ...launchEnvironment(context, await ownEnv(context.env)),
          OPENCODE_CONFIG_CONTENT: JSON.stringify(settings),
          OPENCODE_DISABLE_AUTOUPDATE: '1',
        },
        sessionRef: context.resume?.sessionRef ?? null,
        promptDelivery: prompt.delivery,
      }
    },

    async canResume({ resume, worktree, env }) {
      return resume !== null && (await hasOpenCodeSession(resume.sessionRef, worktree, env))
    },

    async headless(request) {
      const file = await requireProgram('opencode', LABEL, request.env)
      const own = ownContent(request.env)
      // A reviewer reads; what it reads must not make it write or run anything.
      const permission = { '*': 'deny', read: 'allow', glob: 'allow', grep: 'allow', list: 'allow' }
      return {
        file,
        // A title of ours spares the request for one.
        args: [
          ...['run', '--format=json', '--title=Quartet'],
          ...(request.model ? [`--model=${request.model}`] : []),
        ],
        env: {
          ...allowed(request.env, await ownEnv(request.env)),
          TERM: 'dumb',
          OPENCODE_CONFIG_CONTENT: JSON.stringify({ ...own, permission }),
          OPENCODE_DISABLE_AUTOUPDATE: '1',
          // The change under review may bring settings and plugins with it: they are what is read, not what reads.
          OPENCODE_DISABLE_PROJECT_CONFIG: '1',
        },
        input: withSchema(request.prompt, request.schema),
        read: async (run) => readRun(LABEL, run),
      }
    },
  }
}
