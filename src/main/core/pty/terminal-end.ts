import type { Logger } from '../../kernel/logger.ts'
import { killTree } from '../../kernel/process-tree.ts'
import { listSegments, readLogSlice, readMarks } from '../../pty-protocol/log-files.ts'
import type { PtyExit } from '../../pty-protocol/pty-host.ts'
import type { KnownTerminal, Terminal } from './terminal.ts'

/** How a life of a terminal ended, as its log says; null when the log does not say. */
export async function exitInLog(life: { epoch: number; logPath: string }): Promise<PtyExit | null> {
  const marks = await readMarks(life.logPath)
  const isThisLife = marks.some((mark) => mark.k === 'open' && mark.epoch === life.epoch)
  const exit = isThisLife ? marks.findLast((mark) => mark.k === 'exit') : undefined
  return exit ?? null
}

export function lostExit(offset: number, at: number): PtyExit {
  return { code: null, signal: null, reason: 'lost', offset, at }
}

/** Ends what a terminal left whose host has died, and gives how it ended: by its log, else lost. */
export async function buryLost(terminal: Terminal, now: () => number, log: Logger): Promise<PtyExit> {
  const { id, pid, pidStartedAt, logPath } = terminal
  try {
    const root = pid !== null && pidStartedAt ? { pid, startedAt: pidStartedAt } : null
    const report = await killTree({ root, mark: id })
    if (report.survivors.length > 0) log.error('processes outlived their lost terminal', { id, ...report })
  } catch (error) {
    log.error('cannot end what a lost terminal left', { id, error })
  }
  return (await exitInLog(terminal)) ?? lostExit(await logEnd(logPath), now())
}

/**
 * A terminal of an earlier run of the core that no host holds: how it ended stands in its log, or nobody knows. Null when its
 * program never ran: hosts begin the log before the program.
 */
export async function buryUnseen(known: KnownTerminal, now: () => number): Promise<Terminal | null> {
  const exit = await exitInLog(known)
  // Its mark alone counts here: pids may have been given out anew since, start times repeat after a reboot.
  const killed = exit ? null : await killTree({ root: null, mark: known.id })
  const nothingRan = known.pid === null && killed?.signalled === 0
  if (nothingRan && (await listSegments(known.logPath)).length === 0) return null
  const end = await logEnd(known.logPath)
  return {
    ...known,
    state: exit ? 'exited' : 'lost',
    offset: exit?.offset ?? end,
    title: '',
    lastOutputAt: 0,
    logging: false,
    exit: exit ?? lostExit(end, now()),
  }
}

async function logEnd(logPath: string): Promise<number> {
  return (await readLogSlice(logPath, Number.MAX_SAFE_INTEGER, 0)).end
}
