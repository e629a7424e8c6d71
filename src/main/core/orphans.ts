import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import type { Clock } from '../kernel/clock.ts'
import type { Logger } from '../kernel/logger.ts'
import { SESSION_MARK } from '../kernel/process-scan.ts'
import { findTree, killTree } from '../kernel/process-tree.ts'

// A core that is killed leaves its children behind: a git that goes on to move a branch, a check that goes on to write into
// a worktree. The next core would race with them. So every program that a core starts for itself carries the mark of the
// data directory, and a core that starts, which holds the lock of that directory, sees to them before it does anything.
// Marks can be read on Linux only; elsewhere each step has its own guard (branches move by compare-and-swap).

/** Variables for the environments of a core's own children. Agents are not among them: they belong to the pty-host. */
export interface ChildMarks {
  git: Readonly<Record<string, string>>
  commands: Readonly<Record<string, string>>
}

/** The marks of the one core that a data directory can have. */
export function childMarks(dataDir: string): ChildMarks {
  const owner = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16)
  return {
    git: { [SESSION_MARK]: `core-${owner}-git` },
    commands: { [SESSION_MARK]: `core-${owner}-command` },
  }
}

/** What a git on this machine does is over in far less; a network that hangs must not keep the app from starting. */
const GIT_MS = 15_000
const POLL_MS = 40

/**
 * Sees to the children of a core that was killed; call it with the data directory's lock held and before anything of ours
 * is started. Commands are ended: they run again. A git may end by itself within `gitMs`, since one that is ended while it
 * writes files leaves half of them, and is ended then. Resolves when none lives any more, at once when there is none.
 */
export async function settleOrphans(
  marks: ChildMarks,
  deps: { log: Logger; clock: Clock; gitMs?: number },
): Promise<void> {
  const { log, clock } = deps
  await Promise.all([
    end(marks.commands[SESSION_MARK] ?? '', 'command', log),
    (async () => {
      const mark = marks.git[SESSION_MARK] ?? ''
      const deadline = clock.monotonic() + (deps.gitMs ?? GIT_MS)
      while ((await findTree(null, mark)).length > 0 && clock.monotonic() < deadline)
        await new Promise((later) => setTimeout(later, POLL_MS))
      await end(mark, 'git', log)
    })(),
  ])
}

async function end(mark: string, kind: string, log: Logger): Promise<void> {
  const left = await findTree(null, mark)
  if (left.length === 0) return
  const outcome = await killTree({ root: null, mark })
  log.warn('ended what a killed core had left running', { kind, processes: left.length, ...outcome })
}
