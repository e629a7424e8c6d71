import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Redactor } from './redact.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

export interface Logger {
  debug(message: string, data?: Record<string, unknown>): void
  info(message: string, data?: Record<string, unknown>): void
  warn(message: string, data?: Record<string, unknown>): void
  error(message: string, data?: Record<string, unknown>): void
  /** A logger whose lines carry `name`. */
  child(name: string): Logger
}

/** Takes one finished, redacted line without its newline. */
export type LogSink = (line: string, level: Level) => void

/** JSON lines `{at, level, name, message, …data}`; every line passes the redactor at this one place. */
export function createLogger(sink: LogSink, redactor: Redactor, name = 'quartet'): Logger {
  const write = (level: Level, message: string, data?: Record<string, unknown>) => {
    const line = JSON.stringify(
      { at: new Date().toISOString(), level, name, message, ...data },
      (_key, value) =>
        value instanceof Error
          ? {
              name: value.name,
              message: value.message,
              stack: value.stack,
              ...('code' in value ? { code: value.code } : {}),
            }
          : value,
    )
    sink(redactor.text(line), level)
  }
  return {
    debug: (message, data) => write('debug', message, data),
    info: (message, data) => write('info', message, data),
    warn: (message, data) => write('warn', message, data),
    error: (message, data) => write('error', message, data),
    child: (part) => createLogger(sink, redactor, `${name}.${part}`),
  }
}

/** A logger that says nothing, for tests that do not look at logs. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}

const ROTATE_BYTES = 8 * 1024 * 1024
/** Beyond this many unwritten lines the disk cannot follow: lines are dropped and counted, memory stays bounded. */
const MAX_PENDING_LINES = 2_000

/** Appends to `path`, keeps one rotated predecessor. A full disk costs log lines, never the program. */
export function fileSink(path: string): LogSink {
  let pending: string[] = []
  let dropped = 0
  let writing = false
  const drain = async () => {
    writing = true
    try {
      await mkdir(dirname(path), { recursive: true })
      while (pending.length > 0) {
        const lines = pending
        pending = []
        if (dropped > 0)
          lines.push(JSON.stringify({ level: 'warn', message: `${dropped} log lines dropped` }))
        dropped = 0
        const size = await stat(path).then(
          (s) => s.size,
          () => 0,
        )
        if (size > ROTATE_BYTES) await rename(path, `${path}.1`)
        await appendFile(path, `${lines.join('\n')}\n`, { mode: 0o600 })
      }
    } catch {
      // Nowhere to report to: the log itself failed. Later lines try again.
      dropped += pending.length
      pending = []
    } finally {
      writing = false
    }
  }
  return (line) => {
    if (pending.length >= MAX_PENDING_LINES) dropped++
    else pending.push(line)
    if (!writing) void drain()
  }
}
