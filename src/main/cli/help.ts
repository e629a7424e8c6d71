import type { Command } from './command.ts'

const GLOBALS = `--data-dir D   where Quartet keeps its data (default: QUARTET_DATA_DIR, else the platform's place)
--json         machine-readable output; errors as {"error":{"code","message"}} with exit code 1
--help         help for one command: quartet COMMAND --help`

const COLUMN = 14

/** The first page: every command with one line. */
export function overview(groups: readonly { title: string; commands: readonly Command[] }[]): string {
  const parts = groups.map(
    ({ title, commands }) =>
      `${title}\n${commands.map((command) => `  ${command.name.padEnd(COLUMN)}${command.about}`).join('\n')}`,
  )
  return `quartet COMMAND [options]

${parts.join('\n\n')}

Everywhere
${indent(GLOBALS)}

Without a running Quartet a command starts one, which stays while it has work.`
}

/** Help for one command. */
export function commandHelp(command: Command): string {
  const details = command.details ? `\n\n${indent(command.details)}` : ''
  return (
    `quartet ${command.name} ${command.synopsis}`.trimEnd() +
    `\n\n${sentence(command.about)}${details}\n\n${indent(GLOBALS)}`
  )
}

const indent = (text: string) =>
  text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
