import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Slot } from '../../../shared/domain/task.ts'
import { Slot as SlotSchema } from '../../../shared/domain/task.ts'
import { problemText } from './workflow-problem.ts'
import { FrontMatter, KNOWN_KEYS, limitsByState } from './workflow-schema.ts'
import { readSource, type WorkflowSource, workflowFailure } from './workflow-source.ts'

export const WORKFLOW_FILE = 'WORKFLOW.md'

/** One command of the verify gate. */
export interface CheckConfig {
  name: string
  run: string
  timeout_ms: number
  required: boolean
  /** Runs beside its neighbours that say the same. */
  parallel: boolean
}

/** A persona that reads diffs. */
export interface ReviewerConfig {
  name: string
  /** null: the first agent that can. */
  agent: string | null
  focus: string
  model: string | null
  scenario: string | null
}

export interface Workflow {
  checks: CheckConfig[]
  hooks: {
    after_create: string | null
    before_run: string | null
    after_run: string | null
    before_remove: string | null
    timeoutMs: number
  }
  attempts: {
    count: number | null
    /** Names of the agents of the default round. */
    agents: string[] | null
    /** The same with what is particular to each. */
    slots: Slot[] | null
    /** As the file has it. */
    budget: Readonly<Record<string, unknown>>
  }
  review: {
    /** null: the two default personas. Empty: nobody reviews. */
    reviewers: ReviewerConfig[] | null
    exchanges: number
    timeoutMs: number
    /** Files or folders, relative to the worktree, in which pictures are looked for. */
    screenshots: string[]
  }
  land: {
    method: 'squash' | 'merge' | 'rebase' | null
    allowFixes: boolean | null
    budget: number
    push: boolean | null
    remote: string | null
  }
  files: { copy: string[]; link: string[] }
  landMethod: 'squash' | 'merge' | 'rebase' | null
  tracker: {
    kind: string | null
    /** The adapter's own settings, `$NAME` not yet resolved. */
    provider: Readonly<Record<string, unknown>>
    /** Trimmed and lower-cased; a blank one matches nothing. */
    requiredLabels: string[]
    activeStates: string[] | null
    terminalStates: string[] | null
  }
  pollingMs: number
  /** As written: `~` and `$NAME` are resolved by `workspaceRoot`. */
  workspaceRoot: string | null
  agent: {
    /** null when the file does not limit it. */
    maxConcurrent: number | null
    maxConcurrentByState: Readonly<Record<string, number>>
    maxTurns: number
    maxRetryBackoffMs: number
  }
  codex: {
    command: string
    approvalPolicy: unknown
    threadSandbox: unknown
    turnSandboxPolicy: unknown
    turnTimeoutMs: number
    readTimeoutMs: number
    /** null when the file does not say; ≤ 0 switches stall detection off. */
    stallTimeoutMs: number | null
  }
  /** Liquid template of the prompt; empty for the default one. */
  template: string
  /** Line of the file on which the template begins. */
  templateLine: number
  /** Keys at the top that mean nothing to us. */
  unknownKeys: string[]
  /** Every command that the file makes us run, for the engineer's consent. */
  commands: { key: string; run: string }[]
  /** SHA-256 over exactly these commands; null when there are none. */
  hash: string | null
}

/** Parses the text of a workflow file. Throws `workflow_invalid` whose sentence names line and key; `data.problems` has all of them. */
export function parseWorkflow(text: string, file = WORKFLOW_FILE): Workflow {
  return parseSource(readSource(file, text), file)
}

/** The same from a file that was taken apart already. */
export function parseSource(source: WorkflowSource, file = WORKFLOW_FILE): Workflow {
  // The gate may be a plain list: the same as a map with only its checks.
  const plainList = Array.isArray(source.value.verify)
  const value = plainList ? { ...source.value, verify: { checks: source.value.verify } } : source.value
  const parsed = FrontMatter.safeParse(value)
  if (!parsed.success) {
    throw workflowFailure(
      file,
      parsed.error.issues
        .map((issue) => {
          const keys = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
          const path = plainList && keys[0] === 'verify' ? ['verify', ...keys.slice(2)] : keys
          return {
            name: 'workflow_parse_error' as const,
            key: keyOf(path),
            line: source.lineOf(path),
            message: problemText(issue),
          }
        })
        // As one meets them going through the file.
        .sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
    )
  }
  return assemble(parsed.data, source)
}

/** A repository without the file behaves as if it held this. */
export const NO_WORKFLOW: Workflow = parseWorkflow('')

