import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../../../shared/domain/failure.ts'
import { allowed, launchEnvironment } from '../allowlist.ts'
import type { AgentDriver, AgentEvent, Environment } from '../driver.ts'
import { pasteAndEnter } from '../follow-up.ts'
import { readJsonAnswer } from '../headless-answer.ts'
import { brief, commonEvents, parseHookPayload } from '../hook-payload.ts'
import { nodeCommand } from '../programs.ts'

/** What the shipped program can play; its own table (`resources/rehearsal/scenarios.mjs`) is tested against this one. */
export const SCENARIOS = [
  { name: 'good', about: 'A correct small change with a test, committed' },
  { name: 'good-alt', about: 'Another correct way to the same end' },
  { name: 'red', about: 'A change that fails the checks' },
  { name: 'flawed', about: 'Passes the checks, and holds what a reviewer must not let through' },
  { name: 'question', about: 'Asks a question, waits for the answer and goes on with it' },
  { name: 'hang', about: 'Starts to work and is never heard of again' },
  { name: 'crash', about: 'Exits with an error in the middle of the work' },
  { name: 'flood', about: 'Prints 100,000 lines, then a correct change' },
  { name: 'uncommitted', about: 'A correct change that is left uncommitted' },
  { name: 'slow', about: 'A correct change at a pace that can be watched' },
  { name: 'conflict', about: 'Changes a line that every task with this scenario changes' },
  { name: 'ignore-term', about: 'Works on and ignores hang-up and terminate signals' },
  { name: 'empty', about: 'Finds nothing to change and says so' },
  { name: 'chat', about: 'A correct change, then stays open for more messages' },
] as const

/** Scenario of slot n when the slot names none: a round of four shows four different outcomes. */
const DEFAULT_MIX = ['good', 'red', 'question', 'good-alt', 'crash', 'flood', 'uncommitted', 'hang'] as const

/** Scenarios of the headless mode: what a reviewer or an analyst may do. */
const HEADLESS_SCENARIOS = new Set([
  ...['review', 'correctness', 'simplicity'],
  ...['clean', 'p0', 'garbage', 'crash', 'hang'],
])

export interface RehearsalOptions {
  nodePath: string
  resourcesDir: string
  /** The Node is Electron's. */
  electron: boolean
  /** Factor for all waits; null for the program's own. */
  pace: string | null
}

/** The scripted agent that is shipped with the app: the whole loop without an account. */
export function rehearsalDriver(options: RehearsalOptions): AgentDriver {
  const script = join(options.resourcesDir, 'rehearsal', 'rehearsal.mjs')
  const [file = options.nodePath, ...first] = nodeCommand(options.nodePath, script, options.electron)
  const own: Environment = options.pace === null ? {} : { QUARTET_REHEARSAL_PACE: options.pace }
  const stateDir = (runDir: string) => join(runDir, 'rehearsal')

  return {
    name: 'rehearsal',
    label: 'Rehearsal',
    needsCommand: false,
    endsBy: 'exit',
    scenarios: () => SCENARIOS,
    followUp: pasteAndEnter,
    answer: (_question, text) => pasteAndEnter(text),
    readScreen: () => [],
    usage: null,

    async detect(_env) {
      const found = await access(script).then(
        () => true,
        () => false,
      )
      return {
        name: 'rehearsal',
        label: 'Rehearsal',
        installed: found,
        path: found ? script : null,
        version: null,
        problem: found ? null : 'Its program is missing from this installation.',
        scenarios: [...SCENARIOS],
        needsCommand: false,
      }
    },

    async plan(context) {
      const scenario = context.slot.scenario ?? DEFAULT_MIX[(context.n - 1) % DEFAULT_MIX.length]!
      if (!SCENARIOS.some((known) => known.name === scenario))
        throw new Failure('invalid_input', `The rehearsal knows no scenario “${scenario}”.`, {
          known: SCENARIOS.map((known) => known.name),
        })
      const sessionRef = context.resume?.sessionRef ?? `rehearsal-${context.attemptId}`
      await mkdir(stateDir(context.runDir), { recursive: true, mode: 0o700 })
      const messageFile = join(stateDir(context.runDir), 'message.txt')
      if (context.resume) await writeFile(messageFile, context.resume.message ?? '', { mode: 0o600 })
      return {
        file,
        args: [
          ...first,
          ...['--scenario', scenario, '--seed', String(context.n), '--prompt-file', context.promptFile],
          ...['--session', sessionRef, '--state-dir', stateDir(context.runDir)],
          ...(context.resume ? ['--resume', '--message-file', messageFile] : []),
        ],
        env: {
          ...launchEnvironment(context, []),
          ...own,
          QUARTET_HOOK_COMMAND: JSON.stringify([...context.hook.command, 'rehearsal']),
        },
        sessionRef,
        promptDelivery: 'file',
      }
    },

    async canResume(context) {
      if (!context.resume) return false
      return access(join(stateDir(context.runDir), `${context.resume.sessionRef}.json`)).then(
        () => true,
        () => false,
      )
    },

    interpret(raw, at): AgentEvent[] {
      const payload = parseHookPayload(raw)
      if (!payload) return []
      switch (payload.hook_event_name) {
        case 'Notification':
          return [
            {
              kind: 'question',
              at,
              text: brief(payload.message) ?? 'A question',
              about: 'question',
              options: [],
            },
          ]
        case 'StopFailure':
          return [{ kind: 'failed', at, text: brief(payload.error_details) ?? 'It failed.' }]
        default:
          return commonEvents(payload, at) ?? []
      }
    },

    async headless(request) {
      const schemaFile = join(request.runDir, 'schema.json')
      await writeFile(schemaFile, JSON.stringify(request.schema), { mode: 0o600 })
      const scenario =
        request.scenario !== null && HEADLESS_SCENARIOS.has(request.scenario) ? request.scenario : 'review'
      return {
        file,
        args: [...first, '--headless', '--schema', schemaFile, '--scenario', scenario],
        env: { ...allowed(request.env, []), ...own },
        input: request.prompt,
        read: async (run) => ({ value: readJsonAnswer('Rehearsal', run), usage: null }),
      }
    },
  }
}
