import { basename } from 'node:path'
import { Failure } from '../../../../shared/domain/failure.ts'
import type { CustomAgent } from '../../../../shared/domain/settings.ts'
import { launchEnvironment, PROVIDER_KEYS } from '../allowlist.ts'
import type { AgentDriver, Environment, LaunchContext, LaunchPlan } from '../driver.ts'
import { lineAndEnter } from '../follow-up.ts'
import { findProgram } from '../programs.ts'

/** Stands in a command line for the path of the brief. */
export const PROMPT_FILE_MARK = '{prompt_file}'

/** A POSIX shell that takes `-c`: the engineer's own when it is one, so that aliases' homes and syntax are familiar. */
async function shellProgram(env: Environment): Promise<string> {
  const own = env.SHELL
  const posix =
    own !== undefined && /^(ba|z|da|k)?sh$/.test(basename(own)) ? await findProgram(own, env) : null
  const found = posix ?? (await findProgram('bash', env)) ?? (await findProgram('sh', env))
  if (!found) throw new Failure('agent_missing', 'No shell was found to run the command line with.')
  return found
}

/** A shell's `-c` at the end of a text: what is quoted next is a command line of its own. */
const NESTED_SHELL = /(^|[\s/])(ba|z|da|k)?sh(\s+-[A-Za-z-]+)*\s+-[A-Za-z]*c\s*$/

/** What a mark becomes, by where it stands; the path is never part of the command's text, the variable is exported. */
const REFERENCES = {
  bare: '"$QUARTET_PROMPT_FILE"',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell that replaces this one.
  double: '${QUARTET_PROMPT_FILE}',
  single: `'"$QUARTET_PROMPT_FILE"'`,
  nestedDouble: '\\"\\$QUARTET_PROMPT_FILE\\"',
  nestedSingle: '"$QUARTET_PROMPT_FILE"',
}

/**
 * The command line for `-c`: every `{prompt_file}` becomes a quoted reference to a variable, so that no character of a
 * path (macOS keeps our data below “Application Support”) can end a word or start a command, also inside quotes.
 */
export function commandLine(command: string): string {
  let out = ''
  let quoteMark: '"' | "'" | null = null
  let nested = false
  for (let at = 0; at < command.length; ) {
    if (command.startsWith(PROMPT_FILE_MARK, at)) {
      const place = quoteMark === null ? 'bare' : quoteMark === '"' ? 'double' : 'single'
      out +=
        REFERENCES[place === 'bare' || !nested ? place : place === 'double' ? 'nestedDouble' : 'nestedSingle']
      at += PROMPT_FILE_MARK.length
      continue
    }
    const char = command[at]!
    if (char === '\\' && quoteMark !== "'") {
      out += command.slice(at, at + 2)
      at += 2
      continue
    }
    if (quoteMark === null && (char === '"' || char === "'")) {
      quoteMark = char
      nested = NESTED_SHELL.test(command.slice(0, at))
    } else if (char === quoteMark) quoteMark = null
    out += char
    at++
  }
  return out
}

async function plan(context: LaunchContext, command: string | null): Promise<LaunchPlan> {
  if (command === null || command.trim() === '')
    throw new Failure('invalid_input', 'This agent needs a command line, such as `my-agent {prompt_file}`.')
  const file = await shellProgram(context.env)
  return {
    file,
    args: ['-c', commandLine(command)],
    env: launchEnvironment(context, PROVIDER_KEYS),
    sessionRef: null,
    promptDelivery: 'file',
  }
}

const common = {
  endsBy: 'exit',
  scenarios: () => [],
  canResume: async () => false,
  interpret: () => [],
  readScreen: () => [],
  followUp: lineAndEnter,
  answer: (_question, text) => lineAndEnter(text),
  headless: null,
  usage: null,
} as const satisfies Partial<AgentDriver>

/** Any command line; the brief is in the file that `{prompt_file}` and QUARTET_PROMPT_FILE name. It is done when it exits. */
export const shellDriver: AgentDriver = {
  ...common,
  name: 'shell',
  label: 'Shell command',
  needsCommand: true,
  plan: (context) => plan(context, context.slot.command),
  async detect(env) {
    const path = await shellProgram(env).catch(() => null)
    return {
      name: 'shell',
      label: 'Shell command',
      installed: path !== null,
      path,
      version: null,
      problem: path === null ? 'No shell was found.' : null,
      scenarios: [],
      needsCommand: true,
    }
  },
}

/** The first word of a command line, for looking whether it is there; assignments before it are skipped. */
function programOf(command: string): string | null {
  const words = command.trim().split(/\s+/)
  return words.find((word) => !/^[A-Za-z_][A-Za-z0-9_]*=/.test(word))?.replace(/^["']|["']$/g, '') ?? null
}

/** An agent from the settings: a command line with a name. */
export function customDriver(agent: CustomAgent): AgentDriver {
  return {
    ...common,
    name: agent.name,
    label: agent.name,
    needsCommand: false,
    plan: (context) => plan(context, agent.command),
    async detect(env) {
      const program = programOf(agent.command)
      const plain = program !== null && /^[A-Za-z0-9_./+-]+$/.test(program)
      const path = plain ? await findProgram(program, env) : null
      // A builtin, an alias or a construct of the shell cannot be looked up: only a plain name that is nowhere is a problem.
      const missing = plain && path === null
      return {
        name: agent.name,
        label: agent.name,
        installed: !missing,
        path,
        version: null,
        problem: missing ? `“${program}” was not found on the PATH of your login shell.` : null,
        scenarios: [],
        needsCommand: false,
      }
    },
  }
}