function assemble(data: FrontMatter, source: WorkflowSource): Workflow {
  const { hooks, verify, files, attempts, land, review, tracker, agent, codex } = data
  const checks = verify.checks.map((check) => ({
    name: check.name,
    run: check.run,
    timeout_ms: check.timeout_ms,
    required: check.required,
    parallel: check.parallel ?? verify.parallel,
  }))
  const named = {
    after_create: hooks.after_create ?? null,
    before_run: hooks.before_run ?? null,
    after_run: hooks.after_run ?? null,
    before_remove: hooks.before_remove ?? null,
  }
  const slots =
    attempts.agents?.map((entry) =>
      SlotSchema.parse(
        typeof entry === 'string'
          ? { agent: entry }
          : {
              agent: entry.agent,
              model: entry.model ?? null,
              hint: entry.hint ?? null,
              scenario: entry.scenario ?? null,
              command: entry.command ?? null,
            },
      ),
    ) ?? null
  const commands = [
    ...Object.entries(named).flatMap(([key, run]) => (run?.trim() ? [{ key: `hooks.${key}`, run }] : [])),
    ...checks.map((check) => ({ key: `verify.${check.name}`, run: check.run })),
    ...(slots ?? []).flatMap((slot, i) =>
      slot.command ? [{ key: `attempts.agents[${i}].command`, run: slot.command }] : [],
    ),
    ...(source.has(['codex', 'command']) ? [{ key: 'codex.command', run: codex.command }] : []),
  ]
  return {
    checks,
    hooks: { ...named, timeoutMs: hooks.timeout_ms },
    attempts: {
      count: attempts.count ?? null,
      agents: slots?.map((slot) => slot.agent) ?? null,
      slots,
      budget: attempts.budget,
    },
    review: {
      reviewers:
        review.reviewers?.map((reviewer) => ({
          name: reviewer.name,
          agent: reviewer.agent ?? null,
          focus: reviewer.focus,
          model: reviewer.model ?? null,
          scenario: reviewer.scenario ?? null,
        })) ?? null,
      exchanges: review.exchanges,
      timeoutMs: review.timeout_ms,
      screenshots: review.screenshots.filter((path) => path.trim() !== ''),
    },
    land: {
      method: land.method ?? null,
      allowFixes: land.allow_fixes ?? null,
      budget: land.budget,
      push: land.push ?? null,
      remote: land.remote ?? null,
    },
    files: { copy: files.copy, link: files.link },
    landMethod: land.method ?? null,
    tracker: {
      kind: tracker.kind ?? null,
      provider: tracker.provider,
      requiredLabels: tracker.required_labels.map(normalised),
      activeStates: tracker.active_states?.map(normalised) ?? null,
      terminalStates: tracker.terminal_states?.map(normalised) ?? null,
    },
    pollingMs: data.polling.interval_ms,
    workspaceRoot: data.workspace.root ?? null,
    agent: {
      maxConcurrent: source.has(['agent', 'max_concurrent_agents']) ? agent.max_concurrent_agents : null,
      maxConcurrentByState: limitsByState(agent.max_concurrent_agents_by_state),
      maxTurns: agent.max_turns,
      maxRetryBackoffMs: agent.max_retry_backoff_ms,
    },
    codex: {
      command: codex.command,
      approvalPolicy: codex.approval_policy,
      threadSandbox: codex.thread_sandbox,
      turnSandboxPolicy: codex.turn_sandbox_policy,
      turnTimeoutMs: codex.turn_timeout_ms,
      readTimeoutMs: codex.read_timeout_ms,
      stallTimeoutMs: source.has(['codex', 'stall_timeout_ms']) ? codex.stall_timeout_ms : null,
    },
    template: source.template,
    templateLine: source.templateLine,
    unknownKeys: Object.keys(source.value).filter((key) => !KNOWN_KEYS.has(key)),
    commands,
    hash: commands.length === 0 ? null : createHash('sha256').update(JSON.stringify(commands)).digest('hex'),
  }
}

function normalised(name: string): string {
  return name.trim().toLowerCase()
}

/** `verify[0].run` */
function keyOf(path: readonly (string | number)[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join('')
}

/** Reads the workflow of the repository at `path`; one without the file gives `NO_WORKFLOW`. */
export async function readWorkflow(path: string): Promise<Workflow> {
  try {
    return parseWorkflow(await readFile(join(path, WORKFLOW_FILE), 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return NO_WORKFLOW
    throw error
  }
}

/** True when every command of the workflow may run: there is none, or the engineer consented to exactly these. */
export function isTrusted(workflow: Workflow, trustedHash: string | null): boolean {
  return workflow.hash === null || workflow.hash === trustedHash
}
