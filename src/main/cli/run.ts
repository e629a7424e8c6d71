import { resolve } from 'node:path'
import type { CoreClient } from '../../shared/contract/client.ts'
import { toFailure } from '../../shared/contract/client.ts'
import { Failure, messageOf } from '../../shared/domain/failure.ts'
import { defaultDataDir } from '../kernel/paths.ts'
import { type Command, type Context, GLOBAL_OPTIONS, parseCommand, text } from './command.ts'
import { type Connection, connect } from './connect.ts'
import { answer, land, restore, rework, stop, undo, verdict } from './decide.ts'
import { doctor } from './doctor.ts'
import { fire } from './fire.ts'
import { painter } from './format.ts'
import { commandHelp, overview } from './help.ts'
import { type Io, UsageError } from './io.ts'
import { log } from './log.ts'
import { facts, list, search, show } from './look.ts'
import { repoAdd, repoList, repoRemove, repoTrust } from './repo.ts'
import { serve } from './serve.ts'

const GROUPS: readonly { title: string; commands: readonly Command[] }[] = [
  { title: 'Work', commands: [fire, rework, land, stop, answer] },
  { title: 'Decide', commands: [verdict, undo, restore] },
  { title: 'Look', commands: [list, show, log, facts, search] },
  { title: 'Repositories', commands: [repoAdd, repoList, repoTrust, repoRemove] },
  { title: 'Quartet itself', commands: [serve, doctor] },
]

export const COMMANDS: readonly Command[] = GROUPS.flatMap((group) => group.commands)

export interface Installation {
  /** Script of the web host. */
  webEntry: string
  /** The Node that runs it. */
  node: string
  version(): string
}

/** Splits the words of a call into the command and its arguments; options may stand before it. */
function findCommand(argv: readonly string[]): { command: Command; args: string[] } | null {
  const takesValue = (word: string) => {
    const option = GLOBAL_OPTIONS[word.slice(2) as keyof typeof GLOBAL_OPTIONS]
    return option?.type === 'string'
  }
  const words: number[] = []
  for (let i = 0; i < argv.length && words.length < 2; i++) {
    const word = argv[i] ?? ''
    if (word.startsWith('-')) {
      // The value of an option is no command.
      if (takesValue(word)) i++
      if (words.length > 0) break
    } else words.push(i)
  }
  for (const count of [2, 1]) {
    const used = words.slice(0, count)
    const name = used.map((i) => argv[i]).join(' ')
    const command = used.length === count && COMMANDS.find((known) => known.name === name)
    if (command) return { command, args: argv.filter((_word, i) => !used.includes(i)) }
  }
  return null
}

/** What is told to a program: code and sentence of any error. */
function describe(error: unknown): { code: string; message: string } {
  const failure = toFailure(error)
  if (failure instanceof Failure) return { code: failure.code, message: failure.message }
  if (failure instanceof UsageError) return { code: 'usage', message: failure.message }
  return { code: 'internal', message: messageOf(failure) }
}

/** Runs one call of the CLI; gives its exit code: 0, 1 for a failure, 2 for a wrong call. */
export async function run(argv: readonly string[], io: Io, installation: Installation): Promise<number> {
  const wantsJson = argv.includes('--json')
  let connection: Promise<Connection> | null = null
  let called: string | null = null
  const fail = (error: unknown): number => {
    const { code, message } = describe(error)
    if (wantsJson) io.out(`${JSON.stringify({ error: { code, message } })}\n`)
    else io.err(`quartet: ${message}\n`)
    // What shells say of a program that Ctrl-C ended.
    if (io.signal.aborted) return 130
    if (!(error instanceof UsageError)) return 1
    if (!wantsJson) io.err(`See: quartet ${called === null ? '' : `${called} `}--help\n`)
    return 2
  }
  try {
    if (argv.includes('--version')) {
      io.out(`${installation.version()}\n`)
      return 0
    }
    const found = findCommand(argv)
    if (!found) {
      const word = argv.find((arg) => !arg.startsWith('-'))
      if (word === undefined && (argv.length === 0 || argv.includes('--help') || argv.includes('-h'))) {
        io.out(`${overview(GROUPS)}\n`)
        return argv.length === 0 ? 2 : 0
      }
      throw new UsageError(word === undefined ? 'Which command?' : unknownCommand(word))
    }
    const { command, args } = found
    called = command.name
    const { values, positionals } = parseCommand(command, args)
    if (values.help === true) {
      io.out(`${commandHelp(command)}\n`)
      return 0
    }
    const json = values.json === true
    const dir = text(values, 'data-dir')
    const dataDir = dir === undefined ? defaultDataDir({ ...io.env }) : resolve(io.cwd, dir)
    const note = (line: string) => io.err(`${line}\n`)
    const open = () => {
      connection ??= connect({
        dataDir,
        webEntry: installation.webEntry,
        node: installation.node,
        env: io.env,
        onStart: () => {
          if (io.tty && !json) note('Starting Quartet …')
        },
      })
      return connection
    }
    const context: Context = {
      io,
      json,
      paint: painter(io.tty && !json && !io.env.NO_COLOR),
      dataDir,
      webEntry: installation.webEntry,
      node: installation.node,
      connection: open,
      core: async (): Promise<CoreClient> => (await open()).client,
      reconnect: () => {
        connection?.then(
          (old) => old.close(),
          () => {},
        )
        connection = null
      },
      note,
      result: (value, human) => {
        if (json) io.out(`${JSON.stringify(value)}\n`)
        else if (human !== '') io.out(`${human}\n`)
      },
    }
    return await command.run(context, positionals, values)
  } catch (error) {
    return fail(error)
  } finally {
    const last = connection as Promise<Connection> | null
    last?.then(
      (open) => open.close(),
      () => {},
    )
  }
}

function unknownCommand(word: string): string {
  const inside = COMMANDS.filter((command) => command.name.startsWith(`${word} `)).map(
    (command) => command.name,
  )
  return inside.length > 0 ? `There are: ${inside.join(', ')}.` : `There is no command “${word}”.`
}
