import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Clock } from '../kernel/clock.ts'
import type { Logger } from '../kernel/logger.ts'
import { SESSION_MARK } from '../kernel/process-scan.ts'
import type { ProcessEntry } from '../kernel/process-table.ts'
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
 * writes files leaves half of them, and is ended then. What a finished child left in the background on purpose (a server
 * of a hook, a connection that ssh keeps) is left alone. Resolves when the others are gone, at once when there are none.
 */
export async function settleOrphans(
  marks: ChildMarks,
  deps: { log: Logger; clock: Clock; gitMs?: number },
): Promise<void> {
  const { log, clock } = deps
  const [gitMark, commandMark] = [marks.git[SESSION_MARK] ?? '', marks.commands[SESSION_MARK] ?? '']
  await Promise.all([
    // Each command leads a session of its own: while its leader lives, it is not through.
    end((await findTree(null, commandMark)).filter(leadsSession), 'command', log),
    (async () => {
      const deadline = clock.monotonic() + (deps.gitMs ?? GIT_MS)
      while ((await gitsOf(gitMark)).length > 0 && clock.monotonic() < deadline)
        await new Promise((later) => setTimeout(later, POLL_MS))
      await end(await gitsOf(gitMark), 'git', log)
    })(),
  ])
}

const leadsSession = (entry: ProcessEntry) => entry.sid === entry.pid

/** Gits stay in the session of their core; what git has put into the background for later is no work under way. */
async function gitsOf(mark: string): Promise<ProcessEntry[]> {
  const found = (await findTree(null, mark)).filter((entry) => !leadsSession(entry))
  const lines = await Promise.all(
    found.map(({ pid }) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')),
  )
  return found.filter((_entry, i) => !lines[i]?.includes('credential-cache--daemon'))
}

async function end(roots: readonly ProcessEntry[], kind: string, log: Logger): Promise<void> {
  for (const root of roots) {
    const outcome = await killTree({ root, mark: null })
    log.warn('ended what a killed core had left running', { kind, pid: root.pid, ...outcome })
  }
}
