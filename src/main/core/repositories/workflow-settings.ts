import type { Settings } from '../../../shared/domain/settings.ts'
import type { EffectiveSetting } from '../../../shared/domain/workflow.ts'
import type { Workflow } from './workflow.ts'
import { readSource, type WorkflowSource } from './workflow-source.ts'

interface Entry {
  key: string
  about: string
  /** What is in force, the app's settings included. */
  value: (workflow: Workflow, settings: Settings) => unknown
  /** The app's settings have a say where the file is silent. */
  setting?: true
}

/** Every key that Quartet reads, in the order of the page. */
const ENTRIES: readonly Entry[] = [
  {
    key: 'attempts.count',
    about: 'Attempts of a round, unless you say otherwise',
    value: (w, s) => w.attempts.count ?? s.defaultAttempts,
    setting: true,
  },
  {
    key: 'attempts.agents',
    about: 'Agents of a round, in turn',
    value: (w, s) => w.attempts.agents ?? s.defaultAgents,
    setting: true,
  },
  { key: 'attempts.budget', about: 'What a round may cost', value: (w) => w.attempts.budget },
  { key: 'verify', about: 'Commands that every attempt must pass', value: (w) => w.checks },
  {
    key: 'review.reviewers',
    about: 'Personas that read each diff',
    value: (w) => w.review.reviewers ?? 'correctness, simplicity',
  },
  {
    key: 'review.exchanges',
    about: 'How often findings go back to the author',
    value: (w) => w.review.exchanges,
  },
  { key: 'review.timeout_ms', about: 'Time of one reviewer', value: (w) => w.review.timeoutMs },
  { key: 'review.screenshots', about: 'Where pictures are found', value: (w) => w.review.screenshots },
  {
    key: 'land.method',
    about: 'How a change lands',
    value: (w, s) => w.land.method ?? s.landMethod,
    setting: true,
  },
  { key: 'land.allow_fixes', about: 'The agent may mend red checks', value: (w) => w.land.allowFixes },
  { key: 'land.budget', about: 'Fix rounds of one landing', value: (w) => w.land.budget },
  { key: 'land.push', about: 'Push what landed', value: (w) => w.land.push },
  { key: 'land.remote', about: 'Where it is pushed to', value: (w) => w.land.remote },
  { key: 'files.copy', about: 'Ignored files copied into each worktree', value: (w) => w.files.copy },
  { key: 'files.link', about: 'Folders linked into each worktree', value: (w) => w.files.link },
  { key: 'hooks.after_create', about: 'Once in a new worktree', value: (w) => w.hooks.after_create },
  { key: 'hooks.before_run', about: 'Before each run of an agent', value: (w) => w.hooks.before_run },
  { key: 'hooks.after_run', about: 'After each run of an agent', value: (w) => w.hooks.after_run },
  {
    key: 'hooks.before_remove',
    about: 'Before a worktree is removed',
    value: (w) => w.hooks.before_remove,
  },
  { key: 'hooks.timeout_ms', about: 'Time of each hook', value: (w) => w.hooks.timeoutMs },
  { key: 'workspace.root', about: 'Where worktrees lie', value: (w) => w.workspaceRoot },
  {
    key: 'agent.max_concurrent_agents',
    about: 'Agents that run at once in this repository',
    value: (w, s) => w.agent.maxConcurrent ?? s.slots,
    setting: true,
  },
  {
    key: 'agent.max_concurrent_agents_by_state',
    about: 'The same per state of the tracker',
    value: (w) => w.agent.maxConcurrentByState,
  },
  { key: 'agent.max_turns', about: 'Turns within one run', value: (w) => w.agent.maxTurns },
  {
    key: 'agent.max_retry_backoff_ms',
    about: 'Longest wait before a retry',
    value: (w) => w.agent.maxRetryBackoffMs,
  },
  { key: 'codex.command', about: 'Program of the Codex agent', value: (w) => w.codex.command },
  { key: 'codex.approval_policy', about: 'Passed on to Codex', value: (w) => w.codex.approvalPolicy },
  { key: 'codex.thread_sandbox', about: 'Passed on to Codex', value: (w) => w.codex.threadSandbox },
  {
    key: 'codex.turn_sandbox_policy',
    about: 'Passed on to Codex',
    value: (w) => w.codex.turnSandboxPolicy,
  },
  { key: 'codex.turn_timeout_ms', about: 'Time of one turn', value: (w) => w.codex.turnTimeoutMs },
  { key: 'codex.read_timeout_ms', about: 'Time of one answer', value: (w) => w.codex.readTimeoutMs },
  {
    key: 'codex.stall_timeout_ms',
    about: 'Silence that makes an attempt stalled',
    value: (w, s) => w.codex.stallTimeoutMs ?? s.stallMinutes * 60_000,
    setting: true,
  },
  { key: 'tracker.kind', about: 'Where tasks come from', value: (w) => w.tracker.kind },
  { key: 'tracker.provider', about: 'Settings of the tracker', value: (w) => w.tracker.provider },
  {
    key: 'tracker.required_labels',
    about: 'Labels that an item must have',
    value: (w) => w.tracker.requiredLabels,
  },
  { key: 'tracker.active_states', about: 'States that are worked on', value: (w) => w.tracker.activeStates },
  { key: 'tracker.terminal_states', about: 'States that are done', value: (w) => w.tracker.terminalStates },
  { key: 'polling.interval_ms', about: 'How often the tracker is asked', value: (w) => w.pollingMs },
]

/**
 * Every setting of a repository as it is in force, with its source and, for those of the file, their line. `text` is the
 * content that `workflow` was parsed from; null without a file. References to the environment are shown as they are
 * written: their values may be secrets.
 */
export function effectiveSettings(
  workflow: Workflow,
  text: string | null,
  settings: Settings,
  file: string,
): EffectiveSetting[] {
  const source: WorkflowSource | null = text === null ? null : readSource(file, text)
  return ENTRIES.map((entry) => {
    const path = entry.key.split('.')
    const own = source?.has(path) ?? false
    return {
      key: entry.key,
      about: entry.about,
      value: entry.value(workflow, settings) ?? null,
      source: own ? 'workflow' : entry.setting ? 'settings' : 'default',
      line: own ? (source?.lineOf(path) ?? null) : null,
    }
  })
}
