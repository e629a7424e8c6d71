import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exec } from '../lib/measure.ts'
import type { Context } from '../lib/types.ts'

export const COLS = 120
export const ROWS = 40

const hex = (text: string): string => Buffer.from(text).toString('hex')

/** One step of what the C program does with a terminal; see `pty.c`. */
export type Step =
  | { do: 'wait'; text: string; ms: number }
  | { do: 'quiet'; ms: number }
  | { do: 'type'; text: string }
  | { do: 'time'; text: string; ms: number }
  | { do: 'echo'; count: number; everyMs: number }

function line(step: Step): string {
  switch (step.do) {
    case 'wait':
      return `wait ${hex(step.text)} ${step.ms}`
    case 'quiet':
      return `quiet ${step.ms}`
    case 'type':
      return `type ${hex(step.text)}`
    case 'time':
      return `time ${hex(step.text)} ${step.ms}`
    case 'echo':
      return `echo ${step.count} ${Math.round(step.everyMs * 1_000)}`
  }
}

let scripts = 0

/** Drives a program on the C loop's terminal; gives the figures of its `time` and `echo` steps in ms (-1: never came). */
export async function drive(
  context: Context,
  steps: readonly Step[],
  command: readonly string[],
): Promise<number[]> {
  if (!context.tools.pty) throw new Error('There is no C compiler.')
  const script = join(context.dir, `script-${++scripts}`)
  await writeFile(script, `${steps.map(line).join('\n')}\n`)
  const output = await exec(
    context.tools.pty,
    ['run', String(COLS), String(ROWS), script, '--', ...command],
    {
      cwd: context.dir,
      env: { PATH: process.env.PATH, HOME: context.dir, TERM: 'xterm-256color', LANG: 'C.UTF-8' },
    },
  )
  return output
    .split('\n')
    .flatMap((text) => /^(?:time|echo) (-?\d+)/.exec(text)?.slice(1) ?? [])
    .map((micros) => (micros === '-1' ? -1 : Number(micros) / 1_000))
}

/** A tmux server of its own: no configuration, no status line, no delay after ESC. */
export class Tmux {
  readonly #context: Context
  readonly #socket: string

  private constructor(context: Context, socket: string) {
    this.#context = context
    this.#socket = socket
  }

  /** Starts a server whose window 0 runs `command` through a shell. */
  static async start(context: Context, name: string, command: string): Promise<Tmux> {
    const tmux = new Tmux(context, join(context.dir, `${name}.sock`))
    const config = join(context.dir, 'tmux.conf')
    await writeFile(
      config,
      'set -g status off\nset -sg escape-time 0\nset -g default-shell /bin/sh\nset -g remain-on-exit on\n',
    )
    await tmux.#run(
      '-f',
      config,
      'new-session',
      '-d',
      '-s',
      'bench',
      '-x',
      String(COLS),
      '-y',
      String(ROWS),
      command,
    )
    context.defer(() => tmux.end())
    return tmux
  }

  async window(command: string): Promise<void> {
    await this.#run('new-window', '-d', command)
  }

  /** What the C program starts to look at window 0. */
  get attach(): string[] {
    return ['tmux', '-u', '-S', this.#socket, 'attach', '-t', 'bench:0']
  }

  async end(): Promise<void> {
    await this.#run('kill-server').catch(() => {})
  }

  async #run(...args: string[]): Promise<void> {
    await exec('tmux', ['-u', '-S', this.#socket, ...args], {
      cwd: this.#context.dir,
      env: { PATH: process.env.PATH, HOME: this.#context.dir, TERM: 'xterm-256color', LANG: 'C.UTF-8' },
    })
  }
}
