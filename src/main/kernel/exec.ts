import { spawn } from 'node:child_process'
import { Failure } from '../../shared/domain/failure.ts'

export interface ExecOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** Ends the child's whole process group after this many ms. */
  timeoutMs: number
  signal?: AbortSignal
  /** Text for the child's standard input; none closes it at once. */
  input?: string | Buffer
  /** Output kept per stream; the rest is read and thrown away, and `truncated` is set. */
  maxBytes?: number
  /** Sees every chunk as it comes, before it is kept or thrown away. */
  onOutput?: (chunk: Buffer, stream: 'stdout' | 'stderr') => void
}

export interface ExecResult {
  /** Exit code; null when a signal ended the child. */
  code: number | null
  signal: NodeJS.Signals | null
  stdout: Buffer
  stderr: Buffer
  truncated: boolean
  durationMs: number
  timedOut: boolean
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024
/** From SIGTERM to SIGKILL for a group that must end. */
const KILL_GRACE_MS = 2_000

/**
 * Runs a program (argv, never a shell line) in a process group of its own and waits for its end; a time-out or an abort
 * ends the whole group. Gives the result whatever the exit code was. Throws `agent_missing` when the program is not
 * found, `cancelled` on abort.
 */
export function exec(program: string, args: readonly string[], options: ExecOptions): Promise<ExecResult> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) return reject(new Failure('cancelled', `${program} was cancelled.`))
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      // Not a pipe that is closed at once: Node's pipes are sockets, and a bash whose input is a socket takes itself for one
      // that was started over the network and reads the user's ~/.bashrc first.
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    const max = options.maxBytes ?? DEFAULT_MAX_BYTES
    const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
    const sizes = { stdout: 0, stderr: 0 }
    let truncated = false
    let timedOut = false
    let hard: NodeJS.Timeout | undefined

    const signalGroup = (name: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined && process.platform !== 'win32') process.kill(-child.pid, name)
        else child.kill(name)
      } catch {
        // ESRCH: it has just ended by itself.
      }
    }
    const end = () => {
      signalGroup('SIGTERM')
      hard ??= setTimeout(() => signalGroup('SIGKILL'), KILL_GRACE_MS)
    }
    const deadline = setTimeout(() => {
      timedOut = true
      end()
    }, options.timeoutMs)
    options.signal?.addEventListener('abort', end, { once: true })
    const stop = () => {
      clearTimeout(deadline)
      clearTimeout(hard)
      options.signal?.removeEventListener('abort', end)
    }

    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.on('data', (chunk: Buffer) => {
        options.onOutput?.(chunk, name)
        const room = max - sizes[name]
        if (room <= 0) {
          truncated = true
          return
        }
        const part = chunk.length > room ? chunk.subarray(0, room) : chunk
        truncated ||= part.length < chunk.length
        sizes[name] += part.length
        kept[name].push(part)
      })
    }
    child.on('error', (error: NodeJS.ErrnoException) => {
      stop()
      reject(
        error.code === 'ENOENT'
          ? new Failure('agent_missing', `Cannot start “${program}”: no such program or folder.`, {
              program,
              cwd: options.cwd,
            })
          : error,
      )
    })
    child.on('close', (code, signal) => {
      stop()
      if (options.signal?.aborted) return reject(new Failure('cancelled', `${program} was cancelled.`))
      resolve({
        code,
        signal,
        stdout: Buffer.concat(kept.stdout),
        stderr: Buffer.concat(kept.stderr),
        truncated,
        timedOut,
        durationMs: performance.now() - started,
      })
    })
    // A child that never reads its input must not crash us with EPIPE.
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.input)
  })
}
