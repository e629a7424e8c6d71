import { Failure } from '../../shared/domain/failure.ts'
import type { Clock } from '../kernel/clock.ts'
import { Emitter } from '../kernel/emitter.ts'
import type { Logger } from '../kernel/logger.ts'
import type { PtyEvent, PtyHost, PtySpec } from '../pty-protocol/pty-host.ts'
import { failedAttachment, unknownTerminal } from './attachment.ts'
import type { LogFiles } from './log-writer.ts'
import type { Screens } from './screens.ts'
import { Session } from './session.ts'

export interface LocalPtyHostOptions {
  clock: Clock
  log: Logger
  screens: Screens
  /** Tests make the disk fail. */
  logFiles?: LogFiles
}

/** What the process around a host may know besides. */
export interface LocalPtyHost extends PtyHost {
  /** Sessions whose program runs. */
  readonly live: number
  /** Bytes that all programs wrote so far. */
  readonly written: number
  /** Ends all programs at once; for the end of tests. */
  killAll(): Promise<void>
}

/** Terminals of this process. The detached host serves one of these over its socket; tests use it directly. */
export function createLocalPtyHost(options: LocalPtyHostOptions): LocalPtyHost {
  const sessions = new Map<string, Session>()
  const starting = new Map<string, Promise<Session>>()
  const events = new Emitter<PtyEvent>((error) =>
    options.log.error('a listener of terminal events failed', { error }),
  )

  /** Bytes of sessions that are forgotten. */
  let forgotten = 0

  const find = (id: string): Session => {
    const session = sessions.get(id)
    if (!session) throw unknownTerminal(id)
    return session
  }

  const start = async (spec: PtySpec): Promise<Session> => {
    const session = await Session.start(spec, {
      clock: options.clock,
      screens: options.screens,
      logFiles: options.logFiles,
      event: (event) => events.emit(event),
    })
    forgotten += sessions.get(spec.id)?.end ?? 0
    sessions.set(spec.id, session)
    return session
  }

  return {
    get live() {
      return starting.size + [...sessions.values()].filter((session) => !session.exit).length
    },
    get written() {
      return [...sessions.values()].reduce((sum, session) => sum + session.end, forgotten)
    },
    async list() {
      // A core that died over a start would leave a program that its successor is not told of.
      await Promise.allSettled(starting.values())
      return [...sessions.values()].map((session) => session.info())
    },
    async create(spec) {
      // The same life asked for twice (a client that reconnected) is one life.
      const under = starting.get(spec.id)
      const known = under ? await under : sessions.get(spec.id)
      if (known?.epoch === spec.epoch) return known.info()
      if (known && !known.exit)
        throw new Failure('illegal_state', 'This terminal is still running.', { id: spec.id })
      const promise = start(spec).finally(() => starting.delete(spec.id))
      starting.set(spec.id, promise)
      return (await promise).info()
    },
    attach(id, from, sink) {
      return sessions.get(id)?.attach(from, sink) ?? failedAttachment(sink, unknownTerminal(id))
    },
    write: async (id, input) => find(id).write(input),
    paste: async (id, text, how) => await find(id).paste(text, how),
    resize: async (id, cols, rows) => find(id).resize(cols, rows),
    async kill(id, reason) {
      const session = find(id)
      const report = await session.kill()
      options.log.info('terminal ended on request', { id, reason, ...report })
      return report
    },
    async forget(id) {
      const session = find(id)
      if (!session.exit) throw new Failure('illegal_state', 'This terminal is still running.', { id })
      forgotten += session.end
      sessions.delete(id)
    },
    replay: (request) => options.screens.replay(request),
    onEvent: (listener) => events.on(listener),
    onDown: () => ({ dispose: () => {} }),
    async killAll() {
      await Promise.all([...sessions.values()].map((session) => session.kill()))
    },
    dispose: () => options.screens.dispose(),
  }
}
