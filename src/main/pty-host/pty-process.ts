import { readSync, writeSync } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { ReadStream } from 'node:tty'
import { type IPty, spawn } from 'node-pty'
import { Failure, messageOf } from '../../shared/domain/failure.ts'
import { SESSION_MARK } from '../kernel/process-scan.ts'
import type { PtySpec } from '../pty-protocol/pty-host.ts'

/** Longest pause where the tail cannot be saved at the end: node-pty destroys its socket 200 ms after the child's exit. */
const PAUSE_SLICE_MS = 60
/** More than the kernel ever buffers for a pseudoterminal; ends the final read even if something odd keeps writing. */
const MAX_TAIL_BYTES = 16 * 1024 * 1024
const READ_BYTES = 64 * 1024

export interface PtyProcessEvents {
  data(chunk: Buffer): void
  /** After the last data. `signal` is null for an ordinary end. */
  exit(code: number | null, signal: number | null): void
}

/** One process on one pseudoterminal: raw bytes in both directions and nothing lost at the end. */
export interface PtyProcess {
  readonly pid: number
  /** Stops reading; the process blocks once the kernel's buffer is full. */
  pause(): void
  resume(): void
  resize(cols: number, rows: number): void
  /** Writes what the kernel takes now and gives the number of bytes; 0 means: try again later; -1: the terminal is closed. */
  write(bytes: Uint8Array): number
}

/**
 * The program that `spec` would start, looked up as execvp would. Throws `agent_missing` or `worktree_missing`: node-pty
 * itself would start a child that prints an error and exits with 1.
 */
export async function findProgram(spec: PtySpec): Promise<string> {
  const [folder, program] = await Promise.all([stat(spec.cwd).catch(() => null), lookUp(spec)])
  if (!folder?.isDirectory()) {
    throw new Failure('worktree_missing', `The working directory ${spec.cwd} does not exist.`, {
      cwd: spec.cwd,
    })
  }
  if (program !== null) return program
  throw new Failure('agent_missing', `Cannot start “${spec.file}”: there is no such program.`, {
    program: spec.file,
  })
}

