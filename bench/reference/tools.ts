import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

const HERE = import.meta.dirname
export const BUILD = resolve(HERE, '..', '.build')

const exists = (file: string, ...args: string[]): string | null => {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return null
  }
}

/** Compiles a reference program when it is older than its source; null without a C compiler. */
function compile(name: string, ...libraries: string[]): string | null {
  const source = join(HERE, `${name}.c`)
  const program = join(BUILD, name)
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program
  const compiler = ['cc', 'gcc', 'clang'].find((one) => exists(one, '--version') !== null)
  if (!compiler) return null
  mkdirSync(BUILD, { recursive: true })
  execFileSync(compiler, ['-O2', '-o', program, source, ...libraries], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return program
}

export function findReferences(): {
  pty: string | null
  load: string | null
  tmux: string | null
  chromium: string | null
} {
  const linux = process.platform === 'linux'
  const chromium = [
    process.env.QUARTET_CHROMIUM,
    '/usr/bin/chromium',
    '/usr/bin/google-chrome',
    '/usr/bin/chromium-browser',
  ]
  return {
    pty: linux ? compile('pty', '-lutil') : null,
    load: linux ? compile('load') : null,
    tmux: exists('tmux', '-V') === null ? null : 'tmux',
    chromium: chromium.find((path): path is string => path !== undefined && existsSync(path)) ?? null,
  }
}
