import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { type Harness, makeRepository, startCore, tempDir } from '../../src/main/core/testing/core-harness.ts'
import type { Attempt, Usage } from '../../src/shared/domain/attempt.ts'
import type { Slot } from '../../src/shared/domain/task.ts'
import type { Entities } from '../../src/shared/state/apply.ts'
import { type ModelServer, type ModelServerOptions, startModelServer } from '../fixtures/model-server.ts'

const AGENTS_DIR = process.env.QUARTET_AGENTS_DIR ?? ''
const NODE = process.execPath

/** Models that the shipped price table knows, by agent. */
export const MODELS = {
  codex: 'gpt-5.5',
  claude: 'claude-opus-5',
  gemini: 'gemini-2.5-pro',
  opencode: 'anthropic/claude-opus-5',
} as const
export type RealAgent = keyof typeof MODELS
/** The protocols that they speak. */
export const APIS = {
  codex: 'responses',
  claude: 'messages',
  gemini: 'gemini',
  opencode: 'messages',
} as const
export const REAL_AGENTS: readonly RealAgent[] = ['codex', 'claude', 'gemini', 'opencode']
/** Those that send a log of their use, too. */
export const WITH_TELEMETRY = ['codex', 'claude', 'gemini'] as const

export const slotOf = (agent: RealAgent): Slot => ({
  agent,
  command: null,
  scenario: null,
  model: MODELS[agent],
  hint: null,
})

/** Under which name the model's requests of this attempt go: Gemini CLI does not tell the model the id of its conversation. */
export const conversationOf = (attempt: Pick<Attempt, 'agent' | 'sessionRef' | 'worktree'>): string | null =>
  attempt.agent === 'gemini' ? attempt.worktree : attempt.sessionRef

/** A repository, a scripted model, and a home in which nothing but the real agents is installed. */
export interface Arena {
  dir: string
  repo: string
  dataDir: string
  env: Readonly<Record<string, string>>
  model: ModelServer
}

const API_KEY = 'sk-ant-scripted-0000000000000000000000'

interface ArenaOptions {
  /** The agents ask before they run what is not git. */
  ask?: boolean
  /** Codex praises a newer model when it starts. */
  announcements?: boolean
  /** Codex may hand work to sub-agents. */
  subAgents?: boolean
}

