// Plain Node 20 without dependencies: everything in this folder runs before `npm ci`.
import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout (or the installed package) that these scripts belong to, whatever the current folder is. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** What cannot go on, as one sentence for the person at the keyboard; printed without a stack. */
export class Stop extends Error {}

/** The environment with our own programs (Node 24 among them) first on PATH. */
export function ownEnv(extra = {}) {
  const env = { ...process.env, ...extra }
  const key = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH'
  env[key] = [join(ROOT, 'node_modules', '.bin'), env[key]].filter(Boolean).join(delimiter)
  return env
}

/**
 * Runs a program and waits for its end.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, show?: boolean, onText?: (text: string) => void }} [options]
 *   `show` passes its output on as it comes; otherwise it is only kept.
 * @returns {Promise<{ code: number, output: string, timedOut: boolean }>} code 127 when it could not be started
 */
export function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? ROOT,
      env: options.env ?? process.env,
      // Nothing here may ever wait for an answer: CI has no keyboard.
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: false,
      detached: options.timeoutMs !== undefined && process.platform !== 'win32',
    })
    const chunks = []
    let timedOut = false
    const kill = (signal) => {
      try {
        if (process.platform === 'win32' || options.timeoutMs === undefined) child.kill(signal)
        else process.kill(-child.pid, signal)
      } catch {
        // It has just ended by itself.
      }
    }
    const timer =
      options.timeoutMs &&
      setTimeout(() => {
        timedOut = true
        kill('SIGKILL')
      }, options.timeoutMs)
    // A group of its own does not hear the terminal's Ctrl-C.
    const interrupted = () => {
      kill('SIGTERM')
      process.exit(130)
    }
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupted)
    const done = () => {
      clearTimeout(timer)
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupted)
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text) => {
        chunks.push(text)
        options.onText?.(text)
        if (options.show) process.stdout.write(text)
      })
    }
    child.on('error', (error) => {
      done()
      resolve({ code: 127, output: error.message, timedOut })
    })
    child.on('close', (code) => {
      done()
      resolve({ code: code ?? 1, output: chunks.join(''), timedOut })
    })
  })
}

/** “3.2 s” or “1 min 05 s”. */
export function duration(ms) {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
}

/** The last lines of a program's output: enough to see why it failed. */
export function tail(text, lines = 40) {
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

/** Prints a `Stop` as its sentence, anything else with its stack, and ends with 1 (2 for a wrong option). */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0
  } catch (error) {
    if (error?.code?.startsWith?.('ERR_PARSE_ARGS')) {
      console.error(error.message)
      process.exitCode = 2
      return
    }
    console.error(error instanceof Stop ? error.message : error)
    process.exitCode = 1
  }
}
