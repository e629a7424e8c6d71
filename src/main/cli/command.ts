import type { ParseArgsOptionsConfig } from 'node:util'
import { parseArgs } from 'node:util'
import type { CoreClient } from '../../shared/contract/client.ts'
import type { Connection } from './connect.ts'
import type { Paint } from './format.ts'
import { type Io, UsageError } from './io.ts'

/** What a command is run with. */
export interface Context {
  io: Io
  json: boolean
  paint: Paint
  dataDir: string
  /** Script of the web host, and the Node that runs it. */
  webEntry: string
  node: string
  /** The core of the data directory; connects (and starts one) at the first call. */
  core(): Promise<CoreClient>
  /** The connection behind `core()`, for commands that wait long and must notice its end. */
  connection(): Promise<Connection>
  /** Gives up the present connection, so that the next `core()` makes a new one. */
  reconnect(): void
  /** One line for the person beside the result: on standard error, never part of the result. */
  note(text: string): void
  /** The result: `value` with --json, else `text` (nothing when empty). */
  result(value: unknown, text: string): void
}

export interface Values {
  readonly [name: string]: string | boolean | (string | boolean)[] | undefined
}

export interface Command {
  /** Words that call it: `repo add`. */
  name: string
  /** What follows the name in its synopsis. */
  synopsis: string
  /** One line for the list. */
  about: string
  /** What else its own help says. */
  details?: string
  options: ParseArgsOptionsConfig
  /** How many positional words it takes. */
  positionals: { min: number; max: number }
  /** Gives the exit code. */
  run(context: Context, positionals: readonly string[], values: Values): Promise<number>
}

/** Options that every command takes. */
export const GLOBAL_OPTIONS = {
  'data-dir': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig

/** Parses what follows a command's name. Throws `UsageError` with what is wrong. */
export function parseCommand(
  command: Command,
  args: readonly string[],
): { values: Values; positionals: string[] } {
  const parsed = (() => {
    try {
      return parseArgs({
        args: [...args],
        options: { ...command.options, ...GLOBAL_OPTIONS },
        allowPositionals: true,
        strict: true,
      })
    } catch (error) {
      throw new UsageError(error instanceof Error ? firstSentence(error.message) : String(error))
    }
  })()
  const count = parsed.positionals.length
  if (!parsed.values.help) {
    if (count < command.positionals.min)
      throw new UsageError(`Something is missing: quartet ${command.name} ${command.synopsis}`)
    if (count > command.positionals.max)
      throw new UsageError(`Too much: “${parsed.positionals[command.positionals.max]}”.`)
  }
  return { values: parsed.values, positionals: parsed.positionals }
}

/** parseArgs goes on with advice about `--` that is no help here. */
const firstSentence = (message: string) => message.split(/\. (?:To specify|Did you)/)[0] ?? message

/** The one value of a string option. */
export function text(values: Values, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** A whole number within limits. Throws `UsageError` naming the option. */
export function number(
  values: Values,
  name: string,
  limits: { min: number; max: number },
): number | undefined {
  const value = text(values, name)
  if (value === undefined) return undefined
  const parsed = /^-?\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(parsed >= limits.min && parsed <= limits.max))
    throw new UsageError(
      `--${name} takes a whole number from ${limits.min} to ${limits.max}, not “${value}”.`,
    )
  return parsed
}

/** The values of an option that may be repeated or separated by commas. */
export function list(values: Values, name: string): string[] {
  const value = values[name]
  const all = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return all
    .filter((item) => typeof item === 'string')
    .flatMap((item) => item.split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
