import { allowed, launchEnvironment, PROVIDER_KEYS } from '../allowlist.ts'
import type { AgentDriver, AgentEvent } from '../driver.ts'
import { pasteAndEnter } from '../follow-up.ts'
import { readLimit } from '../limits.ts'
import { agentInfo, requireProgram } from '../programs.ts'
import { promptArgument } from '../prompt-transport.ts'
import { findSign, type ScreenSign } from '../screen.ts'

interface PlainCli {
  name: string
  label: string
  program: string
  /** Argv of an interactive start with a first prompt. */
  start(prompt: string, model: string | null): string[]
  /** Argv that continues the last conversation of this folder (one attempt, one folder); null when it cannot. */
  resume: ((message: string | null, model: string | null) => string[]) | null
}

const SIGNS: readonly ScreenSign[] = [
  { shape: /Do you trust (this folder|the files)|Trust folder/i, about: 'trust', options: [] },
  { shape: /How would you like to authenticate|Waiting for auth|log ?in/i, about: 'auth', options: [] },
]

/** Limits and dialogs that any of them may show; their hooks, where they have some, are not used yet. */
function readScreen(screen: string, at: number): AgentEvent[] {
  const limit = readLimit(screen, at)
  return limit ? [{ kind: 'limit', at, ...limit }] : findSign(screen, SIGNS, at)
}

/** An agent that is started with a prompt and watched from outside: what it does is told by its output and its exit alone. */
function plainDriver(cli: PlainCli): AgentDriver {
  return {
    name: cli.name,
    label: cli.label,
    needsCommand: false,
    endsBy: 'signal',
    scenarios: () => [],
    detect: (env, signal) => agentInfo({ ...cli, env: allowed(env, PROVIDER_KEYS), signal }),
    interpret: () => [],
    readScreen,
    followUp: pasteAndEnter,
    answer: (_question, text) => pasteAndEnter(text),
    headless: null,
    usage: null,
    async plan(context) {
      const file = await requireProgram(cli.program, cli.label, context.env)
      const prompt = promptArgument(context.prompt, context.promptFile)
      const args =
        context.resume && cli.resume
          ? cli.resume(context.resume.message, context.slot.model)
          : cli.start(prompt.text, context.slot.model)
      return {
        file,
        args,
        env: launchEnvironment(context, PROVIDER_KEYS),
        sessionRef: context.resume && cli.resume ? context.resume.sessionRef : null,
        promptDelivery: prompt.delivery,
      }
    },
    // Whether the last conversation of the folder is still there only the program itself knows.
    canResume: async () => false,
  }
}

const model = (name: string | null): string[] => (name ? ['--model', name] : [])

export const geminiDriver = plainDriver({
  name: 'gemini',
  label: 'Gemini CLI',
  program: 'gemini',
  start: (prompt, name) => [...model(name), '--prompt-interactive', prompt],
  resume: null,
})
