import type { AgentInfo, DoctorLine } from '../../shared/domain/host.ts'
import type { AgentEnvironment } from './agents/agent-environment.ts'
import type { AgentRegistry } from './agents/registry.ts'
import { signInOf } from './agents/sign-in.ts'
import type { HookSelfTest } from './attempts/hook-self-test.ts'
import type { LimitBook } from './attempts/limit-book.ts'
import type { Ledger } from './db/ledger.ts'
import type { Git } from './git/git.ts'

export interface DoctorDeps {
  ledger: Ledger
  git: Git
  agents: AgentRegistry
  environment: AgentEnvironment
  limits: LimitBook
  hookTest: HookSelfTest
  dataDir: string
}

/** Agents that report through our hook program. */
const WITH_HOOKS: ReadonlySet<string> = new Set(['codex', 'claude', 'gemini', 'opencode', 'rehearsal'])

/** Looks whether everything is there that Quartet needs, and says of each agent what is known about it. */
export class Doctor {
  readonly #deps: DoctorDeps

  constructor(deps: DoctorDeps) {
    this.#deps = deps
  }

  /** The agents as found on this machine; `refresh` asks the login shell and each program again, and tests the hooks. */
  async agents(refresh: boolean): Promise<AgentInfo[]> {
    const { agents, environment, limits, hookTest } = this.#deps
    const { env } = await (refresh ? environment.reprobe() : environment.get())
    const [found, hookProblem] = await Promise.all([
      agents.detectAll(env, { refresh }),
      refresh ? hookTest.run() : undefined,
    ])
    return Promise.all(
      found.map(async (info) => ({
        ...info,
        signIn: info.installed ? await signInOf(info.name, env) : null,
        ...(hookProblem === undefined || !WITH_HOOKS.has(info.name) ? {} : { hookProblem }),
        lastError: this.#lastError(info.name),
        limit: limits.reason(info.name, info.label),
      })),
    )
  }

  async lines(): Promise<DoctorLine[]> {
    const { ledger, git, environment, dataDir } = this.#deps
    const found = await this.agents(true)
    const probed = await environment.get()
    const hookProblem = found.find((agent) => agent.hookProblem !== undefined)?.hookProblem ?? null
    return [
      { name: 'Data directory', status: 'ok', detail: dataDir },
      {
        name: 'git',
        ...(await git.version().then(
          (version) => ({ status: 'ok' as const, detail: version.text }),
          (error: Error) => ({ status: 'failed' as const, detail: error.message }),
        )),
      },
      {
        name: 'Login shell',
        status: probed.problem ? 'warning' : 'ok',
        detail: probed.problem ?? `Environment from ${probed.source}`,
      },
      {
        name: 'Hooks',
        status: hookProblem === null ? 'ok' : 'failed',
        detail: hookProblem ?? 'a test report arrived',
      },
      ...found.map(agentLine),
      ...ledger.select('repositories').map(
        (repository): DoctorLine => ({
          name: repository.name,
          status: repository.problem ? 'failed' : 'ok',
          detail: repository.problem ?? repository.path,
        }),
      ),
    ]
  }

  /** Why an attempt of this agent failed last. */
  #lastError(agent: string): AgentInfo['lastError'] {
    const [attempt] = this.#deps.ledger.select(
      'attempts',
      "agent = ? AND endReason IN ('exited_with_error', 'agent_missing', 'prepare_failed') ORDER BY endedAt DESC LIMIT 1",
      agent,
    )
    if (!attempt?.endedAt) return null
    return { at: attempt.endedAt, text: attempt.reason ?? attempt.attention?.detail ?? 'no reason was kept' }
  }
}

function agentLine(agent: AgentInfo): DoctorLine {
  if (!agent.installed)
    return { name: agent.label, status: 'warning', detail: agent.problem ?? 'not installed' }
  const signIn =
    agent.signIn &&
    { yes: 'signed in', no: 'not signed in', unknown: 'perhaps not signed in' }[agent.signIn.state]
  const parts = [
    agent.problem,
    agent.version,
    agent.path,
    signIn && agent.signIn ? `${signIn} (${agent.signIn.detail})` : null,
    agent.limit,
    agent.lastError
      ? `last error ${new Date(agent.lastError.at).toISOString()}: ${agent.lastError.text}`
      : null,
  ]
  const bad = agent.problem !== null || agent.signIn?.state === 'no' || Boolean(agent.limit)
  return {
    name: agent.label,
    status: bad ? 'warning' : 'ok',
    detail: parts.filter(Boolean).join(' · ') || 'ready',
  }
}
