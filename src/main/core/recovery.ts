import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { canAttempt, isOver, occupiesSlot } from '../../shared/machines/attempt-machine.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Scope } from '../kernel/disposable.ts'
import type { Logger } from '../kernel/logger.ts'
import { logPathOfLife } from '../pty-protocol/log-files.ts'
import type { HookListener } from './agents/hook-listener.ts'
import type { AttemptFinisher } from './attempts/attempt-finisher.ts'
import type { AttemptSupervisor } from './attempts/attempt-supervisor.ts'
import type { Dispatcher } from './attempts/dispatcher.ts'
import type { MissedReports } from './attempts/missed-reports.ts'
import type { Retire } from './attempts/retire.ts'
import { moveAttempt } from './attempts/transitions.ts'
import type { Ledger } from './db/ledger.ts'
import type { LandLane } from './landing/land-lane.ts'
import type { TerminalRegistry } from './pty/terminal.ts'
import type { VerdictService } from './review/verdict-service.ts'

export interface RecoveryDeps {
  ledger: Ledger
  terminals: TerminalRegistry
  supervisor: AttemptSupervisor
  dispatcher: Dispatcher
  finisher: AttemptFinisher
  verdicts: VerdictService
  lane: LandLane
  hooks: HookListener
  missed: MissedReports
  retire: Retire
  clock: Clock
  log: Logger
  scope: Scope
  runRoot: string
}

/**
 * What boot does before anything new starts: adopts agents that went on without us, says of each other one how it ended,
 * and enters interrupted steps again. The dispatcher comes last.
 */
export async function recover(deps: RecoveryDeps): Promise<void> {
  const { ledger, terminals, supervisor, hooks, finisher } = deps
  const rows = ledger.select('terminals', "state = 'live'")
  const report = await terminals.adopt(
    rows.map((row) => ({
      id: row.id,
      epoch: row.epoch,
      pid: row.pid,
      pidStartedAt: row.pidStartedAt,
      cols: 120,
      rows: 32,
      logPath: row.logPath,
    })),
  )
  for (const { id } of report.unstarted) undoStart(deps, id)
  // Hooks first: an adopted agent may report at any moment.
  for (const attempt of ledger.select('attempts', "status NOT IN ('landed', 'trashed', 'pending')")) {
    if (attempt.terminalId && terminals.get(attempt.terminalId)?.state === 'live')
      await hooks.open(attempt.id, join(deps.runRoot, attempt.id))
  }
  // What agents reported while we were away, before how they ended.
  for (const row of rows) if (row.attemptId) await deps.missed.bringIn(row.attemptId)
  deps.missed.begin()
  for (const terminal of [...report.adopted, ...report.ended, ...report.lost]) {
    const row = ledger.get('terminals', terminal.id)
    if (terminal.state === 'live') {
      // The process was started, but we died before we wrote down its number or that it runs.
      if (row && row.pid === null)
        ledger.commit((tx) =>
          tx.patch('terminals', row.id, { pid: terminal.pid, pidStartedAt: terminal.pidStartedAt }),
        )
      const attempt = row?.attemptId ? ledger.get('attempts', row.attemptId) : undefined
      if (attempt?.status === 'starting')
        ledger.commit((tx) =>
          moveAttempt(ledger, tx, attempt.id, 'run', { now: deps.clock.now(), source: 'process' }),
        )
    } else if (terminal.exit) {
      supervisor.onExit(terminal.id, terminal.exit)
    }
  }
  // Terminals that nobody knows belong to a database that was replaced: they are ended, their logs stay.
  for (const terminal of report.unknown) {
    // One that has ended is only remembered by its host: it can still be looked at.
    if (terminal.state !== 'live') continue
    deps.log.warn('ending a terminal that the database does not know', { id: terminal.id })
    deps.scope.run(
      `ending ${terminal.id}`,
      async () => void (await terminals.kill(terminal.id, 'unknown to the database')),
    )
  }
  for (const row of ledger.select('terminals', "state = 'live' AND killRequestedAt IS NOT NULL")) {
    deps.scope.run(
      `ending ${row.id}`,
      async () => void (await terminals.kill(row.id, 'finishing an interrupted end')),
    )
  }
  for (const attempt of ledger.select('attempts')) {
    if (isOver(attempt.status)) continue
    const terminal = attempt.terminalId ? terminals.get(attempt.terminalId) : null
    if (attempt.status === 'preparing') deps.dispatcher.restart(attempt.id)
    else if (
      attempt.status === 'finished' ||
      attempt.status === 'verifying' ||
      attempt.status === 'reviewing'
    ) {
      if (attempt.status !== 'finished')
        ledger.commit((tx) =>
          tx.patch('attempts', attempt.id, { status: 'finished', statusAt: deps.clock.now() }),
        )
      finisher.begin(attempt.id)
    } else if (
      occupiesSlot(attempt.status) &&
      terminal?.state !== 'live' &&
      canAttempt(attempt.status, 'lose')
    ) {
      ledger.commit((tx) => {
        const now = deps.clock.now()
        const detail =
          attempt.status === 'starting'
            ? 'Quartet ended before its agent was started again. Nothing of it has run: resume it.'
            : 'Its terminal is gone and nothing says how it ended. Worktree and transcript are kept.'
        moveAttempt(ledger, tx, attempt.id, 'lose', {
          now,
          reason: detail,
          change: {
            endReason: 'terminal_lost',
            endedAt: now,
            attention: { kind: 'crash', since: now, detail },
          },
        })
      })
    }
  }
  for (const id of deps.retire.unfinishedTasks()) deps.scope.run(`retiring ${id}`, () => deps.retire.task(id))
  // Private folders of attempts that are over serve nobody.
  for (const attempt of ledger.select('attempts', "status IN ('landed', 'trashed') AND trashRef IS NOT NULL"))
    await rm(join(deps.runRoot, attempt.id), { recursive: true, force: true })
  deps.verdicts.begin()
  deps.lane.begin()
  deps.dispatcher.begin()
}

/**
 * Takes back the note of a life that never began. A first one is prepared again, as if nothing had been noted; of a resumed
 * agent the earlier life is the newest again, and the engineer, whose message is gone, decides.
 */
function undoStart({ ledger, clock }: RecoveryDeps, terminalId: string): void {
  ledger.commit((tx) => {
    const row = tx.require('terminals', terminalId)
    if (row.epoch > 1) {
      const epoch = row.epoch - 1
      tx.patch('terminals', row.id, { epoch, state: 'exited', logPath: logPathOfLife(row, epoch) })
      return
    }
    const attempt = row.attemptId ? tx.get('attempts', row.attemptId) : undefined
    tx.remove('terminals', row.id)
    if (attempt?.status === 'starting')
      tx.patch('attempts', attempt.id, {
        status: 'preparing',
        statusAt: clock.now(),
        terminalId: null,
        sessionRef: null,
      })
  })
}