async function lookUp(spec: PtySpec): Promise<string | null> {
  const hasFolder = spec.file.includes('/') || isAbsolute(spec.file)
  const candidates = hasFolder
    ? [resolve(spec.cwd, spec.file)]
    : (spec.env.PATH ?? '')
        .split(delimiter)
        .filter(Boolean)
        .map((path) => join(resolve(spec.cwd, path), spec.file))
  for (const path of candidates) {
    const [found, runs] = await Promise.all([
      stat(path).catch(() => null),
      access(path, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ])
    if (found?.isFile() && runs) return path
  }
  return null
}

/** Starts `program` (from `findProgram`) on a new pseudoterminal. Throws `pty_failed`. */
export function startPtyProcess(program: string, spec: PtySpec, events: PtyProcessEvents): PtyProcess {
  try {
    const pty = withoutDecoding(() =>
      spawn(program, [...spec.args], {
        name: spec.env.TERM ?? 'xterm-256color',
        cols: spec.cols,
        rows: spec.rows,
        cwd: spec.cwd,
        env: { ...spec.env, [SESSION_MARK]: spec.id },
        encoding: 'utf8',
      }),
    )
    return adapt(pty, events)
  } catch (error) {
    throw new Failure(
      'pty_failed',
      `Cannot open a terminal for ${spec.file}: ${messageOf(error)}`,
      { program },
      { cause: error },
    )
  }
}

/**
 * Only for UTF-8 does node-pty tell the kernel that letters have several bytes (IUTF8), without which a backspace in a line
 * that the kernel edits takes half a letter; but then it makes text of what it reads, and bytes that are none are lost. So it
 * is asked for UTF-8 and kept from decoding, which it sets up before it returns.
 */
function withoutDecoding(start: () => IPty): IPty {
  const { setEncoding } = ReadStream.prototype
  ReadStream.prototype.setEncoding = function () {
    return this
  }
  try {
    return start()
  } finally {
    ReadStream.prototype.setEncoding = setEncoding
  }
}

function adapt(pty: IPty, events: PtyProcessEvents): PtyProcess {
  // Not in node-pty's types. Without them (another platform or version) the terminal works with node-pty's own limits.
  const socket: unknown = Reflect.get(pty, '_socket')
  const fd: unknown = Reflect.get(pty, 'fd')
  const raw =
    socket instanceof Socket && typeof fd === 'number' && process.platform !== 'win32' ? { socket, fd } : null
  let exited = false
  let slice: NodeJS.Timeout | undefined

  pty.onData((data) => {
    const chunk: unknown = data
    events.data(Buffer.isBuffer(chunk) ? chunk : Buffer.from(data))
  })
  pty.onExit(({ exitCode, signal }) => {
    exited = true
    clearTimeout(slice)
    events.exit(signal ? null : exitCode, signal ? signal : null)
  })
  if (raw) guardDestroy(raw.socket, raw.fd, pty.pid, events.data)

  return {
    pid: pty.pid,
    pause() {
      if (exited) return
      pty.pause()
      if (raw) return
      clearTimeout(slice)
      slice = setTimeout(() => pty.resume(), PAUSE_SLICE_MS)
    },
    resume() {
      clearTimeout(slice)
      if (!exited) pty.resume()
    },
    resize(cols, rows) {
      if (exited || raw?.socket.destroyed) return
      pty.resize(cols, rows)
    },
    write(bytes) {
      if (exited || raw?.socket.destroyed) return -1
      if (!raw) {
        pty.write(Buffer.from(bytes))
        return bytes.length
      }
      // Synchronous on purpose: the descriptor does not block, and an asynchronous write could meet it closed and
      // given to another file. node-pty's own writer spins at full speed while a process does not read.
      try {
        return writeSync(raw.fd, bytes)
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : ''
        return code === 'EAGAIN' ? 0 : -1
      }
    },
  }
}

/** How soon to look again whether a program that closed its terminal has ended: at once as a rule, never if it is a daemon. */
const LAST_BREATH_MS = [1, 2, 4, 8, 20, 50, 200, 1_000] as const

/**
 * Two sharp edges of node-pty's socket, both at the end of a program:
 * - It is destroyed 200 ms after the exit, read or not: with a paused or busy reader 16 kB arrived as 4 kB, exit code 0. So
 *   the destruction first reads what the kernel still holds.
 * - It is destroyed when the program closes its side, which coreutils do just before they exit: the kernel then hangs up and
 *   a program that had finished well is reported as ended by SIGHUP. So the descriptor stays open until the program is gone.
 */
function guardDestroy(socket: Socket, fd: number, pid: number, data: (chunk: Buffer) => void): void {
  const destroy = socket.destroy.bind(socket)
  let saved = false
  let reason: Error | undefined
  const saveTail = () => {
    // What the stream has read already; read() hands it on as ordinary data.
    while (socket.read() !== null) {}
    let budget = MAX_TAIL_BYTES
    while (budget > 0) {
      const buffer = Buffer.allocUnsafe(READ_BYTES)
      let size = 0
      try {
        size = readSync(fd, buffer)
      } catch {
        // EAGAIN: nothing left; EIO: the other side is closed, which is how a pseudoterminal ends.
      }
      if (size <= 0) break
      budget -= size
      data(buffer.subarray(0, size))
    }
  }
  const whenGone = (look: number) => {
    if (socket.destroyed) return
    if (!isThere(pid)) destroy(reason)
    else setTimeout(whenGone, LAST_BREATH_MS[Math.min(look, LAST_BREATH_MS.length - 1)], look + 1)
  }
  socket.destroy = (error?: Error) => {
    if (socket.destroyed) return socket
    reason ??= error
    if (!saved) {
      saved = true
      saveTail()
      whenGone(0)
    } else if (!isThere(pid)) destroy(reason)
    return socket
  }
}

/** False once node-pty has collected the process: until then its number is not given to another one. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