/** Makes the arena. */
export async function makeArena(options: Omit<ModelServerOptions, 'chunkMs'> & ArenaOptions): Promise<Arena> {
  if (AGENTS_DIR === '') throw new Error('Run these tests by `npm run test:agents`: it installs the agents.')
  const dir = await tempDir()
  const model = await startModelServer({ ...options, chunkMs: 2 })
  onTestFinished(() => model.close())
  const home = join(dir, 'home')
  const bin = join(dir, 'bin')
  const repo = join(dir, 'repo')
  await mkdir(home)
  await mkdir(bin)
  await makeRepository(repo)
  for (const agent of REAL_AGENTS)
    await symlink(join(AGENTS_DIR, 'node_modules', '.bin', agent), join(bin, agent))
  await writeFile(join(home, '.gitconfig'), '[user]\n\tname = Ada Example\n\temail = ada@example.com\n')
  await configureCodex(home, model.url, options)
  await configureClaude(home, repo, options.ask ?? false)
  await configureOpenCode(home, model.url)
  await configureGemini(home, options.ask ?? false)
  const own = {
    PATH: [bin, dirname(NODE), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
    CODEX_HOME: join(home, '.codex'),
    CLAUDE_CONFIG_DIR: join(home, '.claude'),
    SCRIPTED_KEY: 'sk-scripted',
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: API_KEY,
    GOOGLE_GEMINI_BASE_URL: model.url,
    GEMINI_API_KEY: API_KEY,
    DISABLE_AUTOUPDATER: '1',
    DISABLE_TELEMETRY: '1',
    DISABLE_ERROR_REPORTING: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    // It has a list of models built in.
    OPENCODE_DISABLE_MODELS_FETCH: '1',
  }
  // The agents' environment is that of the login shell: here it says the same as ours, whatever /etc/profile does.
  const profile = Object.entries(own).map(([name, value]) => `export ${name}='${value}'\n`)
  for (const name of ['.bash_profile', '.profile', '.zprofile'])
    await writeFile(join(home, name), profile.join(''))
  const env = { ...own, HOME: home, USER: process.env.USER ?? 'tester', SHELL: '/bin/sh', LANG: 'C.UTF-8' }
  return { dir, repo, dataDir: join(dir, 'data'), env, model }
}

async function configureCodex(
  home: string,
  url: string,
  { ask = false, announcements = false, subAgents = false }: ArenaOptions,
): Promise<void> {
  const dir = join(home, '.codex')
  await mkdir(dir)
  const config = `
model_provider = "scripted"
approval_policy = "${ask ? 'on-request' : 'never'}"
sandbox_mode = "${ask ? 'workspace-write' : 'danger-full-access'}"
check_for_update_on_startup = false
[model_providers.scripted]
name = "Scripted"
base_url = "${url}/v1"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
request_max_retries = 1
stream_max_retries = 3
[tui]
screen_reader_detection_done = true
[analytics]
enabled = false
[features]
multi_agent_v2 = ${subAgents}
`
  const seen =
    '[notice.model_migrations]\n"gpt-5.5" = "gpt-6-sol"\n[tui.model_availability_nux]\n"gpt-6.1-sol" = 4\n'
  await writeFile(join(dir, 'config.toml'), announcements ? config : `${config}${seen}`)
}

async function configureClaude(home: string, repo: string, ask: boolean): Promise<void> {
  const dir = join(home, '.claude')
  await mkdir(dir)
  // What a person clicked through once on this machine; the repository is trusted, its worktrees follow from that.
  const state = {
    hasCompletedOnboarding: true,
    lastOnboardingVersion: '99.0.0',
    theme: 'dark',
    customApiKeyResponses: { approved: [API_KEY.slice(-20)], rejected: [] },
    hasSeenAutoDefaultNudge: true,
    projects: { [repo]: { hasTrustDialogAccepted: true } },
  }
  await writeFile(join(dir, '.claude.json'), JSON.stringify(state))
  const permissions = ask
    ? { defaultMode: 'acceptEdits', allow: ['Bash(git:*)'] }
    : { defaultMode: 'acceptEdits', allow: ['Bash'] }
  await writeFile(join(dir, 'settings.json'), JSON.stringify({ permissions }))
}

/** It asks for what is outside of its worktree by itself, and for nothing else. */
async function configureOpenCode(home: string, url: string): Promise<void> {
  const dir = join(home, '.config', 'opencode')
  // It would fetch the types of its plugins from npm, for the engineer's editor, if it did not find that done.
  await mkdir(join(dir, 'node_modules'), { recursive: true })
  const lock = { packages: { '': { dependencies: { '@opencode-ai/plugin': '*' } } } }
  await writeFile(join(dir, 'package-lock.json'), JSON.stringify(lock))
  const options = { baseURL: `${url}/v1`, apiKey: '{env:ANTHROPIC_API_KEY}' }
  // Without the name of its schema it would write that into the file.
  const config = { $schema: 'https://opencode.ai/config.json', provider: { anthropic: { options } } }
  await writeFile(join(dir, 'opencode.json'), JSON.stringify(config))
}

async function configureGemini(home: string, ask: boolean): Promise<void> {
  const dir = join(home, '.gemini')
  await mkdir(join(dir, 'policies'), { recursive: true })
  const settings = {
    security: { auth: { selectedType: 'gemini-api-key' } },
    general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
    privacy: { usageStatisticsEnabled: false },
  }
  await writeFile(join(dir, 'settings.json'), JSON.stringify(settings))
  const rule = {
    toolName: 'run_shell_command',
    decision: 'allow',
    priority: 100,
    allowRedirection: true,
    ...(ask ? { commandPrefix: ['git', 'echo'] } : {}),
  }
  const lines = Object.entries(rule).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
  await writeFile(join(dir, 'policies', 'arena.toml'), `[[rule]]\n${lines.join('')}`)
}

/** A whole core in this process on the arena. */
export async function openCore(arena: Arena) {
  const harness = await startCore(arena.dataDir, { env: arena.env, waitMs: 120_000 })
  // Reviewers are agents too: they have tests of their own.
  await harness.client.system.saveSettings({ reviews: false })
  const repository = await harness.client.repositories.add({ path: arena.repo, trust: true })
  const fire = async (brief: string, ...agents: RealAgent[]) => {
    const { task, attempts } = await harness.client.tasks.fire({
      repoId: repository.id,
      brief,
      slots: agents.map(slotOf),
    })
    return { task, attempts, id: attempts[0]?.id ?? '' }
  }
  return {
    client: harness.client,
    core: harness.core,
    until: harness.until,
    close: harness.close,
    get state() {
      return harness.state
    },
    fire,
  }
}

export const inStatus =
  (id: string, ...statuses: Attempt['status'][]) =>
  (state: Entities): Attempt | undefined | false => {
    const attempt = state.attempts[id]
    return attempt && statuses.includes(attempt.status) && attempt
  }

/** Statuses and where they came from, as the history has them, oldest first. */
export async function pathOf({ client }: Pick<Harness, 'client'>, attemptId: string): Promise<string[]> {
  const facts = await client.history.facts({ attemptId, limit: 1_000 })
  return facts
    .filter((fact) => fact.kind === 'attempt.status')
    .map((fact) => String(fact.body.to))
    .reverse()
}

/** The same with where each status came from: `waiting by hook`. */
export async function sourcesOf({ client }: Pick<Harness, 'client'>, attemptId: string): Promise<string[]> {
  const facts = await client.history.facts({ attemptId, limit: 1_000 })
  return facts
    .filter((fact) => fact.kind === 'attempt.status')
    .map((fact) => `${fact.body.to} by ${fact.body.source}`)
    .reverse()
}

/** Waits until what is counted of an attempt is all that the model reported to agents of its kind, and gives that. */
export async function untilCounted(
  arena: Arena,
  core: Pick<Harness, 'until'>,
  id: string,
  agent: RealAgent,
): Promise<Usage> {
  const billed = () => arena.model.billed(APIS[agent])
  const counted = await core.until((state) => {
    const usage = state.attempts[id]?.usage
    return usage?.outputTokens === billed().output && usage
  }, `${id} to be counted`)
  const { input, cached } = billed()
  expect(counted).toMatchObject({ inputTokens: input, cachedTokens: cached })
  expect(counted.cost).toBeCloseTo(await costOf(agent, billed()), 9)
  return counted
}

/** What tokens of a model cost by the shipped table, US dollars. */
export async function costOf(
  agent: RealAgent,
  tokens: { input: number; cached: number; output: number },
): Promise<number> {
  const file = join(import.meta.dirname, '..', '..', 'resources', 'prices.json')
  const { models } = JSON.parse(await readFile(file, 'utf8'))
  const name = MODELS[agent].split('/').at(-1)
  const price = models.find((one: { model: string }) => one.model === name)
  const { input, cached, output } = tokens
  return ((input - cached) * price.input + cached * price.cachedInput + output * price.output) / 1e6
}
