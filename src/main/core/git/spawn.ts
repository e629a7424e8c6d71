import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type SimpleGitOptions, simpleGit } from 'simple-git'
import type { Disposable } from '../../kernel/disposable.ts'
import { endProcessTree } from './end-process-tree.ts'

// simple-git (4.x) starts every git process of the app: its guards look at each argv (no `--upload-pack`, `--exec`, `-C`,
// `--git-dir` or abbreviated option slips in) and strip inherited GIT_* variables. What it cannot do is added here:
// - its time-out sends SIGINT to git alone; ssh, filters and remote helpers stay. We end the whole tree.
// - it keeps all output, however much. We stop the child at `maxBytes`.
// - it leaves an unused stdin open, so a child that reads would hang. We close it.
// - it waits 50 ms more when a command printed nothing, which most writing plumbing does. See `SETTLE`.
// For the first three we need the ChildProcess, which Node announces on a diagnostics channel while it is constructed.

export interface SpawnRequest {
  cwd: string
  args: readonly string[]
  env: Record<string, string>
  input?: string | Buffer | undefined
  timeoutMs: number
  signal?: AbortSignal | undefined
  /** Output kept on stdout; at the limit the child is ended and `truncated` is set. */
  maxBytes: number
  onStderr?: ((chunk: Buffer) => void) | undefined
  /** The environment overrides a remote's upload-pack program, which simple-git's guard must let pass. */
  overridesPack: boolean
}

export interface SpawnResult {
  /** Exit code; null when a signal ended the child (ours, after a time-out, an abort or too much output). */
  code: number | null
  stdout: Buffer
  stderr: Buffer
  truncated: boolean
  timedOut: boolean
  aborted: boolean
  /** Why the program could not be started. */
  startError: NodeJS.ErrnoException | null
  durationMs: number
}

export interface Spawner extends Disposable {
  spawn(request: SpawnRequest): Promise<SpawnResult>
}

/** stderr is for people and progress; more than this is noise. */
const MAX_STDERR_BYTES = 256 * 1024
/** An escaped daemon may hold the pipes open for ever after the tree was ended. */
const CLOSE_GRACE_MS = 1_000

/**
 * The guard judges configuration by key alone, and ours switches things *off* (`core.hooksPath=/dev/null`). Configuration
 * reaches git only through our own environment (the runner refuses `-c` and `config` writes), so these categories are
 * open; those about options on the command line (exec, pack, config paths) stay shut.
 */
const CONFIG_CATEGORIES: NonNullable<SimpleGitOptions['unsafe']> = {
  allowUnsafeAlias: true,
  allowUnsafeAskPass: true,
  allowUnsafeCommandBinaries: true,
  allowUnsafeConfigEnvCount: true,
  allowUnsafeCredentialHelper: true,
  allowUnsafeCustomBinary: true,
  allowUnsafeDiffExternal: true,
  allowUnsafeDiffTextConv: true,
  allowUnsafeEditor: true,
  allowUnsafeFilter: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeGitProxy: true,
  allowUnsafeGpgProgram: true,
  allowUnsafeHooksPath: true,
  allowUnsafeInclude: true,
  allowUnsafeMergeDriver: true,
  allowUnsafePager: true,
  allowUnsafeProtocolOverride: true,
  allowUnsafeSshCommand: true,
  allowUnsafeSubmodule: true,
  allowUnsafeTemplateDir: true,
  allowUnsafeUrlRewrite: true,
}

/** Starts git processes; `binary` is a name on PATH or a path. Dispose it when no call is under way any more. */
export function createSpawner(binary: string): Spawner {
  let latest: ChildProcess | undefined
  const onChild = (message: unknown) => {
    if (isAnnouncement(message)) latest = message.process
  }
  subscribe('child_process', onChild)

  const spawn = async (request: SpawnRequest): Promise<SpawnResult> => {
    const started = performance.now()
    const result: SpawnResult = {
      code: null,
      stdout: Buffer.alloc(0),
      stderr: Buffer.alloc(0),
      truncated: false,
      timedOut: false,
      aborted: request.signal?.aborted ?? false,
      startError: null,
      durationMs: 0,
    }
    if (result.aborted) return result
    const kept: Buffer[] = []
    const said: Buffer[] = []
    let size = 0
    let saidSize = 0
    let stop = () => {}
    const git = simpleGit({
      baseDir: request.cwd,
      binary,
      completion: { onClose: true, onExit: false },
      // Exit codes are judged by the runner.
      errors: () => undefined,
      unsafe: { ...CONFIG_CATEGORIES, allowUnsafePack: request.overridesPack },
      allowEnvironment: Object.keys(request.env).filter((key) => key.startsWith('GIT_')),
      trimmed: false,
      ...(request.input === undefined ? {} : { input: () => request.input }),
    })
    git.env(request.env)
    const ended = new Promise<void>((resolve) => {
      git.outputHandler((_command, stdout, stderr) => {
        const child = latest
        latest = undefined
        if (!child || child.stdout !== stdout)
          throw new Error('Node did not announce the git process that was just started.')
        let ending = false
        const end = () => {
          if (ending) return
          ending = true
          const pid = child.pid
          if (pid === undefined) return resolve()
          void endProcessTree(pid).finally(() => setTimeout(resolve, CLOSE_GRACE_MS).unref())
        }
        const deadline = setTimeout(() => {
          result.timedOut = true
          end()
        }, request.timeoutMs)
        const abort = () => {
          result.aborted = true
          end()
        }
        request.signal?.addEventListener('abort', abort, { once: true })
        stop = () => {
          clearTimeout(deadline)
          request.signal?.removeEventListener('abort', abort)
        }
        stdout.on('data', (chunk: Buffer) => {
          const room = request.maxBytes - size
          if (chunk.length > room) {
            result.truncated = true
            end()
          }
          if (room > 0) kept.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
          size += Math.min(chunk.length, Math.max(room, 0))
        })
        stderr.on('data', (chunk: Buffer) => {
          request.onStderr?.(chunk)
          if (saidSize < MAX_STDERR_BYTES) said.push(chunk)
          saidSize += chunk.length
        })
        // SETTLE: simple-git ends 50 ms earlier once it saw any data, an empty chunk included.
        stdout.once('end', () => stdout.emit('data', Buffer.alloc(0)))
        child.once('error', (error) => {
          result.startError = error
          resolve()
        })
        child.once('close', (code) => {
          result.code = code
          resolve()
        })
        if (request.input === undefined) child.stdin?.end()
      })
    })
    try {
      await Promise.race([git.raw([...request.args]), ended])
      await ended
    } finally {
      stop()
    }
    result.stdout = Buffer.concat(kept)
    result.stderr = Buffer.concat(said)
    result.durationMs = performance.now() - started
    return result
  }

  return { spawn, dispose: () => unsubscribe('child_process', onChild) }
}

function isAnnouncement(message: unknown): message is { process: ChildProcess } {
  return typeof message === 'object' && message !== null && 'process' in message
}
